//! Measurements that are added up.

use serde::{Deserialize, Serialize};

/// Measurements by their number, sum and size.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// How many; of a sum and a gauge, how many points.
    pub count: u64,
    /// The sum of all measurements.
    pub sum: f64,
    /// The least measurement, if the sender states it.
    pub min: Option<f64>,
    /// The greatest; likewise.
    pub max: Option<f64>,
    /// Upper bounds of a histogram's buckets, the last bucket's left out as it has none; empty, where it is none.
    pub bounds: Vec<f64>,
    /// Measurements by bucket: one more than there are bounds.
    pub buckets: Vec<u64>,
}

impl Summary {
    /// Takes another's measurements in. Buckets whose bounds differ cannot be added: then there are none.
    pub fn add(&mut self, other: &Self) {
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        if other.count == 0 {
            return;
        }
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
        self.min = self.min.zip(other.min).map(|(own, other)| own.min(other));
        self.max = self.max.zip(other.max).map(|(own, other)| own.max(other));
        if self.bounds == other.bounds && self.buckets.len() == other.buckets.len() {
            self.buckets.iter_mut().zip(&other.buckets).for_each(|(own, other)| *own = own.saturating_add(*other));
        } else {
            self.bounds.clear();
            self.buckets.clear();
        }
    }

    /// Takes out again what was [added](Self::add), but for the least and the greatest, which stay.
    pub fn remove(&mut self, other: &Self) {
        self.count = self.count.saturating_sub(other.count);
        self.sum -= other.sum;
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(own, other)| *own = own.saturating_sub(*other));
    }

    /// The mean, or `None` without measurements.
    #[allow(clippy::cast_precision_loss, reason = "nobody counts to 2^52")]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The value below which this share of the measurements lies, interpolated within its bucket, or `None` without buckets. Of the last bucket,
    /// which has no bound, it is the greatest value, or the bucket's lower bound where nobody said the greatest.
    #[allow(clippy::cast_precision_loss, reason = "nobody counts to 2^52")]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.buckets.iter().sum();
        let wanted = share * all as f64;
        let mut below = 0_u64;
        for (at, &n) in self.buckets.iter().enumerate() {
            let next = below + n;
            if n > 0 && next as f64 >= wanted {
                let lowest = self.min.filter(|_| below == 0);
                let from = lowest.or_else(|| at.checked_sub(1).and_then(|before| self.bounds.get(before)).copied());
                let Some(to) = self.bounds.get(at).copied() else { return self.max.or(from) };
                let to = self.max.map_or(to, |max| to.min(max));
                let from = from.unwrap_or(0.0).min(to);
                return Some(from + (to - from) * ((wanted - below as f64) / n as f64).clamp(0.0, 1.0));
            }
            below = next;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(buckets: &[u64], min: f64, max: f64) -> Summary {
        let count = buckets.iter().sum();
        let (bounds, buckets) = (vec![10.0, 100.0], buckets.to_vec());
        Summary { count, sum: 50.0, min: Some(min), max: Some(max), bounds, buckets }
    }

    #[test]
    fn histograms_of_the_same_bounds_add_up() {
        let mut sum = Summary::default();
        sum.add(&histogram(&[1, 2, 0], 4.0, 60.0));
        sum.add(&histogram(&[0, 1, 3], 20.0, 700.0));
        assert_eq!(sum, Summary { sum: 100.0, ..histogram(&[1, 3, 3], 4.0, 700.0) });
        sum.add(&Summary { bounds: vec![1.0], buckets: vec![1, 0], ..histogram(&[1], 1.0, 1.0) });
        assert_eq!((sum.count, sum.buckets.len(), sum.quantile(0.5)), (8, 0, None));
    }

    #[test]
    fn a_quantile_lies_within_its_bucket_and_what_was_measured() {
        let measured = histogram(&[2, 2, 1], 4.0, 250.0);
        assert_eq!(measured.quantile(0.4), Some(10.0));
        assert_eq!(measured.quantile(0.6), Some(55.0));
        assert_eq!(measured.quantile(1.0), Some(250.0));
        assert_eq!(Summary::default().quantile(0.5), None);
        assert_eq!(histogram(&[4, 0, 0], 6.0, 8.0).quantile(1.0), Some(8.0));
    }
}
