//! The start of a process: how long it took to be ready, and the span of it.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{SpanBuilder, SpanKind, TraceContextExt},
};
use rustix::{
    param::clock_ticks_per_second,
    time::{ClockId, clock_gettime},
};

use super::{metrics::cpu_time, semconv, start};

/// The first invocation of a sandbox that was made for it comes at once. One that comes later found the sandbox waiting.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The start of this process: when it began, and when it was ready for its first invocation.
#[derive(Debug)]
pub(super) struct Startup {
    began: SystemTime,
    /// A moment that is known exactly, and how old the process was by then.
    known: (Instant, Duration),
    /// When it was ready to ask for an invocation.
    ready: OnceLock<Instant>,
    /// Whether Lambda starts this sandbox because of an invocation that waits for it.
    on_demand: bool,
    /// Whether there was an invocation.
    invoked: AtomicBool,
}

/// How the process became ready, for its first invocation: a value of that invocation's context.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Initialization {
    pub(super) took: Duration,
    began: SystemTime,
    /// Whether the invocation waited for it.
    waited_for: bool,
}

impl Startup {
    /// The start of a process that is under way.
    pub(super) fn under_way(on_demand: bool) -> Self {
        let (now, age) = (Instant::now(), age());
        Self {
            began: SystemTime::now() - age,
            known: (now, age),
            ready: OnceLock::new(),
            on_demand,
            invoked: AtomicBool::new(false),
        }
    }

    /// The process is ready: what it does next is to ask for an invocation.
    pub(super) fn ready(&self) {
        let _first_counts = self.ready.set(Instant::now());
    }

    /// An invocation came: for the first one, how the process became ready.
    pub(super) fn of_first_invocation(&self, now: Instant) -> Option<Initialization> {
        let ready = *self.ready.get()?;
        if self.invoked.swap(true, Ordering::Relaxed) {
            return None;
        }
        let (known, age) = self.known;
        let took = age + ready.saturating_duration_since(known);
        let waited_for = self.on_demand && now.saturating_duration_since(ready) <= AT_ONCE;
        Some(Initialization { took, began: self.began, waited_for })
    }
}

/// How old this process is: less rather than more. Linux counts a start in ticks, mostly of 10 ms, so that the process may be a tick younger
/// than it seems; but it has lived for as long as it has computed. Zero where there is no `/proc`.
fn age() -> Duration {
    let computed = Duration::from_nanos(cpu_time());
    let Some(started) = started() else { return Duration::ZERO };
    let since_boot = clock_gettime(ClockId::Boottime);
    let since_boot = Duration::new(
        u64::try_from(since_boot.tv_sec).unwrap_or_default(),
        u32::try_from(since_boot.tv_nsec).unwrap_or_default(),
    );
    let longest = since_boot.saturating_sub(ticks(started));
    longest.saturating_sub(ticks(1)).max(computed.min(longest))
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1_000 / clock_ticks_per_second().max(1))
}

/// When the process started, in ticks since the machine did: the 22nd field of <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>,
/// whose second may hold spaces.
fn started() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

impl Initialization {
    /// The span `Initialization`, as X-Ray calls it too, in the trace of the invocation that waited for it. It is over before the
    /// invocation's span begins: the caller waited for both, and the second alone is the request's duration. Of a sandbox that was ready
    /// before anybody asked, as with provisioned concurrency, there is none: nobody waited.
    pub(super) fn make_span(&self, invocation: &Context) {
        if !self.waited_for {
            return;
        }
        let builder = SpanBuilder::from_name("Initialization")
            .with_kind(SpanKind::Internal)
            .with_start_time(self.began)
            .with_attributes([KeyValue::new(semconv::LAMBDA_PHASE, "init")]);
        let cx = start(builder, invocation);
        cx.span().end_with_timestamp(self.began + self.took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(on_demand: bool) -> Startup {
        Startup { known: (Instant::now(), Duration::from_millis(40)), ..Startup::under_way(on_demand) }
    }

    #[test]
    fn only_of_the_first_invocation_it_is_known_how_the_process_became_ready() {
        let startup = started(true);
        assert_eq!(startup.of_first_invocation(Instant::now()), None, "not ready");
        startup.ready();
        let ready = *startup.ready.get().unwrap();
        let initialization = startup.of_first_invocation(ready).unwrap();
        assert_eq!(initialization.took, Duration::from_millis(40) + (ready - startup.known.0));
        assert_eq!(startup.of_first_invocation(ready), None);
    }

    #[test]
    fn nobody_waited_for_a_sandbox_that_was_there_before() {
        for (on_demand, after, waited_for) in
            [(true, Duration::ZERO, true), (true, Duration::from_secs(60), false), (false, Duration::ZERO, false)]
        {
            let startup = started(on_demand);
            startup.ready();
            let initialization = startup.of_first_invocation(*startup.ready.get().unwrap() + after).unwrap();
            assert_eq!(initialization.waited_for, waited_for, "{on_demand} {after:?}");
        }
    }

    #[test]
    fn a_process_has_lived_no_longer_than_it_did() {
        let (between, first) = (Instant::now(), age());
        std::thread::sleep(Duration::from_millis(30));
        let second = age();
        assert!(first > Duration::ZERO && second >= first + Duration::from_millis(10), "{first:?} {second:?}");
        assert!(second - first <= between.elapsed() + ticks(2), "{first:?} {second:?}");
    }
}
