//! What sets bad traces apart from good ones, in a terminal.

use comfy_table::Cell;
use control_plane::{
    api::{SideAnswer, WhyAnswer, verdict},
    text::{clock, duration},
};

use super::screen::{Screen, at_fault, number};

/// Values whose traces are linked.
const LINKED: usize = 3;

/// What was found in one sentence, and what it rests on.
pub(crate) fn why(found: &WhyAnswer, screen: &Screen) -> String {
    let sides = [&found.bad, &found.good].map(|side| sampled(side, screen)).concat();
    let parts = [
        format!("{}\n\n{sides}", found.summary),
        causes(found, screen),
        failures(found, screen),
        slower(found, screen),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn sampled(side: &SideAnswer, screen: &Screen) -> String {
    let [from, to] = [side.from, side.to].map(|second| clock(second * 1_000_000_000));
    let compared = if side.matched == 0 { "none".to_owned() } else { format!("{} compared", side.sampling()) };
    let ended = if side.truncated { " (the search ended there)" } else { "" };
    format!("{}, {from} to {to}: {compared}{ended}\n  {}\n", side.counted(), screen.link(&side.traces(&[])))
}

fn causes(found: &WhyAnswer, screen: &Screen) -> String {
    let causes = &found.findings.ranked.causes;
    if causes.is_empty() {
        return String::new();
    }
    let mut table =
        screen.table(["", "value", &found.bad.name, "the others", "", "so have, or follows from it", "services"]);
    for (at, row) in causes.iter().enumerate() {
        let follows: Vec<String> =
            row.also.iter().chain(row.follows.iter().map(|row| &row.value)).map(|value| value.words()).collect();
        let more = if follows.len() > 3 { format!(", {} more", follows.len() - 3) } else { String::new() };
        table.add_row([
            number((at + 1).to_string()),
            at_fault(Cell::new(row.value.words()), row.significant),
            number(format!("{} ({})", found.bad.share(row.bad), row.bad)),
            number(format!("{} ({})", found.good.share(row.good), row.good)),
            Cell::new(verdict(row)),
            Cell::new(format!("{}{more}", follows[..follows.len().min(3)].join(", "))),
            Cell::new(row.value.services.join(", ")),
        ]);
    }
    let table = screen.draw(table, &[0, 2, 3, 4], &[6, 5]);
    let linked = causes.iter().enumerate().filter(|(_, row)| row.significant).take(LINKED);
    let link = |values: &[String]| screen.link(&found.bad.traces(values));
    let mut links: Vec<String> =
        linked.map(|(at, row)| format!("{} {}\n", at + 1, link(&[row.value.expression()]))).collect();
    if let Some(both) = &found.findings.ranked.together {
        let values: Vec<String> = both.values.iter().map(|value| value.expression()).collect();
        links.insert(0, format!("both {}\n", link(&values)));
    }
    format!("{table}\n{} groups of traces were compared\n{}", found.findings.ranked.tested, links.concat())
}

fn failures(found: &WhyAnswer, screen: &Screen) -> String {
    let failures = &found.findings.failures;
    if failures.groups.is_empty() {
        return String::new();
    }
    let mut table = screen.table(["traces", "type", "message", "in", "one of them"]);
    for group in &failures.groups {
        let services: Vec<&str> = group.services.iter().map(String::as_str).collect();
        table.add_row([
            number(group.traces.to_string()),
            Cell::new(&group.error_type),
            Cell::new(&group.message),
            Cell::new(services.join(", ")),
            Cell::new(group.example),
        ]);
    }
    let others =
        if failures.others > 0 { format!("{} more failed in other ways\n", failures.others) } else { String::new() };
    format!("{}\n{others}each at {}\n", screen.draw(table, &[0, 4], &[3, 1]), screen.link("/traces/<trace>"))
}

fn slower(found: &WhyAnswer, screen: &Screen) -> String {
    if found.findings.slower.is_empty() {
        return String::new();
    }
    let mut table = screen.table(["more time in", "service", &found.bad.name, "the others"]);
    for step in &found.findings.slower {
        let [bad, good] = [step.bad_ms, step.good_ms].map(|ms| number(duration(ms * 1e6)));
        table.add_row([Cell::new(&step.operation), Cell::new(&step.service), bad, good]);
    }
    format!("{}\n", screen.draw(table, &[2, 3], &[1]))
}
