//! Eight more tenants whose traffic is simulated, for a story that a laptop has no time to wait for: four days as usual, and in the last
//! quarter of an hour one of them begins to fail, while another has become slow and a user of a third guesses booking numbers. All of it goes to the control plane as spans, whose
//! resources say that they are simulated, and goes on until the demo ends.
//!
//! | module | what it holds |
//! |---|---|
//! | `tenants` | who they are, and what they ask for |
//! | `causes` | why two of them hurt, one is dear, and one is turned away |
//! | `story` | when they ask |
//! | `requests` | what one request does |
//! | `spans` | the kinds of spans it has |
//! | `telling` | spans as OTLP has them |
//! | `scanner` | who tries the API without a token |
//! | `sending` | the way to the control plane, at once and from then on |

mod causes;
mod requests;
mod scanner;
mod sending;
mod spans;
mod story;
mod telling;
mod tenants;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value as Json;

use super::expectations::Expectations;
use crate::outputs::Outputs;

pub(super) use self::{
    requests::STRANDED_BOOKING,
    sending::Simulation,
    tenants::{DEAR, FAILING, GUESSED, SLOW},
};

/// Who is alerted on.
const ALERTED: [&str; 3] = [SLOW, FAILING, GUESSED];
const EVALUATED_WITHIN: Duration = Duration::from_secs(60);

/// Whether the control plane has seen what is wrong, and nothing else.
pub(super) async fn check(outputs: &Outputs, expectations: &mut Expectations) -> Result<()> {
    let (open, everybody) = alerts(&reqwest::Client::new(), outputs).await?;
    let told = |tenant: &str, condition: &str| {
        open.iter().any(|alert| alert["tenant"] == tenant && alert["condition"] == condition)
    };
    expectations.expect(format!("{FAILING} fails at 5 %: an alert"), told(FAILING, "error_rate"));
    expectations.expect(format!("{SLOW} is slow: an alert"), told(SLOW, "latency"));
    expectations.expect(format!("a user of {GUESSED} guesses booking numbers: an alert"), told(GUESSED, "refusals"));
    let others = open.iter().filter(|alert| ALERTED.iter().all(|tenant| alert["tenant"] != *tenant)).count();
    expectations.expect(
        "nobody else is alerted on, and all together stay below 1 % of failures",
        others == 0 && everybody < 0.01,
    );
    Ok(())
}

