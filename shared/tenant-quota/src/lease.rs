//! How tokens are leased from an item, independent of how the item is written.

use crate::{
    pool::Lease,
    source::{Nanos, Plan, Source},
};

/// How often a lease is attempted when others take tokens of the item meanwhile.
const TRIES: u8 = 3;

/// A write that is not known to be done.
#[derive(Debug)]
pub(crate) struct WriteError<E> {
    pub(crate) error: E,
    /// Whether the store has answered, which means that the write was not done.
    pub(crate) is_answered: bool,
}

/// The outcome of a write: the item's new state or, where the condition did not hold, the state that it has instead.
pub(crate) type WriteResult<S, E> = Result<Result<S, S>, WriteError<E>>;

/// Leases at most `wanted` tokens of an item that was last seen in `state`; `write` sends one write. If the item has another state, a second write
/// uses that one, and a third is for a process that loses a race. If there was no answer, as on a connection that broke while a sandbox was frozen,
/// the write is sent once more. What the first one may have taken is lost, since only tokens of an acknowledged write are used.
pub(crate) async fn lease<S, E, W>(
    source: &S,
    mut state: S::State,
    wanted: u32,
    now: impl Fn() -> Nanos,
    mut write: impl FnMut(S::Write, S::State) -> W,
) -> Result<Lease<S::State>, E>
where
    S: Source,
    W: Future<Output = WriteResult<S::State, E>>,
{
    let mut was_answered = true;
    for _ in 0..TRIES {
        match source.plan(state, now(), wanted) {
            Plan::Nothing { until } => return Ok(Lease { tokens: 0, state, until }),
            Plan::Take { tokens, write: wanted } => match write(wanted, state).await {
                Ok(Ok(state)) => return Ok(granted(source, tokens, state, now())),
                Ok(Err(found)) => state = found,
                Err(failed) if was_answered && !failed.is_answered => was_answered = false,
                Err(failed) => return Err(failed.error),
            },
        }
    }
    Ok(Lease { tokens: 0, state, until: now() })
}

fn granted<S: Source>(source: &S, tokens: u32, state: S::State, now: Nanos) -> Lease<S::State> {
    let until = match source.plan(state, now, 1) {
        Plan::Nothing { until } => until,
        Plan::Take { .. } => now,
    };
    Lease { tokens, state, until }
}
