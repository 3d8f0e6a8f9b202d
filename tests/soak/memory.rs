//! The memory of the functions and the control plane, as it goes on.

use std::collections::BTreeMap;

use procfs::process::all_processes;

/// Samples by program, in MB: the largest of its processes, since faults end some and others start.
#[derive(Debug, Default)]
pub(crate) struct Memory(BTreeMap<String, Vec<f64>>);

/// What a program may have grown by from the second quarter to the last: a tenth and these MB.
const FACTOR: f64 = 1.10;
const SLACK_MB: f64 = 4.0;
/// The control plane fills caches of fixed sizes, which takes hours at this load: it must stay below what `make bench` finds it
/// to need for ten million spans.
const CONTROL_PLANE: &str = "control-plane";
const CONTROL_PLANE_MB: f64 = 268.0;
/// The emulator keeps all data in its memory: shown, not judged.
pub(crate) const EMULATOR: &str = "emulator (holds the data)";

impl Memory {
    /// Takes a sample of all that runs below this process.
    pub(crate) fn sample(&mut self, root: u32) {
        let mut largest: BTreeMap<String, f64> = BTreeMap::new();
        let all: Vec<_> = all_processes()
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|process| Some((process.stat().ok()?, process)))
            .collect();
        let mut family = vec![i32::try_from(root).unwrap_or_default()];
        let mut next = 0;
        while let Some(parent) = family.get(next).copied() {
            family.extend(all.iter().filter(|(stat, _)| stat.ppid == parent).map(|(stat, _)| stat.pid));
            next += 1;
        }
        for (stat, process) in all.iter().filter(|(stat, _)| family.contains(&stat.pid)) {
            let variables = process.environ().unwrap_or_default();
            let function =
                variables.get(std::ffi::OsStr::new("AWS_LAMBDA_FUNCTION_NAME")).and_then(|name| name.to_str());
            let name = match (function, stat.comm.as_str()) {
                (Some(function), _) => function,
                (None, CONTROL_PLANE) => CONTROL_PLANE,
                (None, "ministack") => EMULATOR,
                _ => continue,
            };
            // 1 MB is 2^20 bytes.
            let mb = (stat.rss * procfs::page_size()) as f64 / f64::from(1 << 20);
            let kept = largest.entry(name.to_owned()).or_default();
            *kept = kept.max(mb);
        }
        for (name, mb) in largest {
            self.0.entry(name).or_default().push(mb);
        }
    }

    /// By program: the median of the second quarter and of the last.
    pub(crate) fn quarters(&self) -> Vec<(String, f64, f64)> {
        let quarters = |(name, samples): (&String, &Vec<f64>)| {
            let quarter = samples.len() / 4;
            let second = median(samples.get(quarter..2 * quarter)?)?;
            Some((name.clone(), second, median(samples.get(3 * quarter..)?)?))
        };
        self.0.iter().filter_map(quarters).collect()
    }
}

/// Those that grew more than they may.
pub(crate) fn grown(quarters: &[(String, f64, f64)]) -> Vec<&str> {
    let grew = |(name, second, last): &&(String, f64, f64)| match name.as_str() {
        EMULATOR => false,
        CONTROL_PLANE => *last > CONTROL_PLANE_MB,
        _ => *last > second * FACTOR + SLACK_MB,
    };
    quarters.iter().filter(grew).map(|(name, ..)| name.as_str()).collect()
}

fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_grows_is_told() {
        let of = |samples: Vec<f64>| Memory(BTreeMap::from([("booking-api".to_owned(), samples)])).quarters();
        let flat = of(vec![20.0, 30.0, 30.0, 31.0, 30.0, 30.0, 31.0, 30.0]);
        assert!(grown(&flat).is_empty(), "{flat:?}");
        let growing = of((0..40).map(|sample| 20.0 + f64::from(sample)).collect());
        assert_eq!(grown(&growing), ["booking-api"]);
        let emulator = vec![(EMULATOR.to_owned(), 100.0, 200.0)];
        assert!(grown(&emulator).is_empty());
        let caches = vec![(CONTROL_PLANE.to_owned(), 47.0, 66.0)];
        assert!(grown(&caches).is_empty());
        let beyond = vec![(CONTROL_PLANE.to_owned(), 200.0, 300.0)];
        assert_eq!(grown(&beyond), [CONTROL_PLANE]);
    }
}
