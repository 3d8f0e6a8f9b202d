//! Latencies as counts in bins that grow by 2^(1/8): eight bins to a doubling, 512 for all of `u64`.
//!
//! A quantile is the geometric middle of the bin that holds the nearest-rank sample, so it is off by at most
//! 2^(1/16) − 1 = 4.43 %, whatever the distribution. Interpolating within the bin would be closer on smooth samples, and off
//! by up to 2^(1/8) − 1 = 9.05 % where all of a bin's samples are equal.

use serde::{Deserialize, Serialize};

/// Bins to a doubling.
pub const BINS_PER_DOUBLING: u16 = 8;

/// 2^(63 + i/8), rounded up: where bin `i` of the doubling that starts at 2^63 begins. Integers, because an `f64` has not the
/// digits to tell durations near an edge apart.
const EDGES: [u64; BINS_PER_DOUBLING as usize] = [
    0x8000_0000_0000_0000,
    0x8b95_c1e3_ea8b_d6e7,
    0x9837_f051_8db8_a970,
    0xa5fe_d6a9_b151_38eb,
    0xb504_f333_f9de_6485,
    0xc567_2a11_5506_dade,
    0xd744_fcca_d69d_6af5,
    0xeac0_c6e7_dd24_392f,
];

/// `floor(log2(max(duration_ns, 1)) * 8)`, exact for every duration; 0 to 511.
pub fn bin(duration_ns: u64) -> u16 {
    let duration = duration_ns.max(1);
    let zeros = duration.leading_zeros();
    let scaled = duration << zeros;
    let doubling = (63 - zeros) as u16;
    doubling * BINS_PER_DOUBLING + (EDGES.partition_point(|edge| *edge <= scaled) as u16 - 1)
}

/// The shortest duration of a bin in nanoseconds: 2^(bin/8).
pub fn lower_bound(bin: u16) -> f64 {
    (f64::from(bin) / f64::from(BINS_PER_DOUBLING)).exp2()
}

/// What every duration of a bin is shorter than, in nanoseconds: 2^((bin + 1)/8).
pub fn upper_bound(bin: u16) -> f64 {
    lower_bound(bin + 1)
}

fn middle(bin: u16) -> f64 {
    ((f64::from(bin) + 0.5) / f64::from(BINS_PER_DOUBLING)).exp2()
}

/// How many requests took how long. Counts are weights: a request that was sampled with probability p counts 1/p.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// By bin, ascending; a vector, for there are a few dozen at most.
    bins: Vec<(u16, f64)>,
}

impl Histogram {
    /// A histogram without requests.
    pub const fn new() -> Self {
        Self { bins: Vec::new() }
    }

    /// Counts requests of one duration.
    pub fn add(&mut self, duration_ns: u64, weight: f64) {
        self.add_bin(bin(duration_ns), weight);
    }

    /// Counts requests of one bin, as rows of a store give them.
    pub fn add_bin(&mut self, bin: u16, weight: f64) {
        match self.bins.binary_search_by_key(&bin, |(at, _)| *at) {
            Ok(at) => self.bins[at].1 += weight,
            Err(at) => self.bins.insert(at, (bin, weight)),
        }
    }

    /// Counts the other's requests as well.
    pub fn merge(&mut self, other: &Self) {
        let mut at = 0;
        for &(bin, weight) in &other.bins {
            while at < self.bins.len() && self.bins[at].0 < bin {
                at += 1;
            }
            if at < self.bins.len() && self.bins[at].0 == bin {
                self.bins[at].1 += weight;
            } else {
                self.bins.insert(at, (bin, weight));
            }
        }
    }

    /// Bins that hold something, ascending, with their weights.
    pub fn bins(&self) -> &[(u16, f64)] {
        &self.bins
    }

    /// Weight of all bins.
    pub fn total(&self) -> f64 {
        let mut total = 0.0;
        for (_, weight) in &self.bins {
            total += weight;
        }
        total
    }

