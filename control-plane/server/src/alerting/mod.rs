//! Alerts: what they say, and how they are told.
//!
//! | file | idea |
//! |---|---|
//! | `alarm` | an alert with links to the traces that caused it |
//! | `webhook` | signed, and sent until it is taken |

mod alarm;
mod webhook;

pub use alarm::Alarm;
pub use webhook::Webhook;

use control_plane_model::complain::complain;
use tokio::{runtime::Handle, sync::mpsc};

/// Alarms that may wait for a receiver.
const MAX_WAITING: usize = 1_000;

/// Tells receivers of alerts.
#[derive(Debug, Clone, Default)]
pub struct Notifier(Vec<mpsc::Sender<Alarm>>);

impl Notifier {
    /// Starts a task for each receiver, within the current runtime.
    pub fn start(webhooks: Vec<Webhook>) -> Self {
        let queues = webhooks.into_iter().map(|webhook| {
            let (queue, waiting) = mpsc::channel(MAX_WAITING);
            Handle::current().spawn(webhook.run(waiting));
            queue
        });
        Self(queues.collect())
    }

    /// Hands an alarm to every receiver.
    pub fn send(&self, alarm: Alarm) {
        for queue in &self.0 {
            if queue.try_send(alarm.clone()).is_err() {
                complain(format_args!("alert {} was not sent: too many are waiting", alarm.id));
            }
        }
    }
}
