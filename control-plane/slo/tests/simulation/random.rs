//! Counts by chance, the same on every run.

/// Splitmix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// From 0 up to but not 1.
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// By inversion; by the normal distribution where the mean is large.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        let (mut left, mut term, mut count) = (self.uniform(), (-mean).exp(), 0);
        while left > term && count < 200 {
            left -= term;
            count += 1;
            term *= mean / count as f64;
        }
        count
    }

    /// By inversion; by the normal distribution where both outcomes are many.
    pub fn binomial(&mut self, trials: u64, p: f64) -> u64 {
        if trials == 0 || p <= 0.0 {
            return 0;
        }
        if p > 0.5 {
            return trials - self.binomial(trials, 1.0 - p);
        }
        let n = trials as f64;
        if n * p > 30.0 {
            let count = n * p + (n * p * (1.0 - p)).sqrt() * self.normal();
            return count.round().clamp(0.0, n) as u64;
        }
        let (mut left, mut count) = (self.uniform(), 0_u64);
        let mut term = (n * (-p).ln_1p()).exp();
        while left > term && count < trials {
            left -= term;
            term *= (trials - count) as f64 / (count + 1) as f64 * p / (1.0 - p);
            count += 1;
        }
        count
    }
}
