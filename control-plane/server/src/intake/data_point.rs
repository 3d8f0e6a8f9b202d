//! What points say was measured, whatever form they have: a value, or a histogram.

use control_plane_model::metrics::{Kind, Summary};
use opentelemetry_proto::tonic::{
    common::v1::KeyValue,
    metrics::v1::{
        Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint,
        exponential_histogram_data_point::Buckets, number_data_point::Value,
    },
};

/// Buckets that a histogram may have.
const MAX_BUCKETS: usize = 200;
/// The greatest value, either way: whatever is added up stays a number.
const MAX_VALUE: f64 = 1e200;
/// The greatest count, for the same reason.
const MAX_COUNT: u64 = 1 << 40;
/// The bounds of what came with exponential buckets: powers of two, from a microsecond in seconds to a terabyte in bytes. They are the same for
/// all points, so that these add up.
const POWERS: std::ops::RangeInclusive<i32> = -20..=40;

const NO_NUMBER: &str = "a value is a finite number, and a count less than 2^40";

/// A point as it was sent; what it measured, or why that cannot be stored.
pub(super) struct DataPoint {
    pub(super) attributes: Vec<KeyValue>,
    /// Nanoseconds since 1970, 0 where it does not say.
    pub(super) start: u64,
    pub(super) time: u64,
    pub(super) flags: u32,
    pub(super) exemplars: Vec<Exemplar>,
    pub(super) summary: Result<Summary, &'static str>,
}

/// Whether a value is one that can be added to others.
pub(super) fn is_finite(value: f64) -> bool {
    value.abs() <= MAX_VALUE
}

impl DataPoint {
    /// A value at a moment, or what was added.
    pub(super) fn value(point: NumberDataPoint, kind: Kind) -> Self {
        let NumberDataPoint { attributes, start_time_unix_nano: start, time_unix_nano: time, exemplars, flags, value } =
            point;
        let value = match value {
            None => Err("a point has a value"),
            Some(Value::AsInt(value)) => Ok(value as f64),
            Some(Value::AsDouble(value)) if is_finite(value) => Ok(value),
            Some(Value::AsDouble(_)) => Err(NO_NUMBER),
        };
        let summary = value.map(|value| {
            let of_gauge = (kind == Kind::Gauge).then_some(value);
            Summary { count: 1, sum: value, min: of_gauge, max: of_gauge, ..Summary::default() }
        });
        Self { attributes, start, time, flags, exemplars, summary }
    }
}

impl From<HistogramDataPoint> for DataPoint {
    fn from(point: HistogramDataPoint) -> Self {
        let HistogramDataPoint { explicit_bounds: bounds, bucket_counts: buckets, count, sum, min, max, .. } = point;
        let summary = summary(Summary { count, sum: 0.0, min, max, bounds, buckets }, sum);
        let (attributes, exemplars, flags) = (point.attributes, point.exemplars, point.flags);
        Self { attributes, start: point.start_time_unix_nano, time: point.time_unix_nano, flags, exemplars, summary }
    }
}

impl From<ExponentialHistogramDataPoint> for DataPoint {
    fn from(point: ExponentialHistogramDataPoint) -> Self {
        let ExponentialHistogramDataPoint { count, sum, min, max, scale, zero_count, positive, negative, .. } = point;
        let summary = explicit(scale, zero_count, [positive, negative])
            .and_then(|buckets| summary(Summary { count, sum: 0.0, min, max, bounds: bounds(), buckets }, sum));
        let (attributes, exemplars, flags) = (point.attributes, point.exemplars, point.flags);
        Self { attributes, start: point.start_time_unix_nano, time: point.time_unix_nano, flags, exemplars, summary }
    }
}

fn bounds() -> Vec<f64> {
    POWERS.map(|power| 2_f64.powi(power)).collect()
}

/// A histogram as it is stored, if it is one.
fn summary(histogram: Summary, sum: Option<f64>) -> Result<Summary, &'static str> {
    let Summary { count, min, max, bounds, buckets, .. } = histogram;
    // Where nothing was measured there may be no sum.
    let sum = sum.or((count == 0).then_some(0.0)).ok_or("a histogram has a sum")?;
    if !is_finite(sum) || count > MAX_COUNT {
        return Err(NO_NUMBER);
    }
    if buckets.len() > MAX_BUCKETS {
        return Err("a histogram has at most 200 buckets");
    }
    // One bucket tells no more than the count.
    let has_buckets = buckets.len() > 1;
    if buckets.len().saturating_sub(1) != bounds.len()
        || !bounds.iter().all(|bound| bound.is_finite())
        || !bounds.is_sorted_by(|lower, upper| lower < upper)
    {
        return Err("a histogram has rising bounds, and one bucket more than these");
    }
    if has_buckets && buckets.iter().try_fold(0_u64, |sum, n| sum.checked_add(*n)) != Some(count) {
        return Err("a histogram's buckets hold as many as it counted");
    }
    let extreme = |value: Option<f64>| value.filter(|value| is_finite(*value));
    let buckets = if has_buckets { buckets } else { Vec::new() };
    Ok(Summary { count, sum, min: extreme(min), max: extreme(max), bounds, buckets })
}

