//! Whether a number of hits among few trials can be chance.

/// What is less likely than this is not taken for chance.
pub const SIGNIFICANCE: f64 = 1e-3;

/// P(X ≥ hits) of a binomial X over `trials` with probability `p`: how likely at least so many hits are if each trial hits with
/// `p`. Exact to 1e-9 where hits exceed the mean, which is where it decides something; 1 elsewhere, an upper bound.
///
/// The first term is taken from Stirling's series of ln n! (Abramowitz and Stegun, 6.1.41), the others from their ratio.
pub fn binomial_tail(trials: u64, hits: u64, p: f64) -> f64 {
    let (n, k) = (trials as f64, hits as f64);
    if hits == 0 || p >= 1.0 || k <= n * p {
        return 1.0;
    }
    if hits > trials || p <= 0.0 {
        return 0.0;
    }
    let ways = ln_factorial(trials) - ln_factorial(hits) - ln_factorial(trials - hits);
    let mut term = (ways + k * p.ln() + (n - k) * (-p).ln_1p()).exp();
    let (mut tail, mut at) = (0.0, k);
    while term > tail * 1e-12 && at <= n {
        tail += term;
        term *= (n - at) / (at + 1.0) * p / (1.0 - p);
        at += 1.0;
    }
    tail.min(1.0)
}

/// P(X ≥ hits) of a hypergeometric X: how likely at least so many hits are among so many drawn at random out of `all`, of which `marked` are hits;
/// Fisher's exact test of a table of two by two, to one side (<https://doi.org/10.2307/2340521>). Exact to 1e-9 where hits exceed the mean, which is
/// where it decides something; 1 elsewhere, an upper bound.
pub fn hypergeometric_tail(all: u64, marked: u64, drawn: u64, hits: u64) -> f64 {
    if marked > all || drawn > all || hits as f64 * all as f64 <= marked as f64 * drawn as f64 {
        return 1.0;
    }
    if hits > marked.min(drawn) {
        return 0.0;
    }
    let ways = |of: u64, taken: u64| ln_factorial(of) - ln_factorial(taken) - ln_factorial(of - taken);
    // More hits than the mean leave fewer to miss than there are.
    let missed = drawn - hits;
    let mut term = (ways(marked, hits) + ways(all - marked, missed) - ways(all, drawn)).exp();
    let (mut tail, mut at) = (0.0, hits);
    while term > tail * 1e-12 && at <= marked.min(drawn) {
        tail += term;
        let misses = (all - marked + at + 1) as f64 - drawn as f64;
        term *= (marked - at) as f64 * (drawn - at) as f64 / ((at + 1) as f64 * misses);
        at += 1;
    }
    tail.min(1.0)
}

fn ln_factorial(n: u64) -> f64 {
    // The series is off by less than 1e-12 from 16 on; below, factorials are exact in an f64.
    if n < 16 {
        return (2..=n).map(|factor| factor as f64).product::<f64>().ln();
    }
    let n = n as f64;
    let series = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) -> bool {
        (value / expected - 1.0).abs() < 1e-9
    }

    #[test]
    fn small_ones_are_those_of_the_definition() {
        assert!(close(binomial_tail(3, 3, 0.01), 1e-6));
        assert!(close(binomial_tail(2, 1, 0.25), 1.0 - 0.75 * 0.75));
        // 1 − P(0) − … − P(4) of Bin(100, 0.01), summed with exact fractions.
        assert!(close(binomial_tail(100, 5, 0.01), 0.003_432_321_587_754_515));
    }

    #[test]
    fn tables_of_two_by_two_are_those_of_the_definition() {
        // Fisher's tea: all four of four, of eight cups; and three of four.
        assert!(close(hypergeometric_tail(8, 4, 4, 4), 1.0 / 70.0));
        assert!(close(hypergeometric_tail(8, 4, 4, 3), 17.0 / 70.0));
        // Summed with exact fractions: sum(C(30, x) C(970, 100 - x) for x in 10..=30) / C(1000, 100).
        assert!(close(hypergeometric_tail(1_000, 30, 100, 10), 0.0003511718401859948));
        assert_eq!(hypergeometric_tail(1_000, 30, 100, 3), 1.0);
        assert_eq!(hypergeometric_tail(10, 3, 2, 3), 0.0);
        assert_eq!(hypergeometric_tail(4, 4, 2, 2), 1.0, "all are marked");
        assert!(hypergeometric_tail(1_000_000, 500_000, 3_000, 3_000) == 0.0, "too small for a number");
    }

    #[test]
    fn as_many_as_expected_is_no_surprise() {
        assert_eq!(binomial_tail(1_000, 10, 0.01), 1.0);
        assert_eq!(binomial_tail(10, 0, 0.5), 1.0);
        assert!(binomial_tail(1_000_000, 10_500, 0.01) < 1e-6);
    }
}
