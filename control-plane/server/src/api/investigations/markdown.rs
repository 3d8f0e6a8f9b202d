//! An investigation as Markdown, for a ticket or a report.

use std::fmt::Write;

use super::{InvestigationAnswer, MatchedRefusals, MatchedTraces, Matches};
use crate::{
    investigations::{Closed, Note},
    text::{count, moment, readable, window},
};

/// All of it. What somebody wrote stands as they wrote it, and means nothing to Markdown.
pub(super) fn written(InvestigationAnswer { investigation, matches }: &InvestigationAnswer) -> String {
    let mut parts = vec![format!("# {}", escaped(&investigation.title))];
    let time = |at: &jiff::Timestamp| format!("{} UTC", readable(&format!("{at:.0}")));
    let mut facts = vec![
        format!("- Investigation: {}", investigation.id),
        format!("- Opened: {} by {}", time(&investigation.opened_at), escaped(&investigation.opened_by)),
        format!("- Page: `{}`", investigation.page),
        format!("- Window: {}", window(investigation.from, investigation.to)),
    ];
    if let Some(Closed { at, by }) = &investigation.closed {
        facts.push(format!("- Closed: {} by {}", time(at), escaped(by)));
    }
    parts.push(facts.join("\n"));
    parts.push("## Notes".to_owned());
    for Note { at, by, text } in &investigation.notes {
        parts.push(format!("### {}, {}", time(at), escaped(by)));
        // An indented block is shown to the letter: https://spec.commonmark.org/0.31.2/#indented-code-blocks
        parts.push(text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"));
    }
    if investigation.notes.is_empty() {
        parts.push("None.".to_owned());
    }
    parts.push(format!("## What matches at {}", time(&matches.at)));
    if matches.is_partial(investigation) {
        parts.push(format!("Spans are kept from {} on: what was before is not counted.", moment(matches.kept_from)));
    }
    parts.extend(refusals(matches));
    let MatchedTraces { matched, truncated, trace_ids } = &matches.traces;
    let more = if *truncated { " of those that were looked at; there are more to look at" } else { "" };
    parts.push(format!("Traces that match: {}{more}. Here are {}:", count(*matched), count(trace_ids.len())));
    parts.push(trace_ids.iter().map(|id| format!("- {id}")).collect::<Vec<_>>().join("\n"));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

fn refusals(Matches { refusals, .. }: &Matches) -> Vec<String> {
    let Some(MatchedRefusals { requests, more, lines }) = refusals else { return Vec::new() };
    let mut table =
        "| tenant | user | reason | status | operation | service | requests |\n|---|---|---|---|---|---|---|"
            .to_owned();
    for line in lines {
        let refused = &line.refused;
        let user = refused.user.as_deref().unwrap_or("not told");
        let cells =
            [&refused.tenant, user, &refused.reason, &refused.status.to_string(), &refused.operation, &refused.service];
        let cells = cells.map(escaped).join(" | ");
        // Writing to a text never fails.
        let _written = write!(table, "\n| {cells} | {} |", count(refused.requests));
    }
    let more = if *more { " These are the lines with the most of them." } else { "" };
    let told = format!("Requests that were refused: {}.{more}", count(*requests));
    if lines.is_empty() { vec![told] } else { vec![told, table] }
}

/// A line in which nothing is Markdown: any punctuation may be escaped, <https://spec.commonmark.org/0.31.2/#backslash-escapes>.
fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '<' | '>' | '#' | '!' | '|' | '&' | '~' => {
                line.push('\\');
                line.push(letter);
            }
            letter if letter.is_control() => line.push(' '),
            letter => line.push(letter),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use control_plane_model::{refusals::RefusalLine, trace::TraceId};
    use jiff::Timestamp;

    use super::*;
    use crate::{api::TurnedAway, investigations::Investigation};

    #[test]
    fn what_people_wrote_is_shown_to_the_letter() {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let note = Note { at, by: "ada@staff.example".into(), text: "# <script>\n\n```\n**no**".into() };
        let investigation = Investigation {
            id: "20270115-080000-0a0b0c0d".into(),
            title: "Who is `guessing` <b>?".into(),
            page: "/turned-away?tenant=acme&from=1&to=2".into(),
            from: 1_799_996_400,
            to: 1_800_000_000,
            opened_at: at,
            opened_by: "ada@staff.example".into(),
            notes: vec![note],
            closed: Some(Closed { at, by: "vera".into() }),
        };
        let refused = RefusalLine {
            tenant: "acme".into(),
            user: Some("a|b".into()),
            account: None,
            service: "booking-api".into(),
            operation: "GET /bookings/{number}".into(),
            status: 404,
            reason: "no_such_booking".into(),
            requests: 43,
            first_unix_ns: 0,
            last_unix_ns: 0,
            trace_ids: Vec::new(),
        };
        let lines = vec![TurnedAway { refused, of: None }];
        let trace_ids = vec![TraceId::from_bytes(&[1; 16]).unwrap()];
        let matches = Matches {
            at,
            kept_from: 1_799_999_000,
            traces: MatchedTraces { matched: 43, truncated: false, trace_ids },
            refusals: Some(MatchedRefusals { requests: 43, more: false, lines }),
        };
        let expected = r"# Who is \`guessing\` \<b\>?

- Investigation: 20270115-080000-0a0b0c0d
- Opened: 2027-01-15 08:00:00 UTC by ada@staff.example
- Page: `/turned-away?tenant=acme&from=1&to=2`
- Window: 2027-01-15 07:00–08:00 UTC
- Closed: 2027-01-15 08:00:00 UTC by vera

## Notes

### 2027-01-15 08:00:00 UTC, ada@staff.example

    # <script>
    
    ```
    **no**

## What matches at 2027-01-15 08:00:00 UTC

Spans are kept from 2027-01-15T07:43:20Z on: what was before is not counted.

Requests that were refused: 43.

| tenant | user | reason | status | operation | service | requests |
|---|---|---|---|---|---|---|
| acme | a\|b | no\_such\_booking | 404 | GET /bookings/\{number\} | booking-api | 43 |

Traces that match: 43. Here are 1:

- 01010101010101010101010101010101
";
        assert_eq!(written(&InvestigationAnswer { investigation, matches }), expected);
    }
}
