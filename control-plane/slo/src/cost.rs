//! Who costs what: time, requests and money by tenant, tier and service, of all requests that those seen stand for.
//!
//! Money is whole millionths of the currency. The total is computed once, unsplit: per service, requests × price of a request +
//! seconds × memory × price of a GB-second, summed and rounded. It is then divided by largest remainders, in millionths among
//! (tenant, tier, service), and in cents among the lines of each breakdown, so that every breakdown adds up to the total in both
//! units. A line's cents are off by less than one and a half from its millionths.

use std::{cmp::Ordering, collections::BTreeMap};

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{row::Row, split::split};

const MICROS_PER_CENT: u64 = 10_000;

/// What is paid for, as a price file says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Of all prices; ISO 4217.
    pub currency: String,
    /// Services that have no entry of their own.
    pub default: ServicePrices,
    /// By `service.name`.
    #[serde(default)]
    pub services: BTreeMap<String, ServicePrices>,
}

impl Prices {
    /// Those of a service.
    pub(crate) fn of(&self, service: &str) -> &ServicePrices {
        self.services.get(service).unwrap_or(&self.default)
    }
}

/// Prices of one service, in units of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePrices {
    /// A million requests, all that is paid for each added up: gateway, invocation, messages, writes.
    #[serde(deserialize_with = "not_negative")]
    pub per_million_requests: f64,
    /// A second of 1 GB.
    #[serde(deserialize_with = "not_negative")]
    pub per_gb_second: f64,
    /// Memory of the service's functions in MB; 1024 are a GB.
    pub memory_mb: u32,
}

impl ServicePrices {
    /// Millionths of the currency.
    pub(crate) fn micros(&self, requests: f64, duration_ns: f64) -> f64 {
        let gb_seconds = duration_ns / 1e9 * f64::from(self.memory_mb) / 1_024.0;
        requests * self.per_million_requests + gb_seconds * self.per_gb_second * 1e6
    }
}

fn not_negative<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let price = f64::deserialize(deserializer)?;
    if price.is_finite() && price >= 0.0 {
        Ok(price)
    } else {
        Err(D::Error::custom("a price must be a number that is not negative"))
    }
}

/// What a line has of the total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Requests, weighted.
    pub requests: f64,
    /// Share of all requests.
    pub requests_share: f64,
    /// Durations, weighted, in seconds.
    pub seconds: f64,
    /// Share of all durations.
    pub seconds_share: f64,
    /// Money in millionths of the currency, or `None` without prices.
    pub micros: Option<u64>,
    /// Money in hundredths of the currency, or `None` without prices.
    pub cents: Option<u64>,
    /// Whether the weight of some requests is not known, so that the numbers are too low or right.
    pub estimated: bool,
}

impl Share {
    /// Orders the dearest first: by money, then by time.
    pub fn dearer_first(&self, other: &Self) -> Ordering {
        other.micros.cmp(&self.micros).then_with(|| other.seconds.total_cmp(&self.seconds))
    }
}

/// One of a breakdown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Tenant, if the breakdown is by tenant; empty for requests of nobody that is known.
    pub tenant: Option<String>,
    /// Tier, if the breakdown is by tier; empty for requests of nobody that is known.
    pub tier: Option<String>,
    /// Service, if the breakdown is by service.
    pub service: Option<String>,
    /// What it has of the total.
    #[serde(flatten)]
    pub share: Share,
}

/// What tenants cost, by tenant, tier and service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostReport {
    /// Of all money, or `None` without prices.
    pub currency: Option<String>,
    /// All of it, unsplit.
    pub total: Share,
    /// By tenant and its tier at the time.
    pub tenants: Vec<Line>,
    /// The costs by tier.
    pub tiers: Vec<Line>,
    /// The costs by service.
    pub services: Vec<Line>,
    /// The costs by tenant, tier and service.
    pub lines: Vec<Line>,
}

/// Tenant, tier, service.
type Names = [Option<String>; 3];

#[derive(Debug, Clone, Copy, Default)]
struct Use {
    requests: f64,
    duration_ns: f64,
    estimated: u64,
    micros: u64,
}

impl Use {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.duration_ns += other.duration_ns;
        self.estimated += other.estimated;
        self.micros += other.micros;
    }
}

