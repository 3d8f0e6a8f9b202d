//! Requests by the values of an attribute, as a table.

use comfy_table::Cell;
use control_plane::{
    api::GroupsAnswer,
    text::{count, duration, known, looked_up, percent, rate},
};
use control_plane_analysis::groups::{SpanSet, is_much_slower};
use slo::Summary;

use super::screen::{Screen, at_fault, number};

/// A line for each value, and one for all others; `page` shows the same.
pub(crate) fn groups(answer: &GroupsAnswer, page: &str, screen: &Screen) -> String {
    let groups = &answer.groups;
    let seconds = (answer.to - answer.from).max(1) as f64;
    let about = if groups.estimated { "≈ " } else { "" };
    let about_before = if groups.before_estimated { "≈ " } else { "" };
    let mut table =
        screen.table(["value", "count", "before", "rate", "failed", "before", "p50", "p95", "p99", "before"]);
    let values = groups.values.iter().map(|group| (group.value.clone(), &group.summary, group.before.as_ref()));
    let rest = groups.rest.iter().map(|rest| (rest.name(), &rest.summary, rest.before.as_ref()));
    for (name, now, before) in values.chain(rest) {
        let earlier = |text: fn(&Summary) -> String| number(known(before, text));
        table.add_row([
            Cell::new(name),
            number(format!("{about}{}", count(now.weight))),
            number(known(before, |before| format!("{about_before}{}", count(before.weight)))),
            number(format!("{about}{}", rate(now.weight / seconds))),
            number(known(now.error_rate, percent)),
            earlier(|before| known(before.error_rate, percent)),
            number(known(now.p50_ns, duration)),
            number(known(now.p95_ns, duration)),
            at_fault(number(known(now.p99_ns, duration)), is_much_slower(now, before)),
            earlier(|before| known(before.p99_ns, duration)),
        ]);
    }
    let counted = match groups.counted {
        SpanSet::Requests => "requests and handled messages",
        SpanSet::Calls => "calls and other spans that are no requests",
    };
    let sampled = match answer.matched {
        matched if answer.taken < matched => format!(", of which {} were looked at (≈)", answer.taken),
        _ => String::new(),
    };
    let more = if answer.truncated { " (the search ended there)" } else { "" };
    let before = if answer.before_truncated { "; the search of the time before ended early" } else { "" };
    let table = screen.draw(table, &[1, 2, 3, 4, 5, 6, 7, 8, 9], &[2, 6, 7, 3]);
    let lookup = answer.lookup.as_ref().map(|lookup| format!("{}\n", looked_up(lookup, answer.truncated)));
    let lookup = lookup.unwrap_or_default();
    let page = screen.link(page);
    format!(
        "{table}\n{counted} by {}, of {} traces{more}{sampled}{before}\n{lookup}{page}\n",
        answer.by, answer.matched
    )
}