/// The explicit buckets of exponential ones: each goes where its upper bound belongs, what is not above zero into the first.
/// <https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram>
fn explicit(scale: i32, zero: u64, [positive, negative]: [Option<Buckets>; 2]) -> Result<Vec<u64>, &'static str> {
    let (positive, negative) = (positive.unwrap_or_default(), negative.unwrap_or_default());
    let (first, last) = (i64::from(*POWERS.start()), i64::from(*POWERS.end()));
    let mut buckets = vec![0_u64; (last - first + 2) as usize];
    let mut add = |place: usize, n: u64| {
        let bucket = buckets.get_mut(place)?;
        *bucket = bucket.checked_add(n)?;
        Some(())
    };
    let below = negative.bucket_counts.into_iter().chain([zero]);
    let mut fits = below.into_iter().all(|n| add(0, n).is_some());
    for (index, n) in (i64::from(positive.offset)..).zip(positive.bucket_counts) {
        // The power of two that its upper bound, 2^((index + 1) / 2^scale), is not above.
        let power = match scale {
            scale @ 0.. => (index >> scale.min(63)) + 1,
            scale => (index + 1).saturating_mul(1_i64 << scale.unsigned_abs().min(32)),
        };
        fits &= add((power.clamp(first, last + 1) - first) as usize, n).is_some();
    }
    fits.then_some(buckets).ok_or(NO_NUMBER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exponential(scale: i32, offset: i32, counts: &[u64]) -> Summary {
        let count = counts.iter().sum::<u64>() + 3;
        let buckets = Some(Buckets { offset, bucket_counts: counts.to_vec() });
        let point = ExponentialHistogramDataPoint {
            count,
            sum: Some(1.0),
            scale,
            zero_count: 2,
            positive: buckets,
            negative: Some(Buckets { offset: 7, bucket_counts: vec![1] }),
            ..ExponentialHistogramDataPoint::default()
        };
        DataPoint::from(point).summary.unwrap()
    }

    /// The buckets that hold something, by their upper bounds.
    fn held(summary: &Summary) -> Vec<(f64, u64)> {
        let bounds = summary.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(summary.buckets.iter().copied()).filter(|(_, n)| *n > 0).collect()
    }

    #[test]
    fn exponential_buckets_become_powers_of_two() {
        let least = (2_f64.powi(-20), 3);
        // (1, 2], (2, 4], (4, 8]
        assert_eq!(held(&exponential(0, 0, &[4, 5, 6])), [least, (2.0, 4), (4.0, 5), (8.0, 6)]);
        // Eight of each are one: those of (1, 2], and the first of (2, 4].
        assert_eq!(held(&exponential(3, 0, &[1; 9])), [least, (2.0, 8), (4.0, 1)]);
        // (1, 16], (16, 256], by their upper bounds.
        assert_eq!(held(&exponential(-2, 0, &[4, 5])), [least, (16.0, 4), (256.0, 5)]);
        let beyond = exponential(0, 100, &[1]);
        assert_eq!(held(&beyond), [least, (f64::INFINITY, 1)]);
        assert_eq!(held(&exponential(20, -(100 << 20), &[1])), [(2_f64.powi(-20), 4)]);
        for (scale, offset) in [(i32::MAX, i32::MIN), (i32::MIN, i32::MAX), (i32::MIN, i32::MIN)] {
            assert_eq!(exponential(scale, offset, &[1, 1]).buckets.iter().sum::<u64>(), 5);
        }
    }

    #[test]
    fn a_histogram_that_is_none_is_refused() {
        let whole = HistogramDataPoint {
            count: 3,
            sum: Some(4.0),
            bucket_counts: vec![1, 2],
            explicit_bounds: vec![1.0],
            ..HistogramDataPoint::default()
        };
        assert!(DataPoint::from(whole.clone()).summary.is_ok());
        for (wrong, told) in [
            (HistogramDataPoint { count: 4, ..whole.clone() }, "as many as it counted"),
            (HistogramDataPoint { explicit_bounds: vec![], ..whole.clone() }, "one bucket more"),
            (HistogramDataPoint { explicit_bounds: vec![f64::NAN], ..whole.clone() }, "rising bounds"),
            (HistogramDataPoint { bucket_counts: vec![u64::MAX, 4], ..whole.clone() }, "as many as it counted"),
            (HistogramDataPoint { sum: Some(f64::INFINITY), ..whole.clone() }, "finite"),
            (HistogramDataPoint { sum: None, ..whole.clone() }, "a sum"),
            (HistogramDataPoint { count: 1 << 50, bucket_counts: vec![1 << 50, 0], ..whole.clone() }, "2^40"),
        ] {
            let reason = DataPoint::from(wrong).summary.unwrap_err();
            assert!(reason.contains(told), "{reason}");
        }
        let alone = HistogramDataPoint { bucket_counts: vec![3], explicit_bounds: vec![], ..whole };
        assert!(DataPoint::from(alone).summary.unwrap().buckets.is_empty());
    }
}
