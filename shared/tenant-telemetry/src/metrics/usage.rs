//! How much memory and CPU time the process uses.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rustix::{
    param::page_size,
    time::{ClockId, clock_gettime},
};

/// Reads the process's usage from Linux at the end of each invocation.
#[derive(Debug)]
pub(super) struct Usage {
    /// The file stays open for as long as the process lives, since opening costs more than reading. There is none on systems without it.
    statm: Option<File>,
    /// CPU time of the process that has been measured, in nanoseconds; 0 until an invocation has begun.
    measured: AtomicU64,
}

impl Usage {
    pub(super) fn new() -> Self {
        Self { statm: File::open("/proc/self/statm").ok(), measured: AtomicU64::default() }
    }

    /// Records that an invocation begins. What the process used before its first invocation does not count.
    pub(super) fn begin(&self) {
        if self.measured.load(Ordering::Relaxed) == 0 {
            let _another_began = self.measured.compare_exchange(0, cpu_time(), Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// CPU time since the last call, in nanoseconds: that of one invocation, and of sending telemetry after the one before. Where invocations run
    /// side by side, each gets what all have used since the last that ended, so that the sum is right.
    pub(super) fn cpu(&self) -> Duration {
        let now = cpu_time();
        Duration::from_nanos(now.saturating_sub(self.measured.swap(now, Ordering::Relaxed)))
    }

    /// Resident memory, in bytes: <https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html>.
    pub(super) fn memory(&self) -> Option<u64> {
        let mut text = [0; 64];
        let length = self.statm.as_ref()?.read_at(&mut text, 0).ok()?;
        let text = std::str::from_utf8(text.get(..length)?).ok()?;
        let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
        Some(pages * page_size() as u64)
    }
}

/// CPU time of the process so far, in nanoseconds: of all its threads, user and system.
pub(crate) fn cpu_time() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_holds_memory() {
        let memory = Usage::new().memory().unwrap();
        assert!((1_000_000..100_000_000_000).contains(&memory), "{memory}");
    }

    #[test]
    fn cpu_time_is_measured_once() {
        let usage = Usage::new();
        usage.begin();
        let begun = usage.measured.load(Ordering::Relaxed);
        usage.begin();
        assert_eq!(usage.measured.load(Ordering::Relaxed), begun, "an invocation that begins beside another");
        let measured: Duration = (0..3).map(|_| usage.cpu()).sum();
        assert_eq!(begun + u64::try_from(measured.as_nanos()).unwrap(), usage.measured.load(Ordering::Relaxed));
    }
}
