//! Where requests are counted: by Logs Insights over spans, or in the sums that the control plane keeps in ClickHouse.

use std::time::Duration;

use control_plane_clickhouse::ClickHouse;
use control_plane_model::store::{Detail, RequestQuery, Scope, SpanStore, StoreError, SumsOf};
use futures_util::TryStreamExt;
use tokio::time::{Instant, sleep};

use crate::{answer::Cells, error::Error, logs::Logs, slices::Slice};

/// Between two looks at how far sums have come.
const PAUSE: Duration = Duration::from_millis(500);
const MILLISECONDS: i64 = 1_000;

/// The store that is asked for requests.
#[derive(Debug, Clone)]
pub enum Spans {
    /// Spans in CloudWatch Logs.
    Logs(Logs),
    /// Sums of the control plane, which its leader makes within seconds.
    Sums(Box<Sums>),
}

/// Sums in ClickHouse.
#[derive(Debug, Clone)]
pub struct Sums {
    /// The control plane's tables.
    pub store: ClickHouse,
    /// How long spans are waited for, in seconds.
    pub settle: i64,
    /// When an answer would come too late to be evaluated.
    pub deadline: Instant,
}

impl Spans {
    /// The requests of a slice.
    pub async fn cells(&self, slice: Slice) -> Result<Cells, Error> {
        match self {
            Self::Logs(logs) => logs.cells(slice).await,
            Self::Sums(sums) => sums.cells(slice).await,
        }
    }

    /// When an answer would come too late.
    pub fn deadline(&self) -> Instant {
        match self {
            Self::Logs(logs) => logs.deadline,
            Self::Sums(sums) => sums.deadline,
        }
    }
}

impl Sums {
    /// The requests of a slice, once all that was sent while they were waited for is in the sums.
    pub async fn cells(&self, slice: Slice) -> Result<Cells, Error> {
        while self
            .store
            .first_unsummed()
            .await
            .map_err(failed)?
            .is_some_and(|at| at < (slice.to + self.settle) * MILLISECONDS)
        {
            if Instant::now() + PAUSE >= self.deadline {
                return Err(Error::Deadline("the control plane has not made its sums"));
            }
            sleep(PAUSE).await;
        }
        let query = RequestQuery { from: slice.from, to: slice.to, of: SumsOf::Each, detail: Detail::Latencies };
        let mut rows = self.store.request_rows(&Scope::All, query).await.map_err(failed)?;
        let mut cells = Cells::default();
        while let Some(batch) = rows.try_next().await.map_err(failed)? {
            for row in batch {
                // What has no tenant is all of a tier together.
                if let Some(tenant) = &row.key.tenant {
                    cells.add_cell(tenant, row.key.tier.as_deref().unwrap_or_default(), &row.cell);
                }
            }
        }
        Ok(cells)
    }
}

fn failed(error: StoreError) -> Error {
    Error::Service { call: "ClickHouse", problem: error.to_string() }
}
