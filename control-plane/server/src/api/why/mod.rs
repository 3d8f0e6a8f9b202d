//! Why some traces are bad: what sets them apart from good ones, over every attribute of every span.

mod sides;

use axum::http::StatusCode;
use control_plane_analysis::{Comparison, Findings, Row, Side, Value};
use control_plane_model::{
    listing::{LatencyBin, Order, Search},
    sample::{Sample, SampleQuery},
    store::{Scope, SpanStore},
};
use futures_util::StreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use self::sides::{AGAINST, WhyFilter, is_of_outcomes};
use self::sides::{SideQuery, Sides, TenantFacts};
use super::{Answer, Query, SloAnswer, View};
use crate::{
    problem::{Problem, off_thread},
    text::{count, link, moment, percent},
    window::Window,
};

/// Traces of a side: enough to tell a share within two in a hundred.
const SAMPLED: usize = 3_000;
/// So much of the window is not slow, where nobody says more.
const USUAL: f64 = 0.95;
/// Fewer slow traces than these say nothing.
const FEW: f64 = 20.0;

/// One side of the comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SideAnswer {
    /// The side in words: "failed requests of cirrus".
    pub name: String,
    /// The filter expression that its traces match. Without one, all traces of the window belong to it.
    pub expression: Option<String>,
    /// The beginning of its window, Unix seconds.
    pub from: i64,
    /// The end of its window.
    pub to: i64,
    /// How many traces match.
    pub matched: usize,
    /// How many of them were compared, each as one, however many it stands for.
    pub compared: usize,
    /// Whether there were more to look at than a search may.
    pub truncated: bool,
}

/// What sets the bad apart from the good.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WhyAnswer {
    /// What they were set against.
    pub against: String,
    /// One sentence for a person.
    pub summary: String,
    /// The traces that were asked about.
    pub bad: SideAnswer,
    /// The traces that they were compared with.
    pub good: SideAnswer,
    /// What they differ in.
    #[serde(flatten)]
    pub findings: Findings,
}

/// `GET /api/why`
pub(super) async fn why(view: View, Query(filter): Query<WhyFilter>) -> Answer<WhyAnswer> {
    view.why(&filter).await.map(axum::Json)
}

/// Compares the traces of both sides.
pub(super) async fn compared(
    spans: &dyn SpanStore,
    scope: &Scope,
    slo: &SloAnswer,
    filter: &WhyFilter,
) -> Result<WhyAnswer, Problem> {
    let against = filter.against()?;
    if against == "tier" && scope.tenant().is_some() {
        return Err(Problem::new(StatusCode::FORBIDDEN, "Only operators and viewers may compare with the tier."));
    }
    let window = filter.window(Timestamp::now())?;
    let mut known = TenantFacts::default();
    let status = filter.conditions.tenant.as_deref().and_then(|tenant| slo.tenant(tenant)).map(|line| &line.status);
    known.tier = status.map(|status| status.tier.clone());
    if against == "quick" {
        let promised = status.map(|status| status.evaluation.objectives.latency.within_ms);
        known.slow_from = slow_from(spans, scope, filter, window, promised).await?;
    }
    let Sides { bad, good, settings } = filter.sides(window, &known)?;
    let (of_bad, of_good) = tokio::try_join!(sample(spans, scope, &bad), sample(spans, scope, &good))?;
    let mut bad = SideAnswer::of(bad, &of_bad);
    let mut good = SideAnswer::of(good, &of_good);
    let mut comparison = Comparison::new(settings);
    for (side, sample) in [(Side::Bad, of_bad), (Side::Good, of_good)] {
        comparison = add(comparison, side, sample).await?;
    }
    let findings = off_thread(move || comparison.findings()).await?;
    (bad.compared, good.compared) = (findings.bad, findings.good);
    let summary = summary(&bad, &good, &findings);
    Ok(WhyAnswer { against: against.to_owned(), summary, bad, good, findings })
}

/// From how many seconds on a request is slow: as was asked; else what was promised, if so many are slower that it tells them apart; else so that one in
/// twenty of the window's is, or a few more.
async fn slow_from(
    spans: &dyn SpanStore,
    scope: &Scope,
    filter: &WhyFilter,
    window: Window,
    promised_ms: Option<f64>,
) -> Result<f64, Problem> {
    if let Some(asked) = filter.conditions.slower_than()? {
        return Ok(asked);
    }
    let search = Search {
        from_ns: window.from_ns,
        to_ns: window.to_ns,
        expression: filter.conditions.expression()?.map(|text| text.parse()).transpose()?,
        order: Order::Newest,
        limit: 1,
    };
    let bins = spans.search(scope, search).await?.latency;
    Ok(slow_bin(&bins, promised_ms) / 1e3)
}

/// The bin of a histogram from which on requests count as slow, in milliseconds.
fn slow_bin(bins: &[LatencyBin], promised_ms: Option<f64>) -> f64 {
    let all: f64 = bins.iter().map(|bin| bin.count).sum();
    let slower = |than: f64| bins.iter().filter(|bin| bin.from_ms >= than).map(|bin| bin.count).sum::<f64>();
    if let Some(promised) = promised_ms.filter(|promised| (FEW..=all / 2.0).contains(&slower(*promised))) {
        return promised;
    }
    let usual = bins.iter().rfind(|bin| slower(bin.from_ms) >= all * (1.0 - USUAL));
    let first = bins.first().filter(|first| usual.is_none_or(|usual| usual.from_ms <= first.from_ms));
    // Where so many took the least time, longer is what took more.
    first.map(|first| first.to_ms).or(usual.map(|usual| usual.from_ms)).unwrap_or_default()
}