/// The alerts there are, and everybody's error rate, once all incidents are known.
async fn alerts(client: &reqwest::Client, outputs: &Outputs) -> Result<(Vec<Json>, f64)> {
    let get =
        async |path: &str| -> Result<Json> { Ok(outputs.ask_control_plane(client, path).send().await?.json().await?) };
    let begun = Instant::now();
    loop {
        let alerts = get("/api/alerts").await?.as_array().cloned().unwrap_or_default();
        let known = ALERTED.iter().all(|tenant| alerts.iter().any(|alert| alert["tenant"] == *tenant));
        if known || begun.elapsed() > EVALUATED_WITHIN {
            let slo = get("/api/slo").await?;
            let groups = slo["groups"].as_array().context("groups")?.clone();
            let all = groups.iter().find(|group| group["subject"] == "all").cloned().unwrap_or_default();
            return Ok((alerts, all["evaluation"]["latest"]["error_rate"].as_f64().unwrap_or_default()));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use opentelemetry_proto::tonic::{
        common::v1::{KeyValue, any_value::Value},
        trace::v1::{Span, span::SpanKind},
    };

    use super::{
        causes::{DEPLOYED_FOR, GUESSES_FOR, NEW_VERSION, SLOW_FOR},
        requests::{STRANDED_BOOKING, told},
        story::{Moment, Story},
        telling::SimulatedSpan,
        tenants::{FAILING, GUESSER, SECOND_TABLE, SLOW, SLOW_REGION},
    };

    const NOW: u64 = 1_800_000_123;

    fn texts(attributes: &[KeyValue], key: &str) -> Vec<String> {
        let value =
            attributes.iter().find(|attribute| attribute.key == key).and_then(|attribute| attribute.value.clone());
        let values = match value.and_then(|value| value.value) {
            Some(Value::ArrayValue(array)) => array.values.into_iter().filter_map(|value| value.value).collect(),
            Some(value) => vec![value],
            None => Vec::new(),
        };
        let text = |value| match value {
            Value::StringValue(text) => Some(text),
            _ => None,
        };
        values.into_iter().filter_map(text).collect()
    }

    fn says(span: &Span, key: &str, value: &str) -> bool {
        texts(&span.attributes, key).iter().any(|text| text == value)
    }

    fn history() -> Vec<(Moment, Vec<SimulatedSpan>)> {
        Story::beginning(NOW).history(NOW).map(|moment| (moment, told(&moment))).collect()
    }

    #[test]
    fn what_fails_is_the_second_table_in_the_new_version_and_nothing_else() {
        let (mut failed, mut unhurt) = (BTreeMap::<i64, usize>::new(), BTreeSet::new());
        for (moment, told) in history() {
            for SimulatedSpan { sender, span } in told {
                let meets = says(&span, "aws.dynamodb.table_names", SECOND_TABLE);
                let refused = says(&span, "error.type", "ValidationException");
                assert_eq!(refused, meets && sender.version == NEW_VERSION, "{span:?}");
                if refused {
                    assert!(moment.tenant.id == FAILING && moment.since_end >= -(DEPLOYED_FOR as i64));
                    *failed.entry(moment.since_end.div_euclid(300)).or_default() += 1;
                } else if meets {
                    unhurt.insert((moment.tenant.id == FAILING, moment.since_end >= -(DEPLOYED_FOR as i64)));
                }
            }
        }
        // Others meet the table in the old version, and so does the tenant itself, before the deployment and after it.
        assert_eq!(unhurt.len(), 4, "{unhurt:?}");
        // About one in twenty of its requests, in each five minutes.
        assert!((-3..0).all(|slot| failed.get(&slot).is_some_and(|failed| (5..10).contains(failed))), "{failed:?}");
    }

    #[test]
    fn what_is_slow_is_one_operation_of_one_tenant_in_one_region() {
        let took = |span: &Span| (span.end_time_unix_nano - span.start_time_unix_nano) / 1_000_000;
        let mut slow = 0;
        for (moment, told) in history() {
            for SimulatedSpan { sender, span } in &told {
                let waits = span.kind() == SpanKind::Server && took(span) >= 400 && span.name != "POST /exports";
                if waits {
                    assert_eq!((moment.tenant.id, &*span.name, sender.region), (SLOW, "GET /seatmaps", SLOW_REGION));
                    assert!(moment.since_end >= -(SLOW_FOR as i64));
                    slow += 1;
                }
            }
        }
        assert!(slow > 20, "{slow}");
    }

    #[test]
    fn one_user_guesses_booking_numbers_and_nobody_else_is_refused() {
        let mut refused = BTreeMap::<i64, usize>::new();
        for (moment, told) in history() {
            for SimulatedSpan { span, .. } in told {
                if says(&span, "problem.code", "no_such_booking") {
                    assert!(
                        says(&span, "enduser.id", GUESSER) && moment.since_end >= -(GUESSES_FOR as i64),
                        "{span:?}"
                    );
                    *refused.entry(moment.since_end.div_euclid(300)).or_default() += 1;
                }
            }
        }
        assert!((-2..0).all(|slot| refused.get(&slot) == Some(&40)), "{refused:?}");
    }

    #[test]
    fn one_booking_was_given_up_by_its_queue() {
        let stranded: Vec<_> = history().into_iter().filter(|(moment, _)| moment.stranded).collect();
        let [(_, told)] = stranded.as_slice() else { panic!("{stranded:?}") };
        let accrued = told.iter().filter(|told| told.span.name == "process mileage-bookings-simulated");
        let said: Vec<_> = accrued.map(|told| told.span.status.clone().unwrap_or_default().message).collect();
        assert!(said.len() == 3 && said[2].contains("dlq"), "{said:?}");
        assert!(told.iter().all(|told| says(&told.span, "booking.number", STRANDED_BOOKING)));
        assert!(told.iter().all(|told| says(&told.span, "aws.xray.annotations", "booking.number")));
    }

    #[test]
    fn it_goes_on_where_it_was_left_and_no_faster() {
        let story = Story::beginning(NOW);
        let starts = |from, to| story.between(from, to).map(|moment| (moment.start, moment.seed)).collect::<Vec<_>>();
        let whole = starts(NOW, NOW + 300);
        assert_eq!(whole.len(), 8 * 80);
        let parts: Vec<_> = (NOW..NOW + 300).flat_map(|second| starts(second, second + 1)).collect();
        assert_eq!(parts, whole);
    }
}
