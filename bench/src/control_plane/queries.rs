//! How fast the API and the pages answer over a full store of spans. The time that counts is what the server itself measures.

use anyhow::{Context, Result};

use super::{
    QUERIES,
    generator::{Random, TENANTS, tenant},
    server::Server,
    spans::Period,
};
use crate::report::{Part, quantile};

/// Asks for traces by id, maps, searches and everything below.
pub(super) async fn measure(
    report: &mut Part<'_>,
    server: &Server,
    trace_ids: &[[u8; 16]],
    period: Period,
) -> Result<()> {
    let mut random = Random::new(42);
    let mut times = Vec::new();
    for _ in 0..QUERIES {
        let id =
            trace_ids.get((random.next() % trace_ids.len() as u64) as usize).context("no trace id is remembered")?;
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        times.push(server.timed_ms(&format!("/api/traces/{hex}"), &[]).await?);
    }
    add_times(report, "trace_by_id", &times);

    times.clear();
    let some_tenant = |random: &mut Random| tenant(random.next() % TENANTS);
    for n in 0..QUERIES {
        let mut narrowed = match n % 4 {
            0 => vec![],
            1 => vec![("tenant", some_tenant(&mut random))],
            2 => vec![("tier", "premium".to_owned())],
            _ => vec![("account", "222222222222".to_owned())],
        };
        narrowed.push(("window", period.window().to_owned()));
        times.push(server.timed_ms("/api/map", &narrowed).await?);
    }
    add_times(report, "map", &times);

    times.clear();
    for n in 0..QUERIES {
        let of_tenant = format!("annotation[tenant.id] = \"{}\"", some_tenant(&mut random));
        let filter = match n % 8 {
            0 => String::new(),
            1 => of_tenant + " AND duration > 0.1",
            2 => "fault".into(),
            3 => "service(\"mileage-accrual\") AND duration > 0.3".into(),
            4 => "edge(\"booking-publisher\", \"booking-confirmed\")".into(),
            5 => "http.status = 500".into(),
            6 => "account.id = \"222222222222\" AND annotation.tenant_tier = \"premium\"".into(),
            _ => "user = \"nobody\"".into(),
        };
        let query = [("filter", filter), ("window", period.window().to_owned())];
        times.push(server.timed_ms("/api/traces", &query).await?);
    }
    add_times(report, period.search(), &times);
    why(report, server, period, &mut random).await?;
    groups(report, server, period, &mut random).await?;
    turned_away(report, server, period, &mut random).await?;
    search_attributes(report, server, period).await?;
    objectives(report, server).await?;
    pages(report, server, period).await
}

/// Asks why requests fail or are slow: of all and of one tenant, against each side that there is.
async fn why(report: &mut Part<'_>, server: &Server, period: Period, random: &mut Random) -> Result<()> {
    let mut times = Vec::new();
    for n in 0..QUERIES / 3 {
        let mut query = vec![("window", period.window().to_owned())];
        let against = ["ok", "quick", "before", "rest", "tier"].get(n % 5).copied().unwrap_or_default();
        query.push(("against", against.to_owned()));
        if against == "rest" {
            query.push(("filter", "service(\"booking-api\") { fault }".to_owned()));
        }
        if against == "tier" || n % 2 == 0 {
            query.push(("tenant", tenant(random.next() % TENANTS)));
        }
        if against == "tier" {
            query.push(("tier", "premium".to_owned()));
        }
        times.push(server.timed_ms("/api/why", &query).await?);
    }
    add_times(report, "why", &times);
    Ok(())
}

/// Asks for requests and calls by attributes that a few spans, all spans or the senders have, and by one whose values are many.
async fn groups(report: &mut Part<'_>, server: &Server, period: Period, random: &mut Random) -> Result<()> {
    let by = ["aws.dynamodb.table_names", "span.name", "faas.name", "enduser.id"];
    let mut times = Vec::new();
    for n in 0..QUERIES / 3 {
        let mut query = vec![("window", period.window().to_owned())];
        query.push(("by", by.get(n % by.len()).copied().unwrap_or_default().to_owned()));
        match n % 3 {
            0 => query.push(("tenant", tenant(random.next() % TENANTS))),
            1 => query.push(("service", "booking-api".to_owned())),
            _ => {}
        }
        times.push(server.timed_ms("/api/groups", &query).await?);
    }
    add_times(report, "groups", &times);
    Ok(())
}

