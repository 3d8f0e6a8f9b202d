//! What Logs Insights is asked, over `aws/spans` of every source account at once: requests by tenant, tier and bin of latency.
//!
//! Every span is a record with the fields `traceId`, `spanId`, `kind`, `startTimeUnixNano`, `durationNano`, `status.code`,
//! `attributes.*` and `resource.attributes.*`. The first `stats` has one row per span, so that a span that was delivered twice
//! counts once; `count_distinct` would only estimate. The second one counts. Of Insights' [functions], these are used:
//!
//! | wanted | from |
//! |---|---|
//! | `floor(log2(duration) * 8)` | `floor` and `log`, the natural logarithm: log2(d) × 8 = log(d) × 8 / ln 2 |
//! | 5xx | `floor(status / 500)`, with `least` and `greatest`: 1 from 500 on, else 0 |
//! | status ERROR, but for a 4xx | `strcontains`, which is 1 or 0, less 1 from 400 on |
//! | five minutes | `floor` of seconds; not `bin`, which goes by `@timestamp` |
//!
//! 10⁻¹² is added to the logarithm, because that of 8 is a little less than 3 × ln 2 in floating point. Bins are then exactly those
//! of [`slo::histogram::bin`] for durations up to 14 minutes, and beyond but for single nanoseconds at the edges of a bin.
//!
//! [functions]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html

use crate::slices::Slice;

/// Rows an answer has at most: StartQuery's limit, and its most.
pub const MAX_ROWS: usize = 100_000;
/// Rows of a page of an answer, at most.
pub const PAGE: usize = 10_000;

/// 8 / ln 2.
#[cfg(test)]
const EIGHT_OVER_LN_2: f64 = 8.0 / std::f64::consts::LN_2;

/// The query for requests that began in a slice. Times in it are those of spans; the query's own range is [`range`].
pub fn text(slice: Slice) -> String {
    let Slice { from, to } = slice;
    format!(
        r#"filter kind in ["SERVER", "CONSUMER"] and ispresent(attributes.tenant.id)
  and (kind = "CONSUMER" or coalesce(attributes.faas.trigger, "http") = "http")
  and startTimeUnixNano / 1000000000 >= {from} and startTimeUnixNano / 1000000000 < {to}
| fields floor(startTimeUnixNano / 1000000000) as second, attributes.tenant.id as tenant,
  coalesce(attributes.tenant.tier, "") as tier,
  floor(log(greatest(durationNano, 1)) * 11.541560327111707 + 0.000000000001) as latency,
  coalesce(attributes.http.response.status_code, attributes.http.status_code, 0) as http,
  strcontains(coalesce(status.code, ""), "ERROR") as error,
  greatest(1, coalesce(attributes.sampling.adjusted_count, 1)) as weight,
  ispresent(attributes.sampling.estimated) as estimated
| fields floor(second / 300) * 300 as slot, least(1, floor(http / 500)) as fault, least(1, floor(http / 400)) as refused
| fields greatest(fault, error - refused, 0) as failed
| stats count(*) as copies by traceId, spanId, slot, tenant, tier, latency, durationNano, failed, weight, estimated
| stats count(*) as requests, sum(copies) as records, sum(failed) as failures, sum(durationNano) as duration_ns,
  sum(weight) as weights, sum(failed * weight) as weighted_failures, sum(durationNano * weight) as weighted_duration_ns
  by slot, tenant, tier, latency, estimated"#
    )
}

/// The range that the query is given, in seconds, both ends included. Records are found by `@timestamp`, which is not before a
/// span began, and so close to its end that what comes later than `settle` would not have been there yet.
pub fn range(slice: Slice, settle: i64) -> (i64, i64) {
    (slice.from, slice.to + settle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_asks_for_the_slice() {
        let text = text(Slice { from: 1_790_000_100, to: 1_790_000_400 });
        assert!(
            text.contains(
                "startTimeUnixNano / 1000000000 >= 1790000100 and startTimeUnixNano / 1000000000 < 1790000400"
            )
        );
        assert!(text.contains(&EIGHT_OVER_LN_2.to_string()));
        // Two are allowed.
        assert_eq!(text.matches("| stats").count(), 2);
        // All records are filtered in one command, before anything is computed: its matches are what the answer must have.
        assert_eq!(text.matches("filter").count(), 1);
        assert!(text.len() < 10_000);
    }

    #[test]
    fn insights_bins_are_the_histograms() {
        let formula = |duration: u64| ((duration.max(1) as f64).ln() * EIGHT_OVER_LN_2 + 1e-12).floor() as u16;
        assert_eq!(formula(0), 0);
        for bin in 0..317 {
            // The first nanosecond of a bin and those around it; 2^(317/8) ns are 14 minutes.
            let edge = slo::histogram::lower_bound(bin) as u64;
            for duration in edge.saturating_sub(3)..=edge + 3 {
                assert_eq!(formula(duration), slo::histogram::bin(duration), "{duration}");
            }
        }
    }

    /// As the query computes it, for what the embedded store decides by.
    #[test]
    fn what_counts_as_failed() {
        let failed = |http: f64, error: bool| {
            let fault = (http / 500.0).floor().min(1.0);
            let refused = (http / 400.0).floor().min(1.0);
            fault.max(f64::from(u8::from(error)) - refused).max(0.0)
        };
        for (http, error, expected) in [
            (0.0, false, 0.0),
            (0.0, true, 1.0),
            (200.0, false, 0.0),
            (200.0, true, 1.0),
            (404.0, false, 0.0),
            (404.0, true, 0.0),
            (500.0, false, 1.0),
            (503.0, true, 1.0),
        ] {
            assert_eq!(failed(http, error), expected, "{http} {error}");
        }
    }
}
