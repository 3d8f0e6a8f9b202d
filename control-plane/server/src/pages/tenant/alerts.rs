//! A tenant's alerts: those that are open, why the others are not, and those that were.

use maud::{Markup, html};
use slo::{Condition, Distance};

use crate::{alerting::Alarm, api::TenantAnswer, pages::frame::moment};

/// Alerts of the past that are shown at once.
const PAST: usize = 10;
const NANOSECONDS: i64 = 1_000_000_000;

pub(super) fn section(answer: &TenantAnswer) -> Markup {
    let (open, past): (Vec<&Alarm>, Vec<&Alarm>) = answer.alerts.iter().partition(|alarm| alarm.alert.closed.is_none());
    let closed: Vec<&Distance> = answer.conditions.iter().filter(|distance| distance.opened.is_none()).collect();
    html! {
        h2 { "Alerts" }
        @if open.is_empty() { p { "None is open." } } @else { (list(&open)) }
        @if !closed.is_empty() {
            details #why-not {
                summary { @if open.is_empty() { "Why none is open" } @else { "Why the others are not open" } }
                dl { @for distance in closed { dt { (name(distance.condition)) } dd { (distance.text) } } }
            }
        }
        @if !past.is_empty() {
            h3 { "Past alerts" }
            (list(&past[..past.len().min(PAST)]))
            @if let Some(older) = past.get(PAST..).filter(|older| !older.is_empty()) {
                details { summary { (older.len()) " older" } (list(older)) }
            }
        }
    }
}

fn name(condition: Condition) -> &'static str {
    match condition {
        Condition::ErrorRate => "Error rate",
        Condition::Latency => "Latency",
        Condition::Budget => "Budget",
        Condition::FastBurn => "Fast burn",
        Condition::SlowBurn => "Slow burn",
        Condition::Refusals => "Turned away",
    }
}

fn list(alerts: &[&Alarm]) -> Markup {
    html! {
        ul.alerts {
            @for alarm in alerts {
                li.open[alarm.alert.closed.is_none()] {
                    p { strong { (alarm.summary) } }
                    p.since {
                        @match alarm.alert.closed {
                            None => { "Open since " (moment(alarm.alert.opened * NANOSECONDS)) "." },
                            Some(closed) => { "Closed " (moment(closed * NANOSECONDS)) ", after it was opened " (moment(alarm.alert.opened * NANOSECONDS)) "." }
                        }
                        " " a href=(alarm.why()) { "Why?" }
                        @if alarm.alert.condition == Condition::Refusals { " Whose: " } @else { " Traces: " }
                        a href=(alarm.traces) {
                            @if alarm.traces_title.is_empty() { "those it is about" } @else { (alarm.traces_title) }
                        }
                    }
                }
            }
        }
    }
}
