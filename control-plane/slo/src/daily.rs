//! What the dearest tenants cost day by day, beside all others together.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{cost::Prices, spending::Spent};

/// What was used of a service on a day: by one tenant, or by all others together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DailyUse {
    /// When the day begins, UTC, Unix seconds.
    pub start: i64,
    /// `tenant.id` of one that was asked for, or `None` for all others together, and for requests of nobody that is known.
    pub tenant: Option<String>,
    /// `service.name`
    pub service: String,
    /// Requests, weighted.
    pub requests: f64,
    /// Durations, weighted, in nanoseconds.
    pub duration_ns: f64,
}

/// What one tenant, or all others together, spent on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DailyCost {
    /// When the day begins, UTC, Unix seconds.
    pub start: i64,
    /// `tenant.id`, or `None` for all others together, and for requests of nobody that is known.
    pub tenant: Option<String>,
    /// What was used of all services.
    pub spent: Spent,
}

impl DailyCost {
    /// Of each tenant on each day on which it used something, in the order of time.
    pub fn of(uses: &[DailyUse], prices: Option<&Prices>) -> Vec<Self> {
        let mut days: BTreeMap<(i64, Option<&str>), Spent> = BTreeMap::new();
        for DailyUse { start, tenant, service, requests, duration_ns } in uses {
            let spent = Spent::of_service(service, *requests, *duration_ns, prices);
            days.entry((*start, tenant.as_deref())).or_default().add(&spent);
        }
        let cost = |((start, tenant), spent): ((i64, Option<&str>), Spent)| Self {
            start,
            tenant: tenant.map(str::to_owned),
            spent,
        };
        days.into_iter().map(cost).collect()
    }

    /// Days as CSV with a header. What all others spent together is said to be theirs, and names no tenant.
    ///
    /// # Errors
    ///
    /// Where a record cannot be written, which in memory it always can.
    pub fn to_csv(days: &[Self], currency: Option<&str>) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["day", "whose", "tenant", "requests", "seconds", "currency", "micros"])?;
        for Self { start, tenant, spent } in days {
            let day = Timestamp::from_second(*start).map(|start| start.strftime("%F").to_string());
            writer.write_record([
                day.as_deref().unwrap_or_default(),
                if tenant.is_some() { "tenant" } else { "others" },
                tenant.as_deref().unwrap_or_default(),
                &spent.requests.to_string(),
                &spent.seconds.to_string(),
                currency.unwrap_or_default(),
                &spent.micros.map(|micros| micros.to_string()).unwrap_or_default(),
            ])?;
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_costs_what_its_services_cost_at_their_prices() {
        let day = 86_400;
        let used = |start, tenant: Option<&str>, service: &str, requests, seconds: f64| DailyUse {
            start,
            tenant: tenant.map(str::to_owned),
            service: service.to_owned(),
            requests,
            duration_ns: seconds * 1e9,
        };
        let uses = [
            used(day, Some("a"), "api", 10.0, 2.0),
            used(0, None, "api", 5.0, 1.0),
            used(0, Some("a"), "worker", 1.0, 8.0),
            used(0, Some("a"), "api", 10.0, 4.0),
        ];
        let costs = |prices: Option<&Prices>| -> Vec<(i64, Option<String>, f64)> {
            let days = DailyCost::of(&uses, prices);
            days.into_iter().map(|cost| (cost.start, cost.tenant, cost.spent.cost())).collect()
        };
        let a = || Some("a".to_owned());
        assert_eq!(costs(None), [(0, None, 1.0), (0, a(), 12.0), (day, a(), 2.0)]);
        let prices: Prices = serde_json::from_value(serde_json::json!({
            "currency": "USD",
            "default": { "per_million_requests": 1.0, "per_gb_second": 0.0, "memory_mb": 128 },
            "services": { "worker": { "per_million_requests": 100.0, "per_gb_second": 0.0, "memory_mb": 128 } },
        }))
        .unwrap();
        assert_eq!(costs(Some(&prices)), [(0, None, 5.0), (0, a(), 110.0), (day, a(), 10.0)]);
        assert_eq!(
            DailyCost::to_csv(&DailyCost::of(&uses[..2], Some(&prices)), Some("USD")).unwrap(),
            "day,whose,tenant,requests,seconds,currency,micros\n1970-01-01,others,,5,1,USD,5\n1970-01-02,tenant,a,10,2,USD,10\n"
        );
    }
}
