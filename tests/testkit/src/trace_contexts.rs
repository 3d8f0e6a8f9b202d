//! Trace context as callers send it, case by case, and what is to come of it.

use std::collections::BTreeMap;

const TRACEPARENTS: &str = include_str!("../../cases/traceparents.tsv");
const W3C_SUITE: &str = include_str!("../../cases/w3c-suite.tsv");

/// What is sent, and whether its trace goes on.
#[derive(Debug)]
pub struct Case {
    /// Whether the trace goes on, or another begins.
    pub goes_on: bool,
    /// Values of `traceparent`.
    pub traceparents: Vec<String>,
    tracestates: Vec<String>,
    state_out: String,
}

impl Case {
    /// The cases of the public W3C suite, and of our own table.
    pub fn all() -> Vec<Self> {
        let suite = W3C_SUITE.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let columns: Vec<_> = line.split('\t').collect();
            let json = |column: usize| serde_json::from_str(columns[column]).unwrap();
            Self {
                goes_on: columns[0] == "continue",
                traceparents: json(1),
                tracestates: json(2),
                state_out: serde_json::from_str(columns[3]).unwrap(),
            }
        });
        let ours = TRACEPARENTS.lines().map(|line| {
            let (outcome, header) = line.split_once('\t').unwrap();
            Self {
                goes_on: outcome.starts_with("continue"),
                traceparents: vec![serde_json::from_str(header).unwrap()],
                tracestates: Vec::new(),
                state_out: String::new(),
            }
        });
        let cases: Vec<_> = suite.chain(ours).collect();
        assert!(cases.len() > 70, "{} cases", cases.len());
        cases
    }

    /// As headers.
    pub fn headers(&self) -> Vec<(&str, Vec<String>)> {
        let all = [("traceparent", &self.traceparents), ("tracestate", &self.tracestates)];
        all.into_iter().filter(|(_, values)| !values.is_empty()).map(|(name, values)| (name, values.clone())).collect()
    }

    /// As attributes, of which no two have one name: several `tracestate` are one list.
    pub fn attributes(&self) -> Option<BTreeMap<&str, String>> {
        let mut attributes = BTreeMap::new();
        match &self.traceparents[..] {
            [] => {}
            [one] => drop(attributes.insert("traceparent", one.clone())),
            _ => return None,
        }
        if !self.tracestates.is_empty() {
            attributes.insert("tracestate", self.tracestates.join(","));
        }
        Some(attributes)
    }

    /// Checks what went out; the sampler keeps everything.
    pub fn check(&self, traceparent: &str, tracestate: Option<&str>) {
        let out: Vec<_> = traceparent.split('-').collect();
        assert_eq!((out.len(), out[0], out[1].len(), out[2].len()), (4, "00", 32, 16), "{traceparent}");
        let sent = self.traceparents.first().map(|sent| sent.trim_matches([' ', '\t'])).unwrap_or_default();
        if self.goes_on {
            assert_eq!((out[1], out[2] == &sent[36..52]), (&sent[3..35], false), "{self:?}");
            let random = u8::from_str_radix(&sent[53..55], 16).unwrap() & 2;
            assert_eq!(out[3], format!("{:02x}", random | 1), "{self:?}");
            assert_eq!(tracestate.unwrap_or_default(), self.state_out, "{self:?}");
        } else {
            assert!(self.traceparents.iter().all(|sent| !sent.contains(out[1])), "{traceparent} {self:?}");
            // An id of our own: all but its time is random, and it says so.
            assert_eq!((out[3], tracestate), ("03", None), "{self:?}");
        }
    }
}
