//! `reliability`: puts what the tests and the soak measured into tests/soak/README.md, between its markers.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

use anyhow::{Context, Result};
use testkit::{Row, Soak, read_rows, read_soak};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/soak/README.md");

fn main() -> Result<()> {
    let text = std::fs::read_to_string(DOCUMENT).context("tests/soak/README.md")?;
    let rows = read_rows();
    anyhow::ensure!(!rows.is_empty(), "nothing measured yet: run `cargo test --test nothing_is_lost`");
    let mut text = between(&text, "faults", &faults(&rows))?;
    match read_soak() {
        Some(measured) => text = between(&text, "soak", &soak(&measured))?,
        None => println!("no soak measured yet: its part stays as it is"),
    }
    std::fs::write(DOCUMENT, text)?;
    Ok(())
}

/// The document with what stands between `<!-- name -->` and `<!-- /name -->` replaced.
fn between(text: &str, name: &str, table: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin).with_context(|| format!("no {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("no {end}"))?;
    Ok(format!("{before}{begin}{table}{end}{after}"))
}

fn faults(rows: &[Row]) -> String {
    let mut table = String::from(
        "| fault | injected | requests | lost | duplicates in effect | traces broken | traces with gaps | recovery |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        table.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {:.1} s |\n",
            row.fault,
            row.injected,
            row.requests,
            row.lost,
            row.duplicates,
            row.traces_broken,
            row.traces_with_gaps,
            row.recovery_ms as f64 / 1000.0
        ));
    }
    table
}

fn soak(soak: &Soak) -> String {
    let faults: usize = soak.faults.iter().map(|(_, count)| count).sum();
    let kinds: Vec<String> = soak.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let mut text = format!(
        "{} minutes, seed {}: {} bookings, {} of them cancelled, {} requests repeated by their clients, {faults} faults ({}). \
         Quiet {:.1} s after the last booking, differences: {}.\n\n\
         | program | memory in the second quarter | in the last |\n|---|---|---|\n",
        soak.minutes,
        soak.seed,
        soak.bookings,
        soak.cancelled,
        soak.retries,
        kinds.join(", "),
        soak.quiet_after,
        soak.differences
    );
    for (name, second, last) in &soak.memory {
        text.push_str(&format!("| {name} | {second:.1} MB | {last:.1} MB |\n"));
    }
    text
}