async fn sample(spans: &dyn SpanStore, scope: &Scope, sought: &SideQuery) -> Result<Sample, Problem> {
    let query = SampleQuery {
        from_ns: sought.window.from_ns,
        to_ns: sought.window.to_ns,
        expression: sought.expression.as_deref().map(str::parse).transpose()?,
        limit: SAMPLED,
    };
    Ok(spans.sample(scope, query).await?)
}

/// Adds a sample's traces, some at a time and apart from what else is answered.
async fn add(mut comparison: Comparison, side: Side, mut sample: Sample) -> Result<Comparison, Problem> {
    while let Some(traces) = sample.traces.next().await {
        let traces = traces?;
        comparison = off_thread(move || {
            traces.iter().for_each(|trace| comparison.add(side, trace));
            comparison
        })
        .await?;
        if comparison.is_full(side) {
            break;
        }
    }
    Ok(comparison)
}

fn summary(bad: &SideAnswer, good: &SideAnswer, findings: &Findings) -> String {
    if bad.matched == 0 {
        return format!("There are no {} in this window.", bad.name);
    }
    if good.matched == 0 {
        return format!(
            "There is nothing to set the {} {} against: there are no {}.",
            bad.matched, bad.name, good.name
        );
    }
    let top = findings.ranked.causes.first().filter(|row| row.significant);
    let (what, of_bad, of_good) = match (&findings.ranked.together, top) {
        (Some(both), _) => {
            let names: Vec<String> = both.values.iter().map(Value::words).collect();
            (names.join(" together with "), both.bad, both.good)
        }
        (None, Some(row)) => (row.value.words(), row.bad, row.good),
        (None, None) => {
            return format!(
                "Nothing sets the {} {} apart from {} by more than chance.",
                bad.matched, bad.name, good.name
            );
        }
    };
    format!(
        "Of {} {}, {} have {what}; of {}, {}.",
        bad.matched,
        bad.name,
        bad.share(of_bad),
        good.name,
        good.share(of_good)
    )
}

impl SideAnswer {
    fn of(sought: SideQuery, sample: &Sample) -> Self {
        let (from, to) = sought.window.seconds();
        let SideQuery { name, expression, .. } = sought;
        Self { name, expression, from, to, matched: sample.matched, compared: 0, truncated: sample.truncated }
    }

    /// How many traces it has, in words: "24 that went well", not "24 those that went well".
    pub fn counted(&self) -> String {
        let name = self.name.strip_prefix("those ").unwrap_or(&self.name);
        format!("{} {name}", count(self.matched))
    }

    /// Which share of those that were compared so many are, as a percentage.
    pub fn share(&self, of: usize) -> String {
        if of == self.compared { "100 %".to_owned() } else { percent(of as f64 / self.compared.max(1) as f64) }
    }

    /// How many of those that match were compared, in words.
    pub fn sampling(&self) -> String {
        match self.matched {
            matched if matched <= self.compared => "all of them".to_owned(),
            matched => {
                let one_in = matched as f64 / self.compared.max(1) as f64;
                format!("{} of them, 1 in {one_in:.1}", self.compared)
            }
        }
    }

    /// Path of the page with those of its traces that match some more expressions; with all of them, if there are none.
    pub fn traces(&self, more: &[String]) -> String {
        let own = self.expression.as_ref().map(|own| if more.is_empty() { own.clone() } else { format!("({own})") });
        let filter = own.into_iter().chain(more.iter().cloned()).collect::<Vec<_>>().join(" AND ");
        let filter = Some(filter).filter(|filter| !filter.is_empty());
        link("/traces", &[("filter", filter), ("from", Some(moment(self.from))), ("to", Some(moment(self.to)))])
    }
}

/// Whether a row is chance, in words.
pub fn verdict(row: &Row) -> &'static str {
    if row.significant { "not by chance" } else { "may be chance" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_what_was_promised_or_one_in_twenty() {
        let bins = |counts: &[f64]| -> Vec<LatencyBin> {
            let bin = |(at, count): (usize, &f64)| LatencyBin {
                from_ms: 100.0 * at as f64,
                to_ms: 100.0 * (at + 1) as f64,
                count: *count,
            };
            counts.iter().enumerate().map(bin).collect()
        };
        for (counts, promised, slow_from) in [
            (&[500.0, 400.0, 60.0, 40.0][..], None, 200.0),
            (&[500.0, 400.0, 60.0, 40.0], Some(100.0), 100.0),
            // Nearly all are slower, or hardly any: what was promised does not tell them apart.
            (&[500.0, 400.0, 60.0, 40.0], Some(0.0), 200.0),
            (&[500.0, 400.0, 90.0, 10.0], Some(300.0), 200.0),
            (&[990.0, 10.0], None, 100.0),
            (&[10.0], None, 100.0),
            (&[], None, 0.0),
        ] {
            assert_eq!(slow_bin(&bins(counts), promised), slow_from, "{counts:?} {promised:?}");
        }
    }
}