    /// The duration in nanoseconds that the share `q` of requests does not exceed, by nearest rank; off by at most 4.43 %.
    /// Nothing if there are no requests.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let [value] = self.quantiles([q])?;
        Some(value)
    }

    /// Several quantiles, given in ascending order, in one walk.
    pub fn quantiles<const N: usize>(&self, qs: [f64; N]) -> Option<[f64; N]> {
        let total = self.total();
        let (last, _) = self.bins.last()?;
        // Also where rounding leaves the sum of the weights short of the total.
        let mut values = [middle(*last); N];
        let (mut seen, mut next) = (0.0, 0);
        for (bin, weight) in &self.bins {
            seen += weight;
            while next < N && seen >= qs[next] * total {
                values[next] = middle(*bin);
                next += 1;
            }
        }
        Some(values)
    }

    /// Weight of the requests that took at most so many nanoseconds. Within the bin that holds the limit, requests are taken
    /// to be spread evenly over its logarithm: at worst, all of that one bin is misplaced.
    pub fn at_most(&self, duration_ns: f64) -> f64 {
        let position = duration_ns.max(1.0).log2() * f64::from(BINS_PER_DOUBLING);
        let mut weight = 0.0;
        for (bin, of_bin) in &self.bins {
            weight += of_bin * (position - f64::from(*bin)).clamp(0.0, 1.0);
        }
        weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splitmix64, as published by Steele, Lea and Flood (2014); the same samples on every run.
    fn uniform(state: &mut u64) -> f64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(state: &mut u64) -> f64 {
        (-2.0 * (1.0 - uniform(state)).ln()).sqrt() * (std::f64::consts::TAU * uniform(state)).cos()
    }

    #[test]
    fn powers_of_two_start_a_bin() {
        assert_eq!(bin(0), 0);
        for doubling in 0..64_u16 {
            let power = 1_u64 << doubling;
            assert_eq!(bin(power), doubling * 8);
            assert!(bin(power - 1) < doubling * 8 || doubling == 0);
        }
        assert_eq!(bin(u64::MAX), 511);
    }

    #[test]
    fn bins_are_those_of_the_formula() {
        let mut state = 1;
        for _ in 0..100_000 {
            let duration = (uniform(&mut state) * 45.0).exp2() as u64;
            let formula = ((duration.max(1) as f64).log2() * 8.0).floor() as u16;
            assert_eq!(bin(duration), formula, "{duration}");
            let at = bin(duration);
            assert!(lower_bound(at) <= duration.max(1) as f64 && (duration.max(1) as f64) < upper_bound(at));
        }
    }

    #[test]
    fn quantiles_are_within_five_percent_of_the_nearest_rank() {
        let mut state = 7;
        type Draw = fn(&mut u64) -> f64;
        let kinds: [(&str, Draw); 4] = [
            ("lognormal", |state| (17.0 + 0.8 * normal(state)).exp()),
            ("uniform", |state| 1e6 + 4e8 * uniform(state)),
            ("bimodal", |state| if uniform(state) < 0.985 { 2e6 } else { 3e9 } * (0.1 * normal(state)).exp()),
            ("equal, at the lower edge of a bin", |_| 1_048_576.0),
        ];
        for (kind, draw) in kinds {
            for count in [1_usize, 2, 10, 333, 5_000] {
                for _ in 0..20 {
                    let mut samples: Vec<u64> = (0..count).map(|_| draw(&mut state) as u64).collect();
                    samples.sort_unstable();
                    let mut histogram = Histogram::new();
                    samples.iter().for_each(|sample| histogram.add(*sample, 1.0));
                    for q in [0.5, 0.95, 0.99] {
                        let rank = ((q * count as f64).ceil() as usize).max(1);
                        let exact = samples[rank - 1] as f64;
                        let error = (histogram.quantile(q).unwrap() / exact - 1.0).abs();
                        assert!(error <= 0.05, "{kind}, {count} samples, q {q}: off by {error}");
                    }
                }
            }
        }
    }

    #[test]
    fn merging_is_adding() {
        let (mut left, mut right, mut both) = (Histogram::new(), Histogram::new(), Histogram::new());
        let mut state = 3;
        for index in 0..1_000 {
            let duration = (uniform(&mut state) * 30.0).exp2() as u64;
            if index % 3 == 0 {
                left.add(duration, 2.0)
            } else {
                right.add(duration, 1.0)
            }
            both.add(duration, if index % 3 == 0 { 2.0 } else { 1.0 });
        }
        left.merge(&right);
        assert_eq!(left, both);
        assert_eq!(left.total(), 334.0 * 2.0 + 666.0);
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Histogram::new().quantile(0.99), None);
        assert_eq!(Histogram::new().at_most(1e9), 0.0);
    }

    #[test]
    fn at_most_is_exact_at_an_edge() {
        let mut histogram = Histogram::new();
        histogram.add(1_023, 1.0);
        histogram.add(1_024, 2.0);
        histogram.add(4_096, 4.0);
        assert_eq!(histogram.at_most(1_024.0), 1.0);
        assert_eq!(histogram.at_most(4_096.0), 3.0);
        assert_eq!(histogram.at_most(1e6), 7.0);
    }
}
