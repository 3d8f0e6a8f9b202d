//! One tenant: its traffic, its latencies, and what is wrong with it.

use slo::{Cell, Evaluation, Histogram, Latency, Objectives, TenantState, objective::Availability};

use super::{BASE_FAILURE, BEGIN, DAY, SLOT, incidents::Wrong, random::Random};

/// Latencies are lognormal with one of these spreads (standard deviation of the logarithm).
const SPREADS: [f64; 3] = [0.35, 0.45, 0.55];
/// Below so many requests each is drawn, above each bin.
const FEW: u64 = 40;
/// Draws are from so many equally likely values.
const VALUES: usize = 4_096;

/// A lognormal distribution as bins relative to that of its median.
pub struct Shape {
    /// Bin and the share of requests in it or a later one's, given that they are in none before.
    bins: Vec<(i32, f64)>,
    /// Bins of equally likely values.
    values: Vec<i32>,
}

impl Shape {
    pub fn all() -> [Self; 3] {
        SPREADS.map(Self::new)
    }

    fn new(spread: f64) -> Self {
        let deviation = spread / std::f64::consts::LN_2 * 8.0;
        // In steps of a bin where the tail is, four where it does not matter.
        let tail = deviation as i32;
        let mut edges: Vec<i32> = (-(4.0 * deviation) as i32..tail).step_by(4).collect();
        edges.extend(tail..=(4.5 * deviation) as i32);
        let (mut bins, mut left) = (Vec::new(), 1.0);
        for pair in edges.windows(2) {
            let share = distribution(f64::from(pair[1]) / deviation) - (1.0 - left);
            bins.push((pair[0], (share / left).clamp(0.0, 1.0)));
            left -= share;
        }
        let mut bin = -(4.5 * deviation) as i32;
        let values = (0..VALUES)
            .map(|index| {
                while distribution(f64::from(bin + 1) / deviation) < (index as f64 + 0.5) / VALUES as f64 {
                    bin += 1;
                }
                bin
            })
            .collect();
        Self { bins, values }
    }
}

/// Of the normal distribution, by Simpson's rule.
fn distribution(z: f64) -> f64 {
    let density = |x: f64| (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let (steps, width) = (200, z / 200.0);
    let inner: f64 =
        (1..steps).map(|step| density(f64::from(step) * width) * if step % 2 == 1 { 4.0 } else { 2.0 }).sum();
    0.5 + width / 3.0 * (density(0.0) + inner + density(z))
}

pub struct Tenant {
    pub name: String,
    pub tier: &'static str,
    /// Requests in five minutes, on average over a day.
    pub rate: f64,
    pub wrong: Vec<Wrong>,
    /// Requests that came while something was wrong.
    pub hit: u64,
    objectives: Objectives,
    shape: usize,
    median_bin: i32,
    phase: f64,
    random: Random,
    state: TenantState,
}

impl Tenant {
    /// The tenant of a rank; traffic goes with its inverse.
    pub fn new(rank: usize, seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_add(rank as u64 + 1));
        random.uniform();
        let (tier, target, within_ms) =
            [("basic", 0.995, 2_000.0), ("standard", 0.999, 1_000.0), ("premium", 0.9995, 500.0)][rank % 3];
        Self {
            name: format!("tenant-{rank:04}"),
            tier,
            rate: 2_000.0 / (rank + 1) as f64,
            wrong: Vec::new(),
            hit: 0,
            objectives: Objectives {
                availability: Availability { target },
                latency: Latency { target: 0.99, within_ms },
            },
            shape: rank % SPREADS.len(),
            median_bin: ((40e6 * (1.0 + 4.0 * random.uniform())).log2() * 8.0) as i32,
            phase: (rank % 4) as f64 / 8.0,
            random,
            state: TenantState::new(),
        }
    }

    /// Five minutes of requests, and what is made of them.
    pub fn live(&mut self, start: i64, shapes: &[Shape; 3]) -> Evaluation {
        let day = (start - BEGIN) as f64 / DAY as f64;
        let rhythm = 1.0 + 0.7 * (std::f64::consts::TAU * (day + self.phase)).sin();
        let requests = self.random.poisson(self.rate * rhythm);
        let (mut failure, mut slower) = (BASE_FAILURE, 1.0);
        let mut partial = None;
        for (index, wrong) in self.wrong.iter().enumerate() {
            let effect = wrong.at(start);
            // The first is the tenant's own; the deploy comes after it.
            self.hit += if index == 0 && effect.is_some() { requests } else { 0 };
            match effect {
                Some(Effect::Failure(rate)) => failure += rate,
                Some(Effect::Slower(factor)) => slower *= factor,
                Some(Effect::Service { share, failure }) => partial = Some((share, failure)),
                None => {}
            }
        }
        if let Some((share, failure)) = partial {
            let of_service = self.random.binomial(requests, share);
            self.serve(start, of_service, failure, slower, shapes);
            self.serve(start, requests - of_service, BASE_FAILURE, slower, shapes);
        } else {
            self.serve(start, requests, failure, slower, shapes);
        }
        self.state.evaluate(&self.objectives, start + SLOT)
    }

    fn serve(&mut self, start: i64, requests: u64, failure: f64, slower: f64, shapes: &[Shape; 3]) {
        if requests == 0 {
            return;
        }
        let failed = self.random.binomial(requests, failure);
        let median = self.median_bin + (slower.log2() * 8.0).round() as i32;
        let mut histogram = Histogram::new();
        let shape = &shapes[self.shape];
        if requests < FEW {
            for _ in 0..requests {
                let value = shape.values[(self.random.uniform() * VALUES as f64) as usize];
                histogram.add_bin((median + value) as u16, 1.0);
            }
        } else {
            let mut left = requests;
            for (bin, share) in &shape.bins {
                let count = self.random.binomial(left, *share);
                if count > 0 {
                    histogram.add_bin((median + bin) as u16, count as f64);
                    left -= count;
                }
                if left == 0 {
                    break;
                }
            }
            if let (1.., Some((bin, _))) = (left, shape.bins.last()) {
                histogram.add_bin((median + bin) as u16, left as f64);
            }
        }
        let mut cell = Cell::empty(start, SLOT as u32);
        (cell.requests, cell.failed) = (requests, failed);
        (cell.weight, cell.weighted_failed) = (requests as f64, failed as f64);
        cell.histogram = histogram;
        assert_eq!(self.state.feed(&cell, &self.objectives), Ok(()));
    }
}

/// What something that is wrong does to five minutes.
#[derive(Debug, Clone, Copy)]
pub enum Effect {
    /// More requests fail, by this rate.
    Failure(f64),
    /// All take longer, by this factor.
    Slower(f64),
    /// One service with a share of the requests fails at this rate.
    Service { share: f64, failure: f64 },
}
