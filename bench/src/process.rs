//! Whole processes: start, response, the time after it, CPU, memory, lost spans.

use std::{
    collections::BTreeSet,
    io::{Cursor, Write},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use lambda_host::{
    aws::Aws,
    function::{Config, Function},
    sink::{Sink, Span},
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use testkit::functions::booking_api_env;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    report::{Report, median, quantile},
    variants::{Kind, Variant},
};

const ROUNDS: usize = 11;
/// Invocations of a block with a pause between them, and of one back to back.
const PACED: usize = 70;
const BACK_TO_BACK: usize = 200;
/// From one response to the next invocation, in a paced block: longer than any variant keeps itself busy.
const PAUSE: Duration = Duration::from_millis(30);
const STARTS: usize = 25;
const INVOCATIONS_FOR_LOSS: usize = 10_000;
/// The request's own, and that of its write: a start and leases of quotas have others.
const SPANS_PER_BOOKING: usize = 2;
/// What counts a booking once, after its response or within its invocation: a metric, and the method of which.
const COUNTED_ONCE: [(&str, Option<&str>); 3] = [
    ("faas.invocations", None),
    ("http.server.request.duration", None),
    ("rpc.client.call.duration", Some("DynamoDB/TransactWriteItems")),
];
const KILLS: usize = 30;
const BOOKINGS_BEFORE_KILL: usize = 20;

/// Measures and adds everything.
pub(crate) async fn add(report: &mut Report, release: &Path) -> Result<()> {
    let binary = release.join("booking-api");
    sizes(report, &binary)?;
    let aws = Aws::start(Duration::from_millis(1)).await?;
    starts(report, &aws, &binary, &release.join("bare")).await?;
    invocations(report, &aws, &binary).await?;
    losses(report, &aws, &binary).await?;
    killed(report, &aws, &binary).await
}

fn sizes(report: &mut Report, binary: &Path) -> Result<()> {
    let bytes = std::fs::read(binary).with_context(|| format!("no {}", binary.display()))?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", SimpleFileOptions::default().compression_method(CompressionMethod::Deflated))?;
    zip.write_all(&bytes)?;
    report.add("booking_api.binary_bytes", bytes.len() as f64);
    report.add("booking_api.zip_bytes", zip.finish()?.into_inner().len() as f64);
    Ok(())
}

/// What starting a function costs, and nothing else.
pub(crate) async fn add_starts(report: &mut Report, release: &Path) -> Result<()> {
    let aws = Aws::start(Duration::from_millis(1)).await?;
    starts(report, &aws, &release.join("booking-api"), &release.join("bare")).await
}

async fn starts(report: &mut Report, aws: &Aws, binary: &Path, bare: &Path) -> Result<()> {
    eprintln!("starting each function {STARTS} times");
    let mut env = booking_api_env(aws);
    env.push(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"));
    let functions = [Config::new(bare, "bare", &[]), Config::new(binary, "booking-api", &env)];
    let mut cpu = [const { Vec::new() }; 2];
    let mut wall = [const { Vec::new() }; 2];
    for _ in 0..STARTS {
        for (index, config) in functions.iter().enumerate() {
            let mut function = Function::start(config).await?;
            cpu[index].push(milliseconds(function.cpu_at_first_poll));
            wall[index].push(milliseconds(function.first_poll));
            function.kill().await?;
        }
    }
    let [bare_cpu, cpu] = cpu.map(|values| median(&values));
    let [bare_wall, wall] = wall.map(|values| median(&values));
    report.add("bare.spawn_to_poll_cpu_ms", bare_cpu);
    report.add("bare.spawn_to_poll_ms", bare_wall);
    report.add("booking_api.spawn_to_poll_cpu_ms", cpu);
    report.add("booking_api.spawn_to_poll_ms", wall);
    report.add("booking_api.spawn_to_poll_cpu_ratio_to_bare", cpu / bare_cpu);
    Ok(())
}

/// What a block of invocations came to, in milliseconds for each.
#[derive(Debug, Clone, Copy)]
struct Block {
    response_p50: f64,
    response_p99: f64,
    post_p50: f64,
    busy_p50: f64,
    cpu: f64,
}

async fn block(variant: &mut Variant, invocations: usize, pause: Duration) -> Result<Block> {
    // The first ones find caches cold.
    for _ in 0..5 {
        variant.book().await?;
        tokio::time::sleep(pause).await;
    }
    let (mut responses, mut posts, mut busy) = (Vec::new(), Vec::new(), Vec::new());
    let cpu = variant.function.cpu()?;
    for _ in 0..invocations {
        let started = Instant::now();
        let (response, post) = variant.book().await?;
        responses.push(milliseconds(response));
        posts.push(milliseconds(post));
        busy.push(milliseconds(response + post));
        if !pause.is_zero() {
            tokio::time::sleep((response + pause).saturating_sub(started.elapsed())).await;
        }
    }
    let cpu = milliseconds(variant.function.cpu()? - cpu) / invocations as f64;
    Ok(Block {
        response_p50: median(&responses),
        response_p99: quantile(&responses, 0.99),
        post_p50: median(&posts),
        busy_p50: median(&busy),
        cpu,
    })
}

async fn invocations(report: &mut Report, aws: &Aws, binary: &Path) -> Result<()> {
    let paced = [
        ("otlp_0ms", Kind::Each(0)),
        ("otlp_0ms.metrics", Kind::EachMetrics(0)),
        ("otlp_20ms", Kind::Each(20)),
        ("otlp_20ms.metrics", Kind::EachMetrics(20)),
        ("xray_udp", Kind::Udp),
    ];
    let close = [("otlp_0ms.adaptive", Kind::Adaptive(0)), ("otlp_20ms.adaptive", Kind::Adaptive(20))];
    for (name, kinds, invocations, pause) in
        [("paced", &paced[..], PACED, PAUSE), ("back to back", &close[..], BACK_TO_BACK, Duration::ZERO)]
    {
        let mut off = Variant::start(Kind::Off, binary, aws).await?;
        let mut variants = Vec::new();
        for (label, kind) in kinds {
            variants.push((*label, Variant::start(*kind, binary, aws).await?, Vec::new()));
        }
        let mut without = Vec::new();
        for round in 1..=ROUNDS {
            eprintln!("invocations {name}: round {round} of {ROUNDS}");
            let base = block(&mut off, invocations, pause).await?;
            without.push(base);
            for (_, variant, blocks) in &mut variants {
                blocks.push(block(variant, invocations, pause).await?);
            }
        }
        let of = |blocks: &[Block], value: fn(&Block) -> f64| median(&blocks.iter().map(value).collect::<Vec<_>>());
        let off_name = if pause.is_zero() { "off.back_to_back" } else { "off" };
        report.add(format!("booking_api.{off_name}.response_p50_ms"), of(&without, |block| block.response_p50));
        report.add(format!("booking_api.{off_name}.response_p99_ms"), of(&without, |block| block.response_p99));
        report.add(format!("booking_api.{off_name}.cpu_ms"), of(&without, |block| block.cpu));
        let off_rss = off.function.peak_rss()? as f64;
        for (label, variant, blocks) in &variants {
            let ratio_to = |base: &[Block], value: fn(&Block) -> f64| {
                let ratios: Vec<_> = blocks.iter().zip(base).map(|(with, base)| value(with) / value(base)).collect();
                median(&ratios)
            };
            let ratio = |value| ratio_to(&without, value);
            let name = format!("booking_api.{label}");
            report.add(format!("{name}.response_p50_ms"), of(blocks, |block| block.response_p50));
            report.add(format!("{name}.response_p99_ms"), of(blocks, |block| block.response_p99));
            report.add(format!("{name}.post_p50_ms"), of(blocks, |block| block.post_p50));
            report.add(format!("{name}.response_p50_ratio"), ratio(|block| block.response_p50));
            report.add(format!("{name}.busy_p50_ratio"), ratio(|block| block.busy_p50));
            report.add(format!("{name}.cpu_ratio"), ratio(|block| block.cpu));
            let of_spans_alone =
                |(other, ..): &&(&str, Variant, Vec<Block>)| label.strip_suffix(".metrics") == Some(*other);
            if let Some((_, _, spans_alone)) = variants.iter().find(of_spans_alone) {
                let ratio = ratio_to(spans_alone, |block| block.busy_p50);
                report.add(format!("{name}.busy_p50_ratio_to_spans_alone"), ratio);
            }
            report.add(format!("{name}.peak_rss_ratio_to_off"), variant.function.peak_rss()? as f64 / off_rss);
            if *label == "otlp_0ms" {
                report.add("booking_api.peak_rss_ratio_to_off", variant.function.peak_rss()? as f64 / off_rss);
                report.add("booking_api.peak_rss_mb", variant.function.peak_rss()? as f64 / 1e6);
            }
        }
    }
    Ok(())
}

async fn losses(report: &mut Report, aws: &Aws, binary: &Path) -> Result<()> {
    let (mut lost, mut points_lost) = (0, 0.0);
    for (label, kind) in
        [("otlp_0ms", Kind::EachMetrics(0)), ("otlp_0ms.adaptive", Kind::AdaptiveMetrics(0)), ("xray_udp", Kind::Udp)]
    {
        eprintln!("{INVOCATIONS_FOR_LOSS} invocations of {label}");
        let mut variant = Variant::start(kind, binary, aws).await?;
        for _ in 0..INVOCATIONS_FOR_LOSS {
            variant.book().await?;
        }
        let expected = INVOCATIONS_FOR_LOSS * SPANS_PER_BOOKING;
        let arrived = spans_of_bookings(&variant.sink, expected, Duration::from_secs(5)).await;
        // More than all of them is wrong too.
        report.add(format!("booking_api.{label}.spans_lost"), expected as f64 - arrived as f64);
        lost += expected.abs_diff(arrived);
        if kind != Kind::Udp {
            let invocations = INVOCATIONS_FOR_LOSS as f64;
            variant.sink.wait_until(|sink| sink.total("faas.invocations") >= invocations, Duration::from_secs(5)).await;
            // What comes twice comes later.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let points = variant.sink.points();
            for (metric, method) in COUNTED_ONCE {
                let of = points.iter().filter(|point| point.metric == metric);
                let of = of.filter(|point| method.is_none_or(|method| point.attributes["rpc.method"] == method));
                let not_counted = invocations - of.map(|point| point.value).sum::<f64>();
                report.add(format!("booking_api.{label}.not_counted.{metric}"), not_counted);
                points_lost += not_counted.abs();
            }
        }
    }
    report.add("spans_lost", lost as f64);
    report.add("points_lost", points_lost);
    Ok(())
}

/// Waits for this many distinct spans of bookings. Returns how many there are in the end.
async fn spans_of_bookings(sink: &Sink, expected: usize, within: Duration) -> usize {
    let arrived = |sink: &Sink| {
        let of = |span: &Span| span.kind == SpanKind::Server || span.name.ends_with("TransactWriteItems");
        let spans = sink.spans().into_iter().filter(of);
        spans.map(|span| (span.trace_id, span.span_id)).collect::<BTreeSet<_>>().len()
    };
    sink.wait_until(|sink| arrived(sink) >= expected, within).await;
    arrived(sink)
}

/// What SIGKILL costs, right after the last of some back-to-back invocations: spans lost each time, on average and at most.
async fn killed(report: &mut Report, aws: &Aws, binary: &Path) -> Result<()> {
    for (label, kind) in
        [("otlp_20ms", Kind::Each(20)), ("otlp_20ms.adaptive", Kind::Adaptive(20)), ("xray_udp", Kind::Udp)]
    {
        eprintln!("killing {label} {KILLS} times");
        let mut lost = Vec::new();
        for _ in 0..KILLS {
            let mut variant = Variant::start(kind, binary, aws).await?;
            for _ in 0..BOOKINGS_BEFORE_KILL {
                variant.book().await?;
            }
            variant.function.kill().await?;
            let expected = BOOKINGS_BEFORE_KILL * SPANS_PER_BOOKING;
            let arrived = spans_of_bookings(&variant.sink, expected, Duration::from_millis(200)).await;
            lost.push(expected as f64 - arrived as f64);
        }
        let mean = lost.iter().sum::<f64>() / lost.len() as f64;
        report.add(format!("booking_api.{label}.spans_lost_by_sigkill_mean"), mean);
        report.add(format!("booking_api.{label}.spans_lost_by_sigkill_max"), quantile(&lost, 1.0));
    }
    Ok(())
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
