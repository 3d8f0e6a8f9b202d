//! The trace tree in a terminal.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use control_plane::{api::TraceAnswer, text};
use control_plane_model::trace::{Node, Tree};

use super::Screen;

const FAILED: Style = AnsiColor::Red.on_default();
const FAINT: Style = Style::new().dimmed();
/// Columns of the time axis.
const AXIS: usize = 30;

/// The trace, a line per span: name, kind, service, account, tenant, tier, duration, and where it lies on the trace's time
/// axis; and below, where it ended, and where it is to be seen besides. Failed spans are red.
pub(crate) fn trace(answer: &TraceAnswer, screen: &Screen) -> String {
    let trace = &answer.trace;
    let tree = Tree::of(trace);
    let paint = |style: Style| if screen.color { style } else { Style::new() };
    let label = |node: &Node<'_>| format!("{}{}", "  ".repeat(node.depth), node.span.name);
    let width =
        |of: &dyn Fn(&Node<'_>) -> String| tree.nodes.iter().map(|node| of(node).chars().count()).max().unwrap_or(0);
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".into());
    let names = width(&label);
    let services = width(&|node| node.span.service.clone());
    let tenants = width(&|node| text(&node.span.tenant));

    let faint = paint(FAINT);
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ =
        writeln!(out, "{faint}trace {}  {}  {} spans{faint:#}", trace.trace_id, trace.xray_trace_id, trace.spans.len());
    for node in &tree.nodes {
        let span = node.span;
        let style = paint(if span.error.is_some() { FAILED } else { Style::new() });
        let _ = write!(
            out,
            "{style}{:names$}  {:8}  {:services$}  {:12}  {:tenants$}  {:8}  {:>9.1} ms{style:#}  {}",
            label(node),
            span.kind,
            span.service,
            text(&span.account),
            text(&span.tenant),
            text(&span.tier),
            span.duration_ns as f64 / 1e6,
            bar(node, &tree),
        );
        if let Some(error) = &span.error {
            let _ = write!(out, "  {style}{error}{style:#}");
        }
        if node.parent_missing {
            let _ = write!(out, "  {faint}(parent not received){faint:#}");
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", text::ending(&answer.ending));
    let _ = writeln!(out, "{faint}{}{faint:#}", screen.link(&format!("/traces/{}", trace.trace_id)));
    for link in &answer.trace_links {
        let _ = writeln!(out, "{faint}{}: {}{faint:#}", link.name, link.url);
    }
    out
}

/// The span on the trace's time axis; at least one mark, however short it is.
fn bar(node: &Node<'_>, tree: &Tree<'_>) -> String {
    let total = tree.duration_ns.max(1) as f64;
    let column = |ns: i64| (ns as f64 / total * AXIS as f64) as usize;
    let start = column(node.span.start_unix_ns.saturating_sub(tree.start_unix_ns)).min(AXIS - 1);
    let length = column(node.span.duration_ns.max(0)).clamp(1, AXIS - start);
    format!("{}{}", " ".repeat(start), "█".repeat(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_plane::api::TraceLink;
    use control_plane_model::trace::{Span, Trace, critical_path, ending};

    fn span(id: &str, parent: Option<&str>, start: i64, end: i64) -> Span {
        let json = serde_json::json!({
            "span_id": id, "parent_span_id": parent, "name": format!("span {id}"), "kind": "SERVER", "service": "booking-api",
            "account": "111111111111", "tenant": "acme", "tier": "basic", "start_unix_ns": start, "end_unix_ns": end,
            "duration_ns": end - start, "status": "UNSET", "error": null, "attributes": {}, "resource": {}, "links": [], "events": [],
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn each_span_has_a_line_with_its_account_and_tenant() {
        let trace_id: control_plane_model::trace::TraceId = "5759e988bd862e3fe1be46a994272793".parse().unwrap();
        let mut failed = span("b", Some("a"), 50_000_000, 100_000_000);
        failed.error = Some("timeout".into());
        let trace = Trace {
            trace_id,
            xray_trace_id: trace_id.xray(),
            spans: vec![span("a", None, 0, 100_000_000), failed],
            others: false,
        };
        let tree = Tree::of(&trace);
        let (critical_path, ending) = (critical_path(&tree), ending(&tree));
        let trace_links =
            vec![TraceLink { name: "X-Ray".to_owned(), url: "https://xray.example/1-5759e988".to_owned() }];
        let answer = TraceAnswer { trace: trace.clone(), critical_path, ending, trace_links };
        let drawn = |color| super::trace(&answer, &Screen::new(None, color, "http://127.0.0.1:4318"));
        let plain = drawn(false);
        let lines: Vec<&str> = plain.lines().collect();
        assert!(lines[1].starts_with("span a    SERVER    booking-api  111111111111  acme  basic"), "{plain}");
        assert!(lines[1].ends_with(&"█".repeat(AXIS)), "{plain}");
        assert!(
            lines[2].starts_with("  span b") && lines[2].contains("50.0 ms") && lines[2].ends_with("timeout"),
            "{plain}"
        );
        assert!(plain.ends_with("X-Ray: https://xray.example/1-5759e988\n"), "{plain}");
        assert!(!plain.contains('\x1b') && drawn(true).contains("\x1b[31m"));
    }
}
