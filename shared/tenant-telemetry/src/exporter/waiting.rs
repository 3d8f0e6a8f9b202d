//! The items that wait for a receiver, and counts of those that were dropped, until both the log and the receiver have been told.

use crate::queue::{Queue, Size};

/// Items that wait for a receiver.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    queue: Queue<T>,
    /// How many were dropped and not logged yet.
    unlogged: usize,
    /// How many were dropped and not reported in an accepted request yet.
    unreported: usize,
}

/// What a request contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contents {
    /// Spans, points or log records.
    pub(super) count: usize,
    /// How many items it reports as dropped before it.
    pub(super) dropped_before: usize,
}

impl<T> Waiting<T> {
    /// Holds at most `most`. Beyond that, the oldest items are dropped.
    pub(super) fn new(most: Size) -> Self {
        Self { queue: Queue::new(most), unlogged: 0, unreported: 0 }
    }

    pub(super) fn push(&mut self, item: T, size: Size) {
        let dropped = self.queue.push(item, size);
        self.count_dropped(dropped);
    }

    /// Counts items as dropped.
    pub(super) fn count_dropped(&mut self, count: usize) {
        self.unlogged += count;
        self.unreported += count;
    }

    /// How many spans, points or log records wait.
    pub(super) fn len(&self) -> usize {
        self.queue.size().count
    }

    /// Takes the oldest items for a request of at most `most`, and says what the request contains. There is none if nothing waits.
    pub(super) fn take(&mut self, most: Size) -> Option<(Vec<T>, Contents)> {
        let (items, count) = self.queue.take(most);
        (!items.is_empty()).then_some((items, Contents { count, dropped_before: self.unreported }))
    }

    /// Ends a request, of which some items were not accepted. Unless none was, the receiver now knows how many were dropped before.
    pub(super) fn settle(&mut self, request: Contents, not_taken: usize) {
        if not_taken < request.count {
            self.unreported = self.unreported.saturating_sub(request.dropped_before);
        }
        self.count_dropped(not_taken.min(request.count));
    }

    /// How many were dropped since the last call.
    pub(super) fn take_unlogged(&mut self) -> usize {
        std::mem::take(&mut self.unlogged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Size = Size { count: 1, bytes: 0 };

    fn full() -> Waiting<usize> {
        let mut waiting = Waiting::new(Size::of(4));
        (0..6).for_each(|n| waiting.push(n, ONE));
        waiting
    }

    #[test]
    fn what_was_dropped_is_handed_to_the_log_once() {
        let mut waiting = full();
        assert_eq!((waiting.take_unlogged(), waiting.take_unlogged(), waiting.len()), (2, 0, 4));
        let (_, contents) = waiting.take(Size::of(3)).unwrap();
        waiting.settle(contents, 1);
        waiting.count_dropped(5);
        assert_eq!((waiting.take_unlogged(), waiting.take_unlogged()), (6, 0));
    }

    #[test]
    fn a_receiver_is_told_of_it_until_it_takes_something() {
        let mut waiting = full();
        // The log has been told, the receiver not.
        assert_eq!(waiting.take_unlogged(), 2);
        let (items, first) = waiting.take(Size::of(1)).unwrap();
        assert_eq!((items, first), (vec![2], Contents { count: 1, dropped_before: 2 }));
        // It is under way when others are dropped, and is refused as a whole.
        waiting.count_dropped(10);
        waiting.settle(first, 1);
        let (_, second) = waiting.take(Size::of(2)).unwrap();
        assert_eq!(second, Contents { count: 2, dropped_before: 13 });
        waiting.count_dropped(4);
        // Half of it is taken.
        waiting.settle(second, 1);
        let (_, third) = waiting.take(Size::of(2)).unwrap();
        assert_eq!(third, Contents { count: 1, dropped_before: 5 }, "what was dropped since");
        waiting.settle(third, 0);
        waiting.push(7, ONE);
        assert_eq!(waiting.take(Size::of(2)), Some((vec![7], Contents { count: 1, dropped_before: 0 })));
        assert_eq!(waiting.take(Size::of(2)), None);
    }
}
