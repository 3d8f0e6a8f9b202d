//! Which stretches of time are asked for. Spans belong to the five minutes they began in.

/// Five minutes, in seconds.
pub const SLOT: i64 = 300;
/// What is not divided further.
const MINUTE: i64 = 60;
/// The most that is asked for at once, after the function has not run for a while.
const MOST: i64 = 3_600;

/// From a time up to another, in seconds since 1970; the end is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Its beginning.
    pub from: i64,
    /// Its end.
    pub to: i64,
}

impl Slice {
    /// What is to be asked for now: five minutes that closed at least `settle` seconds ago, so that late spans are among them,
    /// and that were not evaluated before. Oldest first, an hour at most. A first run begins with the last five minutes.
    pub fn pending(evaluated: Option<i64>, now: i64, settle: i64) -> Option<Self> {
        let closed = (now - settle).div_euclid(SLOT) * SLOT;
        let from = evaluated.unwrap_or(closed - SLOT);
        (from < closed).then(|| Self { from, to: closed.min(from + MOST) })
    }

    /// Two halves on whole minutes; none of a minute.
    pub fn halves(self) -> Option<[Self; 2]> {
        let middle = self.from + ((self.to - self.from) / 2 + MINUTE - 1) / MINUTE * MINUTE;
        (middle < self.to).then_some([Self { to: middle, ..self }, Self { from: middle, ..self }])
    }

    /// The beginnings of its five minutes.
    pub fn slots(self) -> impl Iterator<Item = i64> {
        (self.from..self.to).step_by(SLOT as usize)
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
    fn only_newly_closed_minutes_are_pending() {
        let pending = |evaluated, now| Slice::pending(evaluated, now, 120);
        assert_eq!(pending(Some(900), 1_200), None);
        assert_eq!(pending(Some(900), 1_319), None);
        assert_eq!(pending(Some(900), 1_320), Some(Slice { from: 900, to: 1_200 }));
        assert_eq!(pending(Some(1_200), 1_320), None);
        assert_eq!(pending(Some(9_000), 1_320), None);
        assert_eq!(pending(None, 1_320), Some(Slice { from: 900, to: 1_200 }));
        assert_eq!(pending(Some(0), 86_400), Some(Slice { from: 0, to: 3_600 }));
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
        assert_eq!(slice.slots().collect::<Vec<_>>(), [300, 600, 900]);
        assert!(slice.touches(300) && slice.touches(900));
        assert!(!slice.touches(0) && !slice.touches(1_200) && !slice.touches(301));
    }
}
