//! Which stretches of time are asked for. Spans belong to the five minutes they began in.

use slo::SLOT;

/// What is not divided further.
const MINUTE: i64 = 60;
/// The most that is asked for at once, after the function has not run for a while.
const MOST: i64 = 3_600;

/// From a time up to another, in seconds since 1970; the end is not part of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slice {
    /// Its beginning.
    pub from: i64,
    /// Its end.
    pub to: i64,
}

impl Slice {
    /// What is asked for at once of `from..to`: its beginning, an hour at most.
    pub fn first_of(from: i64, to: i64) -> Self {
        Self { from, to: to.min(from + MOST) }
    }

    /// Two halves on whole minutes, or `None` for a minute.
    pub fn halves(self) -> Option<[Self; 2]> {
        let middle = self.from + ((self.to - self.from) / 2 + MINUTE - 1) / MINUTE * MINUTE;
        (middle < self.to).then_some([Self { to: middle, ..self }, Self { from: middle, ..self }])
    }

    /// Whether a slot has seconds of it.
    pub fn touches(self, slot: i64) -> bool {
        slot.rem_euclid(SLOT) == 0 && slot < self.to && slot + SLOT > self.from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_asked_for_at_most() {
        assert_eq!(Slice::first_of(900, 1_200), Slice { from: 900, to: 1_200 });
        assert_eq!(Slice::first_of(0, 86_400), Slice { from: 0, to: 3_600 });
    }

    #[test]
    fn halves_are_whole_minutes_and_end_at_one() {
        let mut slices = vec![Slice { from: 0, to: 3_600 }];
        let mut minutes = Vec::new();
        while let Some(slice) = slices.pop() {
            match slice.halves() {
                Some([first, second]) => {
                    assert_eq!((first.from, first.to, second.to), (slice.from, second.from, slice.to));
                    slices.extend([second, first]);
                }
                None => minutes.push(slice),
            }
        }
        assert_eq!(minutes.len(), 60);
        assert!(
            minutes.iter().enumerate().all(|(at, slice)| slice.from == at as i64 * 60 && slice.to - slice.from == 60)
        );
    }

    #[test]
    fn slots_of_a_slice() {
        let slice = Slice { from: 300, to: 960 };
        assert!(slice.touches(300) && slice.touches(900));
        assert!(!slice.touches(0) && !slice.touches(1_200) && !slice.touches(301));
    }
}
