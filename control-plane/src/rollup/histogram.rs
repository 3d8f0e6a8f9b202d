//! Latency histograms with bins that grow by 2^(1/8).

/// Bins from one power of two to the next.
pub const BINS_PER_DOUBLING: u32 = 8;
/// Counts are kept in thousandths: a sampled span may stand for 2.5.
const PARTS: f64 = 1_000.0;

/// The bin of a duration: floor(log2(ns) · 8).
pub fn bin(duration_ns: u64) -> u16 {
    ((duration_ns.max(1) as f64).log2() * f64::from(BINS_PER_DOUBLING)).floor() as u16
}

/// Where a bin begins, in nanoseconds.
fn lower_ns(bin: f64) -> f64 {
    (bin / f64::from(BINS_PER_DOUBLING)).exp2()
}

/// How many spans took how long. Signed, so that what was counted on insufficient knowledge can be taken back.
///
/// A quantile is placed within its bin by geometric interpolation, so it is off by less than a bin's width, 9.05 %, and by
/// 4.4 % where a bin's spans lie in its middle. Measured against exact quantiles it stays within 5 % (this file's tests).
///
/// A sorted list: most cells hold few bins, and there are very many cells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram(Vec<(u16, i64)>);

impl Histogram {
    /// Counts `weight` spans of this duration; a negative weight takes them away.
    pub fn add(&mut self, duration_ns: u64, weight: f64) {
        self.add_parts(bin(duration_ns), (weight * PARTS).round() as i64);
    }

    /// Adds another one's counts.
    pub fn merge(&mut self, other: &Self) {
        for (bin, parts) in &other.0 {
            self.add_parts(*bin, *parts);
        }
    }

    fn add_parts(&mut self, bin: u16, parts: i64) {
        match self.0.binary_search_by_key(&bin, |(bin, _)| *bin) {
            Ok(index) => {
                if let Some((_, count)) = self.0.get_mut(index) {
                    *count += parts;
                    if *count == 0 {
                        self.0.remove(index);
                    }
                }
            }
            Err(index) if parts != 0 => self.0.insert(index, (bin, parts)),
            Err(_) => {}
        }
    }

    /// The count of all bins.
    pub fn total(&self) -> f64 {
        self.0.iter().map(|(_, parts)| parts).sum::<i64>() as f64 / PARTS
    }

    /// The bins that hold something: lower bound in nanoseconds, upper bound, count.
    pub fn bins(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let bounds = |bin: u16| (lower_ns(f64::from(bin)), lower_ns(f64::from(bin) + 1.0));
        self.0.iter().map(move |(bin, parts)| (bounds(*bin).0, bounds(*bin).1, *parts as f64 / PARTS))
    }

    /// The duration, in nanoseconds, that the fraction `q` of the spans do not exceed; `None` of an empty histogram.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let total: i64 = self.0.iter().map(|(_, parts)| parts).filter(|parts| **parts > 0).sum();
        let rank = q.clamp(0.0, 1.0) * total as f64;
        let mut below = 0.0;
        let mut last = None;
        for (bin, parts) in self.0.iter().filter(|(_, parts)| *parts > 0) {
            let parts = *parts as f64;
            let within = ((rank - below) / parts).clamp(0.0, 1.0);
            last = Some(lower_ns(f64::from(*bin) + within));
            if below + parts >= rank {
                break;
            }
            below += parts;
        }
        last
    }

    /// Pairs of variable-length numbers: distance from the bin before, count (zigzag).
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() * 3);
        let mut before = 0;
        for (bin, parts) in &self.0 {
            varint(&mut out, u64::from(bin - before));
            varint(&mut out, (parts.wrapping_shl(1) ^ (parts >> 63)) as u64);
            before = *bin;
        }
        out
    }

    /// What [`Histogram::encode`] made; bytes that it cannot have made end the reading.
    pub fn decode(mut bytes: &[u8]) -> Self {
        let mut histogram = Self::default();
        let mut bin = 0_u16;
        while let Some((step, zigzag)) = take(&mut bytes).and_then(|step| Some((step, take(&mut bytes)?))) {
            bin = bin.saturating_add(u16::try_from(step).unwrap_or(u16::MAX));
            histogram.add_parts(bin, (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
        }
        histogram
    }
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Durations as services have them: around 5 ms, a tail, and a second hump of slow ones.
    fn durations() -> Vec<u64> {
        let mut state = 7_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..50_000)
            .map(|n| {
                let normal: f64 = (0..12).map(|_| random()).sum::<f64>() - 6.0;
                let median = if n % 40 == 0 { 400e6 } else { 5e6 };
                (median * (normal * 0.6).exp()) as u64
            })
            .collect()
    }

    #[test]
    fn quantiles_are_within_five_percent_of_exact_ones() {
        let mut sorted = durations();
        let mut histogram = Histogram::default();
        sorted.iter().for_each(|duration| histogram.add(*duration, 1.0));
        sorted.sort_unstable();
        for q in [0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999] {
            let exact = sorted[(q * sorted.len() as f64).ceil() as usize - 1] as f64;
            let estimate = histogram.quantile(q).unwrap();
            assert!((estimate / exact - 1.0).abs() < 0.05, "p{q}: {estimate} instead of {exact}");
        }
    }

    #[test]
    fn what_is_encoded_is_read_back() {
        let mut histogram = Histogram::default();
        for (duration, weight) in [(0, 1.0), (1, 1.0), (u64::MAX, 3.0), (5_000_000, 2.5), (70_000, -1.0)] {
            histogram.add(duration, weight);
        }
        assert_eq!(Histogram::decode(&histogram.encode()), histogram);
        assert_eq!(Histogram::decode(&[0xff; 30]), Histogram::default());
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let mut histogram = Histogram::default();
        histogram.add(10, 1.5);
        histogram.add(10, -1.5);
        assert_eq!(histogram, Histogram::default());
    }
}