impl CostReport {
    /// Attributes all requests of the rows.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Row>, prices: Option<&Prices>) -> Self {
        let mut uses: BTreeMap<Names, Use> = BTreeMap::new();
        for row in rows {
            let key = &row.key;
            let known = |name: &Option<String>| Some(name.clone().unwrap_or_default());
            uses.entry([known(&key.tenant), known(&key.tier), Some(key.service.clone())]).or_default().add(&Use {
                requests: row.cell.weight,
                duration_ns: row.cell.weighted_duration_ns,
                estimated: row.cell.estimated,
                micros: 0,
            });
        }
        if let Some(prices) = prices {
            price(&mut uses, prices);
        }

        let mut total = Use::default();
        uses.values().for_each(|of_line| total.add(of_line));
        let priced = prices.is_some();
        let cents = (total.micros + MICROS_PER_CENT / 2) / MICROS_PER_CENT;
        let lines = |[tenant, tier, service]: [bool; 3]| {
            let mut merged: BTreeMap<Names, Use> = BTreeMap::new();
            for ([of_tenant, of_tier, of_service], of_line) in &uses {
                let name = |wanted: bool, name: &Option<String>| if wanted { name.clone() } else { None };
                let names = [name(tenant, of_tenant), name(tier, of_tier), name(service, of_service)];
                merged.entry(names).or_default().add(of_line);
            }
            let micros: Vec<f64> = merged.values().map(|of_line| of_line.micros as f64).collect();
            let parts = split(cents, &micros);
            merged
                .into_iter()
                .zip(parts)
                .map(|(([tenant, tier, service], of_line), cents)| Line {
                    tenant,
                    tier,
                    service,
                    share: share(&of_line, &total, priced.then_some(cents)),
                })
                .collect::<Vec<_>>()
        };
        Self {
            currency: prices.map(|prices| prices.currency.clone()),
            total: share(&total, &total, priced.then_some(cents)),
            tenants: lines([true, true, false]),
            tiers: lines([false, true, false]),
            services: lines([false, false, true]),
            lines: lines([true, true, true]),
        }
    }

    /// The report as JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// Lines as CSV with a header; which breakdown is the caller's choice. Money in millionths and in cents, both whole.
    pub fn to_csv(&self, lines: &[Line]) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = ["tenant", "tier", "service", "requests", "requests_share", "seconds", "seconds_share"];
        let currency = self.currency.as_deref().unwrap_or_default();
        let money = ["currency", "micros", "cents", "estimated"];
        writer.write_record(header.iter().chain(&money))?;
        for line in lines {
            let share = &line.share;
            let whole = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
            writer.write_record([
                line.tenant.as_deref().unwrap_or_default(),
                line.tier.as_deref().unwrap_or_default(),
                line.service.as_deref().unwrap_or_default(),
                &share.requests.to_string(),
                &share.requests_share.to_string(),
                &share.seconds.to_string(),
                &share.seconds_share.to_string(),
                currency,
                &whole(share.micros),
                &whole(share.cents),
                &share.estimated.to_string(),
            ])?;
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn price(uses: &mut BTreeMap<Names, Use>, prices: &Prices) {
    let mut services: BTreeMap<Option<String>, Use> = BTreeMap::new();
    for ([_, _, service], of_line) in uses.iter() {
        services.entry(service.clone()).or_default().add(of_line);
    }
    let of = |service: &Option<String>| prices.of(service.as_deref().unwrap_or_default());
    let unsplit: f64 = services.iter().map(|(service, all)| of(service).micros(all.requests, all.duration_ns)).sum();
    let exact: Vec<f64> = uses
        .iter()
        .map(|([_, _, service], of_line)| of(service).micros(of_line.requests, of_line.duration_ns))
        .collect();
    let parts = split(unsplit.round() as u64, &exact);
    uses.values_mut().zip(parts).for_each(|(of_line, micros)| of_line.micros = micros);
}

fn share(part: &Use, total: &Use, cents: Option<u64>) -> Share {
    let of = |part: f64, total: f64| if total > 0.0 { part / total } else { 0.0 };
    Share {
        requests: part.requests,
        requests_share: of(part.requests, total.requests),
        seconds: part.duration_ns / 1e9,
        seconds_share: of(part.duration_ns, total.duration_ns),
        micros: cents.map(|_| part.micros),
        cents,
        estimated: part.estimated > 0,
    }
}
