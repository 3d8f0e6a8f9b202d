//! What must hold in a demo run, and whether it did.

use std::{collections::BTreeSet, fmt, io::IsTerminal};

use anstyle::{AnsiColor, Style};

use super::bookings::Journey;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// A list of what was expected, each with its outcome.
#[derive(Debug, Default)]
pub(super) struct Expectations(Vec<(String, bool)>);

impl Expectations {
    pub(super) fn expect(&mut self, what: impl Into<String>, held: bool) {
        self.0.push((what.into(), held));
    }

    pub(super) fn held(&self) -> bool {
        self.0.iter().all(|(_, held)| *held)
    }

    pub(super) fn of_journeys(&mut self, journeys: &[Journey]) {
        let all = |held: fn(&Journey) -> bool| journeys.iter().all(held);
        self.expect("every booking earned miles", all(|journey| journey.miles.is_some_and(|miles| miles >= 500)));
        self.expect("one trace id from the response to the ledger", all(|journey| journey.accounts.len() == 2));
        self.expect("every span says its tenant and tier", all(Journey::names_its_tenant_everywhere));
        let traces: BTreeSet<_> = journeys.iter().map(|journey| &journey.trace_id).collect();
        self.expect("every booking has a trace of its own", traces.len() == journeys.len());
    }
}

impl fmt::Display for Expectations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terminal = std::io::stdout().is_terminal();
        for (what, held) in &self.0 {
            let (style, mark) = if *held { (GOOD, '✔') } else { (BAD, '✘') };
            let style = if terminal { style } else { Style::new() };
            writeln!(f, "{style}  {mark}{style:#} {what}")?;
        }
        Ok(())
    }
}
