//! Whether two shares differ by more than chance, and whether they still do among those that are otherwise alike.

/// How many traces of two sides have something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) bad_with: u64,
    pub(crate) good_with: u64,
    pub(crate) bad: u64,
    pub(crate) good: u64,
}

impl Table {
    fn shares(self) -> (f64, f64) {
        let share = |with: u64, of: u64| if of == 0 { 0.0 } else { with as f64 / of as f64 };
        (share(self.bad_with, self.bad), share(self.good_with, self.good))
    }

    /// The share of the bad that have it, less that of the good.
    pub(crate) fn difference(self) -> f64 {
        let (bad, good) = self.shares();
        bad - good
    }

    /// How much having it tells of the side: Woolf's G, twice the traces times the mutual information in nats
    /// (<https://en.wikipedia.org/wiki/G-test>). Where it is less often in the bad, its negative.
    pub(crate) fn information(self) -> f64 {
        let Self { bad_with, good_with, bad, good } = self;
        let all = (bad + good) as f64;
        let with = (bad_with + good_with) as f64;
        let term = |seen: u64, of_side: u64, of_kind: f64| match seen {
            0 => 0.0,
            seen => seen as f64 * (seen as f64 * all / (of_side as f64 * of_kind)).ln(),
        };
        let g = 2.0
            * (term(bad_with, bad, with)
                + term(good_with, good, with)
                + term(bad - bad_with, bad, all - with)
                + term(good - good_with, good, all - with));
        if self.difference() < 0.0 { -g } else { g }
    }

    /// How likely it is that at least as many of the bad have it if the side says nothing.
    pub(crate) fn chance(self) -> f64 {
        let Self { bad_with, good_with, bad, good } = self;
        slo::significance::hypergeometric_tail(bad + good, bad, bad_with + good_with, bad_with)
    }

    /// The table with its sides exchanged.
    pub(crate) fn exchanged(self) -> Self {
        Self { bad_with: self.good_with, good_with: self.bad_with, bad: self.good, good: self.bad }
    }

    /// The least that [`Self::chance`] could have come to, as often as it is there.
    fn least_chance(self) -> f64 {
        let with = self.bad_with + self.good_with;
        let bad_with = with.min(self.bad);
        Self { bad_with, good_with: with - bad_with, ..self }.chance()
    }
}

/// How many standard deviations more of the bad have it than chance would give them, within each of several strata and over all of them:
/// Cochran's, Mantel's and Haenszel's, with the correction for continuity (<https://doi.org/10.1093/jnci/22.4.719>).
pub(crate) fn stratified(tables: impl IntoIterator<Item = Table>) -> f64 {
    let (mut more, mut variance) = (0.0, 0.0);
    for Table { bad_with, good_with, bad, good } in tables {
        let all = (bad + good) as f64;
        if all < 2.0 {
            continue;
        }
        let (with, bad) = ((bad_with + good_with) as f64, bad as f64);
        more += bad_with as f64 - with * bad / all;
        variance += with * (all - with) * bad * (all - bad) / (all * all * (all - 1.0));
    }
    // What is there in all of a stratum or in none of it says nothing there.
    if variance < 1e-9 { 0.0 } else { (more.abs() - 0.5).max(0.0).copysign(more) / variance.sqrt() }
}

/// P(Z ≥ z) of the standard normal distribution.
pub(crate) fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

/// The greatest chance at which one of these counts as significant, so that with a probability of `error` at most any does where none is:
/// Bonferroni's, over those alone that could be significant at all (Tarone, <https://doi.org/10.2307/2531456>).
pub(crate) fn threshold(tables: impl IntoIterator<Item = Table>, error: f64) -> f64 {
    let mut least: Vec<f64> = tables.into_iter().map(Table::least_chance).collect();
    least.sort_by(f64::total_cmp);
    let mut tests = 1;
    while least.partition_point(|chance| *chance <= error / tests as f64) > tests {
        tests += 1;
    }
    error / tests as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bad_with: u64, good_with: u64, bad: u64, good: u64) -> Table {
        Table { bad_with, good_with, bad, good }
    }

    fn close(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-6
    }

    #[test]
    fn information_is_that_of_the_definition() {
        // 2 × (12 ln(12/8.5) + 5 ln(5/8.5) + 8 ln(8/11.5) + 15 ln(15/11.5))
        assert!(close(table(12, 5, 20, 20).information(), 5.134_496_2));
        assert!(close(table(5, 12, 20, 20).information(), -5.134_496_2));
        assert_eq!(table(5, 5, 20, 20).information(), 0.0);
        assert!(table(20, 0, 20, 20).information() > 50.0);
    }

    /// Berkeley's admissions of 1973: more men than women were admitted, and within departments not so
    /// (<https://doi.org/10.1126/science.187.4175.398>; the six departments of R's `UCBAdmissions`).
    #[test]
    fn what_follows_from_another_differs_no_more_within_its_strata() {
        let departments = [
            table(512, 89, 512 + 313, 89 + 19),
            table(353, 17, 353 + 207, 17 + 8),
            table(120, 202, 120 + 205, 202 + 391),
            table(138, 131, 138 + 279, 131 + 244),
            table(53, 94, 53 + 138, 94 + 299),
            table(22, 24, 22 + 351, 24 + 317),
        ];
        let sum = departments.iter().fold(Table::default(), |sum, one| {
            table(sum.bad_with + one.bad_with, sum.good_with + one.good_with, sum.bad + one.bad, sum.good + one.good)
        });
        assert!(stratified([sum]) > 9.0);
        // R: mantelhaen.test(UCBAdmissions) says 1.4269, of a chi-square with one degree of freedom.
        let z = stratified(departments);
        assert!((z * z - 1.426_9).abs() < 1e-3 && z < 0.0, "{z}");
    }

    #[test]
    fn only_what_could_be_significant_counts_as_tested() {
        assert!(close(normal_tail(1.959_964), 0.025));
        let often = table(10, 10, 50, 50);
        assert_eq!(threshold([often; 20], 0.01), 0.01 / 20.0);
        // An id is there once: however many of them, none could be significant.
        let ids = std::iter::repeat_n(table(1, 0, 50, 50), 10_000);
        assert_eq!(threshold(ids.chain([often; 20]), 0.01), 0.01 / 20.0);
        assert_eq!(threshold([], 0.01), 0.01);
    }
}
