//! Log lines of a trace, and of one of its spans.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use super::{Drawing, Lines};

use crate::pages::frame::moment;

/// All of a trace.
pub(super) fn of_trace(lines: &Lines, drawing: &Drawing<'_>) -> Markup {
    html! {
        section aria-label="Logs" {
            h2 { "Log lines of this trace" }
            @match lines {
                Err(reason) => p { (reason) },
                Ok(lines) if lines.is_empty() => p { "None." },
                Ok(lines) => ol.logs { @for line in lines { li { (log_line(line, Some(drawing))) } } },
            }
        }
    }
}

/// Those of a span.
pub(super) fn of_span(lines: &Lines, span_id: &str) -> Markup {
    let own = |lines: &Vec<Value>| lines.iter().filter(|line| line["span_id"] == span_id).cloned().collect::<Vec<_>>();
    html! {
        section aria-label="Log lines of this span" {
            h3 { "Log lines" }
            @match lines.as_ref().map(own) {
                Err(reason) => p { (reason) },
                Ok(lines) if lines.is_empty() => p { "None." },
                Ok(lines) => ol.logs { @for line in &lines { li { (log_line(line, None)) } } },
            }
        }
    }
}

/// A line; `within` is the trace in which its span is looked for.
fn log_line(line: &Value, within: Option<&Drawing<'_>>) -> Markup {
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let id = text("span_id");
    let span = within.filter(|drawing| drawing.trace.spans.iter().any(|span| span.span_id == id));
    html! {
        details {
            summary { (time(&text("timestamp"))) " " span.level { (text("level")) } " " span.source { (text("function")) } " " (text("message")) }
            @if let Some(drawing) = span { p { a href=(drawing.href(&id)) data-span=(id) { "Its span" } } }
            pre { (serde_json::to_string_pretty(line).unwrap_or_default()) }
        }
    }
}

/// When a line was written; as it came where it says no moment.
fn time(written: &str) -> Markup {
    let moment_of = |time: Timestamp| i64::try_from(time.as_nanosecond()).ok().map(moment);
    written.parse().ok().and_then(moment_of).unwrap_or_else(|| html! { span.time { (written) } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_time_as_pages_have_times() {
        let text = "2027-01-15T09:00:00.25+01:00";
        assert_eq!(time(text).0, moment(1_800_000_000_250_000_000).0);
        assert_eq!(time("at noon").0, r#"<span class="time">at noon</span>"#);
    }
}
