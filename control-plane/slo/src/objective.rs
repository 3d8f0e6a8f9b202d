//! What was promised: to a tier, and to a tenant that was promised something else.
//!
//! An SLO with a `ratioMetric` of failed to all requests is one of availability. An SLO with a `thresholdMetric` of durations is
//! one of latency: the share `target` of requests takes at most `value` milliseconds. Both hold over 30 rolling days and
//! are budgeted by occurrences. The label `tier` says whose they are, the label `tenant` which one's of that tier.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::openslo::{Document, IndicatorSpec, Metric, Objective, Slo};

/// Tiers that can be promised something.
pub const TIERS: [&str; 3] = ["basic", "standard", "premium"];

/// Most requests do not fail.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    /// Share of requests that shall not fail, above 0 and below 1.
    pub target: f64,
}

impl Availability {
    /// Share of requests that may fail: 1 − target, rounded to 1e-12 so that 0.999 allows 0.001 and not a little more.
    pub fn allowed(&self) -> f64 {
        share_left(self.target)
    }
}

/// Most requests are quick.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Share of requests that shall be quick, above 0 and below 1.
    pub target: f64,
    /// How long a quick request takes at most, in milliseconds.
    pub within_ms: f64,
}

impl Latency {
    /// Share of requests that may be slow: 1 − target, rounded likewise.
    pub fn allowed(&self) -> f64 {
        share_left(self.target)
    }

    /// How long a quick request takes at most, in nanoseconds.
    pub fn within_ns(&self) -> f64 {
        self.within_ms * 1e6
    }
}

/// What a tenant was promised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Objectives {
    /// How many requests may fail.
    pub availability: Availability,
    /// How many may be slow.
    pub latency: Latency,
}

/// Why definitions were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file is no YAML; the problem says the line.
    #[error("{file}: {problem}")]
    Syntax {
        /// Name of the file.
        file: String,
        /// What the parser says.
        problem: String,
    },
    /// A field is missing, or its value is not one that is understood.
    #[error("{file}, document {document}, {field}: {problem}")]
    Field {
        /// Name of the file.
        file: String,
        /// Number of the document in the file, from 1.
        document: usize,
        /// Path of the field.
        field: String,
        /// What is wrong.
        problem: String,
    },
    /// A tier has only one of the two objectives.
    #[error("tier {tier} needs an SLO of availability and one of latency")]
    Half {
        /// The name of the tier.
        tier: String,
    },
}

#[derive(Debug, Clone, Copy, Default)]
struct Promise {
    availability: Option<Availability>,
    latency: Option<Latency>,
}

/// All that was promised to anybody.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// By tier, and by tenant where it is an override.
    promises: BTreeMap<(String, Option<String>), Promise>,
}

/// Every file of infra/slo, as it was when this was built.
const FILES: [(&str, &str); 5] = [
    ("service.yaml", include_str!("../../../infra/slo/service.yaml")),
    ("basic.yaml", include_str!("../../../infra/slo/basic.yaml")),
    ("standard.yaml", include_str!("../../../infra/slo/standard.yaml")),
    ("premium.yaml", include_str!("../../../infra/slo/premium.yaml")),
    ("tenants/oceanic.yaml", include_str!("../../../infra/slo/tenants/oceanic.yaml")),
];

impl Definitions {
    /// Those of infra/slo, as they were when this was built.
    ///
    /// # Errors
    ///
    /// If they contradict themselves.
    pub fn compiled() -> Result<Self, Error> {
        Self::read(FILES)
    }

    /// Reads files, each with its name and text.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Error> {
        let mut definitions = Self::default();
        let mut services = BTreeSet::new();
        let mut wanted = Vec::new();
        for (file, text) in files {
            let documents: Vec<Value> = serde_saphyr::from_multiple(text)
                .map_err(|problem| Error::Syntax { file: file.to_owned(), problem: problem.to_string() })?;
            for (index, value) in documents.into_iter().enumerate() {
                let place = Place { file, document: index + 1 };
                let document: Document = place.parse("", value)?;
                place.check(document.api_version == "openslo/v1", "apiVersion", "must be openslo/v1")?;
                match document.kind.as_str() {
                    "Service" => _ = services.insert(document.metadata.name),
                    "SLO" => wanted.push((place, definitions.take(&place, document)?)),
                    _ => return Err(place.wrong("kind", "must be Service or SLO")),
                }
            }
        }
        for (place, service) in wanted {
            place.check(services.contains(&service), "spec.service", &format!("no Service is named {service}"))?;
        }
        for ((tier, tenant), promise) in &definitions.promises {
            if tenant.is_none() && (promise.availability.is_none() || promise.latency.is_none()) {
                return Err(Error::Half { tier: tier.clone() });
            }
        }
        Ok(definitions)
    }

    /// What a tenant of a tier was promised: its own objective where it has one, else its tier's. Nothing if its tier is
    /// promised nothing.
    pub fn of(&self, tenant: Option<&str>, tier: &str) -> Option<Objectives> {
        let promise = |tenant: Option<&str>| {
            self.promises.get(&(tier.to_owned(), tenant.map(str::to_owned))).copied().unwrap_or_default()
        };
        let own = tenant.map(|tenant| promise(Some(tenant))).unwrap_or_default();
        let general = promise(None);
        Some(Objectives {
            availability: own.availability.or(general.availability)?,
            latency: own.latency.or(general.latency)?,
        })
    }

    /// Remembers an SLO, and answers with the name of its service.
    fn take(&mut self, place: &Place<'_>, document: Document) -> Result<String, Error> {
        let label = |name: &str| match document.metadata.labels.get(name) {
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(place.wrong(&format!("metadata.labels.{name}"), "must be one string")),
            None => Ok(None),
        };
        let tier = label("tier")?.filter(|tier| TIERS.contains(&tier.as_str()));
        let tier = tier.ok_or_else(|| place.wrong("metadata.labels.tier", "must be basic, standard or premium"))?;
        let tenant = label("tenant")?;
        let slo: Slo = place.parse("spec", document.spec)?;

        let [window] = slo.time_window.as_slice() else {
            return Err(place.wrong("spec.timeWindow", "must have exactly one item"));
        };
        place.check(window.duration == "30d", "spec.timeWindow[0].duration", "must be 30d")?;
        place.check(window.is_rolling, "spec.timeWindow[0].isRolling", "must be true")?;
        place.check(slo.budgeting_method == "Occurrences", "spec.budgetingMethod", "must be Occurrences")?;
        let [objective] = slo.objectives.as_slice() else {
            return Err(place.wrong("spec.objectives", "must have exactly one item"));
        };

        let promise = self.promises.entry((tier, tenant)).or_default();
        let twice = match place.promised(&slo.indicator.spec, objective)? {
            Promised::Availability(availability) => promise.availability.replace(availability).is_some(),
            Promised::Latency(latency) => promise.latency.replace(latency).is_some(),
        };
        place.check(!twice, "metadata.labels", "another SLO says the same of this tier and tenant")?;
        Ok(slo.service)
    }
}

