//! What waits to be sent, within bounds: where there is too much, the oldest goes.

use std::collections::VecDeque;

/// A size: a number of items, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Spans, points or log records.
    pub(super) count: usize,
    /// Bytes of what may be long, a log record; 0 of what is not.
    pub(super) bytes: usize,
}

impl Size {
    /// A number of items, however many bytes they have.
    pub(super) const fn of(count: usize) -> Self {
        Self { count, bytes: usize::MAX }
    }

    /// Whether there is no more of it than `most`.
    pub(super) fn is_within(self, most: Self) -> bool {
        self.count <= most.count && self.bytes <= most.bytes
    }

    /// Whether it is as much as `enough`, in number or in bytes.
    pub(super) fn reaches(self, enough: Self) -> bool {
        self.count >= enough.count || self.bytes >= enough.bytes
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, bytes: self.bytes + other.bytes }
    }

    fn minus(self, other: Self) -> Self {
        Self { count: self.count - other.count, bytes: self.bytes - other.bytes }
    }
}

/// Items in the order in which they came, and how much they are together.
#[derive(Debug)]
pub(super) struct Queue<T> {
    items: VecDeque<(T, Size)>,
    held: Size,
    most: Size,
}

impl<T> Queue<T> {
    /// One that keeps so much at most.
    pub(super) fn new(most: Size) -> Self {
        Self { items: VecDeque::new(), held: Size::default(), most }
    }

    /// Takes an item; how many spans, points or log records had to go for it.
    pub(super) fn push(&mut self, item: T, size: Size) -> usize {
        self.held = self.held.plus(size);
        self.items.push_back((item, size));
        let mut dropped = 0;
        while !self.held.is_within(self.most)
            && let Some((_, oldest)) = self.items.pop_front()
        {
            self.held = self.held.minus(oldest);
            dropped += oldest.count;
        }
        dropped
    }

    /// The oldest items that are so much together at most, or the oldest alone where that is more, and how many spans, points or log records
    /// they are.
    pub(super) fn take(&mut self, most: Size) -> (Vec<T>, usize) {
        let (mut taken, mut size) = (Vec::new(), Size::default());
        while let Some((_, next)) = self.items.front()
            && (taken.is_empty() || size.plus(*next).is_within(most))
        {
            size = size.plus(*next);
            taken.extend(self.items.pop_front().map(|(item, _)| item));
        }
        self.held = self.held.minus(size);
        (taken, size.count)
    }

    /// Takes everything that waits.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        self.held = Size::default();
        std::mem::take(&mut self.items).into_iter().map(|(item, _)| item).collect()
    }

    /// The size of what the queue holds.
    pub(super) fn size(&self) -> Size {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(most: Size, sizes: &[(usize, usize)]) -> (Queue<usize>, usize) {
        let mut queue = Queue::new(most);
        let sizes = sizes.iter().enumerate();
        let dropped = sizes.map(|(n, (count, bytes))| queue.push(n, Size { count: *count, bytes: *bytes })).sum();
        (queue, dropped)
    }

    #[test]
    fn the_oldest_goes_where_there_are_too_many_or_too_many_bytes() {
        let most = Size { count: 5, bytes: 100 };
        for (sizes, kept, dropped) in [
            (&[(2, 0), (3, 0)][..], &[0, 1][..], 0),
            (&[(2, 0), (3, 0), (1, 0)], &[1, 2], 2),
            (&[(1, 60), (1, 30), (1, 20)], &[1, 2], 1),
            (&[(1, 10), (1, 101)], &[], 2),
        ] {
            let (mut queue, gone) = queue(most, sizes);
            assert_eq!(
                (queue.take_all().as_slice(), gone, queue.size()),
                (kept, dropped, Size::default()),
                "{sizes:?}"
            );
        }
    }

    #[test]
    fn so_much_is_taken_as_goes_together_and_always_one() {
        let most = Size { count: 3, bytes: 100 };
        let (mut queue, _) = queue(Size::of(100), &[(1, 60), (1, 40), (1, 1), (1, 200), (7, 0), (3, 0)]);
        let taken: Vec<_> =
            std::iter::from_fn(|| Some(queue.take(most)).filter(|(taken, _)| !taken.is_empty())).collect();
        assert_eq!(taken, [(vec![0, 1], 2), (vec![2], 1), (vec![3], 1), (vec![4], 7), (vec![5], 3)]);
        assert_eq!(queue.size(), Size::default());
    }
}
