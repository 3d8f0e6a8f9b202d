//! Dividing a whole number by shares so that the parts add up to it: largest remainders (Hamilton's method). Each part is off by
//! less than 1 from its exact share.

/// Parts of `total` in proportion to `shares`, which are not negative. Of equal remainders the earlier part is given to first.
/// If all shares are 0, the first part is all.
pub(crate) fn split(total: u64, shares: &[f64]) -> Vec<u64> {
    let sum: f64 = shares.iter().sum();
    let exact = |share: f64| if sum > 0.0 { share / sum * total as f64 } else { 0.0 };
    let mut parts: Vec<u64> = shares.iter().map(|share| exact(*share).floor() as u64).collect();

    let mut order: Vec<usize> = (0..shares.len()).collect();
    let remainder = |index: usize| exact(shares[index]).fract();
    order.sort_by(|left, right| remainder(*right).total_cmp(&remainder(*left)).then(left.cmp(right)));
    let given: u64 = parts.iter().sum();
    // Where rounding of large totals gave too much, the largest part gives it back.
    if let Some(excess) = given.checked_sub(total).filter(|excess| *excess > 0) {
        if let Some(largest) = parts.iter_mut().max() {
            *largest -= excess;
        }
        return parts;
    }
    let missing = total - given;
    if sum > 0.0 && missing as usize <= order.len() {
        order.iter().take(missing as usize).for_each(|index| parts[*index] += 1);
    } else if let Some(first) = parts.first_mut() {
        *first += missing;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_are_off_by_less_than_one() {
        let mut state = 5_u64;
        for total in [0, 1, 2, 99, 100, 12_345, 999_999_999_999, 1 << 60] {
            for count in 1..60 {
                let shares: Vec<f64> = (0..count)
                    .map(|_| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                        (state >> 40) as f64 / 7.0
                    })
                    .collect();
                let parts = split(total, &shares);
                assert_eq!(parts.iter().sum::<u64>(), total);
                let sum: f64 = shares.iter().sum();
                for (part, share) in parts.iter().zip(&shares).filter(|_| total < 1 << 50) {
                    assert!((*part as f64 - share / sum * total as f64).abs() < 1.001, "{part}");
                }
            }
        }
    }

    #[test]
    fn thirds_of_a_cent() {
        assert_eq!(split(100, &[1.0, 1.0, 1.0]), [34, 33, 33]);
        assert_eq!(split(7, &[0.0, 0.0]), [7, 0]);
    }
}
