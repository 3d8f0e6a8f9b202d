//! How tokens are leased from an item, whoever writes it.

use crate::{
    pool::Lease,
    source::{Nanos, Plan, Source},
};

/// How often a lease is tried for when others take of the item meanwhile.
const TRIES: u8 = 3;

/// Why a write is not known to be done.
#[derive(Debug)]
pub(crate) struct Failed<E> {
    pub(crate) error: E,
    /// The store has answered, so it was not done.
    pub(crate) is_answered: bool,
}

/// What a write came to: what the item says afterwards, or where its condition did not hold, what it says instead.
pub(crate) type Written<S, E> = Result<Result<S, S>, Failed<E>>;

/// Leases at most `wanted` of an item last seen so; `write` sends a write once. An answer that says what the item is instead costs a second write; a
/// third is for whoever loses a race. Where there was no answer, as on a connection that died while a sandbox was frozen, it is tried once more: what
/// the first may have taken is lost, since only tokens of a write that was acknowledged are used.
pub(crate) async fn lease<S, E, W>(
    source: &S,
    mut state: S::State,
    wanted: u32,
    now: impl Fn() -> Nanos,
    mut write: impl FnMut(S::Write, S::State) -> W,
) -> Result<Lease<S::State>, E>
where
    S: Source,
    W: Future<Output = Written<S::State, E>>,
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
