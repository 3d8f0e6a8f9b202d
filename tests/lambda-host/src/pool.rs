//! A function with a concurrency limit, as reserved concurrency sets it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use bytes::Bytes;
use parking_lot::Mutex;

use crate::function::{Config, Function, Outcome};

/// What an invocation of a function with a concurrency limit came to.
#[derive(Debug)]
pub enum Invoked {
    /// A sandbox took it.
    Answered(Outcome),
    /// All sandboxes were busy. Lambda lets no synchronous invocation wait: it refuses it at once, with status 429 and `TooManyRequestsException`
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html>), which a REST API with a proxy integration answers with 500
    /// (<https://repost.aws/knowledge-center/api-gateway-internal-server-error>).
    Throttled,
}

impl Invoked {
    /// The status that API Gateway answers with.
    pub fn status(&self) -> u64 {
        match self {
            Self::Answered(outcome) => outcome.http().0,
            Self::Throttled => 500,
        }
    }
}

/// So many sandboxes of a function, each of which takes one invocation at a time. They have all started: what a cold start costs is not what a
/// limit is about. The one that became idle last is the next to be used; which one Lambda takes is not documented.
pub struct Pool {
    sandboxes: Arc<[Function]>,
    idle: Arc<Mutex<Vec<usize>>>,
}

impl Pool {
    /// Starts all sandboxes.
    pub async fn start(config: &Config, concurrency: usize) -> Result<Self> {
        let mut sandboxes = Vec::new();
        for _ in 0..concurrency {
            sandboxes.push(Function::start(config).await?);
        }
        Ok(Self { sandboxes: sandboxes.into(), idle: Arc::new(Mutex::new((0..concurrency).collect())) })
    }

    /// Invokes the function, if one of its sandboxes is idle. A sandbox is idle again when it has asked for its next invocation.
    pub async fn invoke(&self, payload: impl Into<Bytes>, deadline: Duration) -> Result<Invoked> {
        let taken = self.idle.lock().pop();
        let Some(index) = taken else { return Ok(Invoked::Throttled) };
        let sandbox = self.sandboxes.get(index).context("no such sandbox")?;
        let outcome = sandbox.queue(payload.into(), deadline, None).await?;
        let (sandboxes, idle) = (self.sandboxes.clone(), self.idle.clone());
        tokio::spawn(async move {
            if let Some(sandbox) = sandboxes.get(index)
                && sandbox.idle().await.is_ok()
            {
                idle.lock().push(index);
            }
        });
        Ok(Invoked::Answered(outcome))
    }

    /// Its sandboxes, for what each of them is to see before it is measured.
    pub fn sandboxes(&self) -> &[Function] {
        &self.sandboxes
    }
}