/// Asks who was turned away: of all tenants, of one as its admins do, and for one reason, from the API and as a page.
async fn turned_away(report: &mut Part<'_>, server: &Server, period: Period, random: &mut Random) -> Result<()> {
    let mut times = Vec::new();
    for n in 0..QUERIES / 3 {
        let mut query = vec![("window", if n % 4 == 0 { "24h" } else { period.window() }.to_owned())];
        match n % 3 {
            0 => query.push(("tenant", tenant(random.next() % TENANTS))),
            1 => query.push(("reason", "unknown_airport".to_owned())),
            _ => {}
        }
        let path = if n % 2 == 0 { "/api/turned-away" } else { "/turned-away" };
        times.push(server.timed_ms(path, &query).await?);
    }
    add_times(report, "turned_away", &times);
    Ok(())
}

/// Searches for attributes that no index has: what all have, what none has, what some have, numbers, and annotations that are none.
async fn search_attributes(report: &mut Part<'_>, server: &Server, period: Period) -> Result<()> {
    let filters = [
        "attribute[aws.dynamodb.table_names] = \"ledger\"",
        "attribute[messaging.message.id] = \"nobody's\"",
        "attribute[url.path] CONTAINS \"booking\" AND !attribute[rpc.method] = \"none\"",
        "fault AND attribute[cloud.region] = \"us-east-1\"",
        "attribute[http.response.status_code] >= 500",
        "annotation.http_route BEGINSWITH \"/miles\"",
    ];
    let mut times = Vec::new();
    for filter in filters.iter().cycle().take(QUERIES / 3) {
        let query = [("filter", (*filter).to_owned()), ("window", period.window().to_owned())];
        times.push(server.timed_ms("/api/traces", &query).await?);
    }
    add_times(report, "search_not_indexed", &times);
    Ok(())
}

/// Asks for everybody's objectives, for tenants over an hour and over thirty days, and for costs.
async fn objectives(report: &mut Part<'_>, server: &Server) -> Result<()> {
    let evaluated = server.evaluation_pass_ms().await?;
    report.add("evaluator_pass_ms", evaluated);
    let mut random = Random::new(43);
    let mut times = Vec::new();
    for _ in 0..QUERIES / 3 {
        times.push(server.timed_ms("/api/slo", &[]).await?);
    }
    add_times(report, "slo", &times);
    times.clear();
    for _ in 0..QUERIES / 3 {
        times.push(server.timed_ms("/tenants", &[]).await?);
    }
    add_times(report, "tenants", &times);
    times.clear();
    for n in 0..QUERIES {
        let window = if n % 4 == 0 { "30d" } else { "1h" };
        let tenant = tenant(random.next() % TENANTS);
        times.push(server.timed_ms(&format!("/api/tenants/{tenant}"), &[("window", window.to_owned())]).await?);
    }
    add_times(report, "tenant", &times);
    times.clear();
    for n in 0..QUERIES / 3 {
        let window = if n % 2 == 0 { "30d" } else { "7d" };
        times.push(server.timed_ms("/api/cost", &[("window", window.to_owned())]).await?);
    }
    add_times(report, "cost", &times);
    Ok(())
}

/// Opens each page as people do, with what it shows by default.
async fn pages(report: &mut Part<'_>, server: &Server, period: Period) -> Result<()> {
    let mut random = Random::new(44);
    let mut times = Vec::new();
    for n in 0..QUERIES {
        let tenant = tenant(random.next() % TENANTS);
        let window = ("window", period.window().to_owned());
        let (page, query) = match n % 6 {
            0 => ("/", vec![window]),
            1 => ("/", vec![window, ("tenant", tenant)]),
            2 => ("/tenants", vec![]),
            3 => ("/tenant", vec![window, ("id", tenant)]),
            4 => ("/traces", vec![window]),
            _ => ("/cost", vec![]),
        };
        times.push(server.timed_ms(page, &query).await?);
    }
    add_times(report, period.pages(), &times);
    Ok(())
}

/// Adds the median and the 99th percentile of times in milliseconds.
pub(super) fn add_times(report: &mut Part<'_>, name: &str, times: &[f64]) {
    let (p50, p99) = (quantile(times, 0.5), quantile(times, 0.99));
    eprintln!("control plane: {name}: {p50:.1} ms, p99 {p99:.1} ms, of {}", times.len());
    report.add(&format!("{name}_p50_ms"), p50);
    report.add(&format!("{name}_p99_ms"), p99);
}