enum Promised {
    Availability(Availability),
    Latency(Latency),
}

/// Where in the files an error is.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    document: usize,
}

impl Place<'_> {
    fn wrong(&self, field: &str, problem: &str) -> Error {
        Error::Field {
            file: self.file.to_owned(),
            document: self.document,
            field: field.to_owned(),
            problem: problem.to_owned(),
        }
    }

    fn check(&self, holds: bool, field: &str, problem: &str) -> Result<(), Error> {
        if holds { Ok(()) } else { Err(self.wrong(field, problem)) }
    }

    fn parse<T: DeserializeOwned>(&self, under: &str, value: Value) -> Result<T, Error> {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            let field = match (under, path.as_str()) {
                ("", ".") => "document".to_owned(),
                ("", path) => path.to_owned(),
                (under, ".") => under.to_owned(),
                (under, path) => format!("{under}.{path}"),
            };
            self.wrong(&field, &error.inner().to_string())
        })
    }

    fn promised(&self, indicator: &IndicatorSpec, objective: &Objective) -> Result<Promised, Error> {
        let target = self.target(objective)?;
        match (&indicator.ratio_metric, &indicator.threshold_metric) {
            (Some(ratio), None) => {
                let at = "spec.indicator.spec.ratioMetric";
                self.check(ratio.counter, &format!("{at}.counter"), "must be true")?;
                self.measures(&ratio.bad, "failed", &format!("{at}.bad"))?;
                self.measures(&ratio.total, "requests", &format!("{at}.total"))?;
                self.check(objective.op.is_none(), "spec.objectives[0].op", "has no place beside a ratioMetric")?;
                self.check(objective.value.is_none(), "spec.objectives[0].value", "has no place beside a ratioMetric")?;
                Ok(Promised::Availability(Availability { target }))
            }
            (None, Some(threshold)) => {
                self.measures(threshold, "duration_ms", "spec.indicator.spec.thresholdMetric")?;
                self.check(objective.op.as_deref() == Some("lte"), "spec.objectives[0].op", "must be lte")?;
                let within_ms = objective.value.filter(|value| value.is_finite() && *value > 0.0);
                let within_ms = within_ms
                    .ok_or_else(|| self.wrong("spec.objectives[0].value", "must be milliseconds, more than 0"))?;
                Ok(Promised::Latency(Latency { target, within_ms }))
            }
            _ => Err(self.wrong("spec.indicator.spec", "must have either ratioMetric or thresholdMetric")),
        }
    }

    fn measures(&self, metric: &Metric, measure: &str, at: &str) -> Result<(), Error> {
        let source = &metric.metric_source;
        self.check(source.r#type == "spans", &format!("{at}.metricSource.type"), "must be spans")?;
        let problem = format!("must be {measure}");
        self.check(source.spec.measure == measure, &format!("{at}.metricSource.spec.measure"), &problem)
    }

    fn target(&self, objective: &Objective) -> Result<f64, Error> {
        let (field, target) = match (objective.target, objective.target_percent) {
            (Some(target), None) => ("spec.objectives[0].target", target),
            (None, Some(percent)) => ("spec.objectives[0].targetPercent", 1.0 - share_left(percent / 100.0)),
            _ => return Err(self.wrong("spec.objectives[0]", "must have either target or targetPercent")),
        };
        // A target of 0 promises nothing, and one of 1 leaves no budget to measure.
        self.check(target > 0.0 && target < 1.0, field, "must be above 0 and below 1 (100 %)")?;
        Ok(target)
    }
}

fn share_left(share: f64) -> f64 {
    ((1.0 - share) * 1e12).round() / 1e12
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_objectives_is_compiled_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/slo");
        let names = |path: &Path| -> Vec<String> {
            let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
            let files = entries.filter(|path| path.is_file());
            files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        };
        let tenants = names(&folder.join("tenants")).into_iter().map(|name| format!("tenants/{name}"));
        let found: BTreeSet<String> = names(&folder).into_iter().chain(tenants).collect();
        assert_eq!(found, FILES.iter().map(|(name, _)| (*name).to_owned()).collect());
        let definitions = Definitions::compiled().unwrap();
        assert!(definitions.of(Some("oceanic"), "premium").unwrap().availability.target > 0.9995);
    }
}
