//! The first request of a cold function: a booking, with AWS answering at once and after 5 ms each.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use lambda_host::{
    aws::Aws,
    function::{Config, Function},
    payloads,
};
use testkit::functions::booking_api_env;

use crate::{
    process::milliseconds,
    report::{Report, median},
};

const STARTS: usize = 25;

/// Measures and adds it. Names that say no more are milliseconds of CPU with AWS answering at once, which the machine's other work
/// moves least; `wall` is time on the clock. `cold_total` is from the start of the process to its first answer, of which
/// `first_request` is what came after its first request for an invocation.
pub(crate) async fn add(report: &mut Report, binary: &Path) -> Result<()> {
    for (name, latency) in [("booking_api", 0), ("booking_api.aws_5ms", 5)] {
        eprintln!("{STARTS} first requests, AWS answering after {latency} ms");
        let aws = Aws::start(Duration::from_millis(latency)).await?;
        let mut env = booking_api_env(&aws);
        env.push(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"));
        let config = Config::new(binary, "booking-api", &env);
        let event = payloads::create_booking(&aws.token("acme", "basic", "user-1")?, &[]);
        let [mut first_cpu, mut first_wall, mut total_cpu, mut total_wall] = [const { Vec::new() }; 4];
        for _ in 0..STARTS {
            let mut function = Function::start(&config).await?;
            let outcome = function.invoke(event.clone(), Duration::from_secs(30)).await?;
            anyhow::ensure!(outcome.http().0 == 201, "{outcome:?}");
            let (wall, cpu) = function.first_answer().context("no answer")?;
            first_cpu.push(milliseconds(cpu.saturating_sub(function.cpu_at_first_poll)));
            first_wall.push(milliseconds(outcome.response));
            total_cpu.push(milliseconds(cpu));
            // Between its first poll and its first invocation the function waited for this program.
            total_wall.push(milliseconds(wall.min(function.first_poll + outcome.response)));
            function.kill().await?;
        }
        report.add(format!("{name}.first_request_ms"), median(&first_cpu));
        report.add(format!("{name}.first_request_wall_ms"), median(&first_wall));
        report.add(format!("{name}.cold_total_ms"), median(&total_cpu));
        report.add(format!("{name}.cold_total_wall_ms"), median(&total_wall));
    }
    Ok(())
}
