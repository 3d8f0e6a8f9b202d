//! The senders whose sampling thresholds count.

use std::sync::Arc;

/// Whether a sampling threshold in `tracestate` is believed. A threshold says for how many traces a kept one stands, so a stranger could make one
/// request count as millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Thresholds {
    /// The sender is known, and samples as we do.
    Believed,
    /// The sender is not known, so OpenTelemetry's member of `tracestate` is ignored.
    #[default]
    LeftOut,
}

/// The senders whose thresholds are believed: ARNs of topics, or ids of accounts.
#[derive(Debug, Clone, Default)]
pub struct BelievedSenders(Arc<[String]>);

impl BelievedSenders {
    /// Whether this sender's thresholds are believed.
    pub fn thresholds(&self, sender: Option<&str>) -> Thresholds {
        match sender.is_some_and(|sender| self.0.iter().any(|name| name == sender)) {
            true => Thresholds::Believed,
            false => Thresholds::LeftOut,
        }
    }
}

impl FromIterator<String> for BelievedSenders {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}
