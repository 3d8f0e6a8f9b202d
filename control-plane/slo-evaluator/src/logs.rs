//! Queries of Logs Insights: started, waited for, read to their last page. An answer comes whole or not at all.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_query_results::GetQueryResultsOutput,
    types::{QueryStatus, ResultField},
};
use lambda_http_client::aws::{describe, is_temporary};
use tokio::time::{Instant, sleep};

use crate::{
    answer::{Answer, Cells, Row},
    error::Error,
    query::{self, MAX_ROWS, PAGE},
    slices::Slice,
};

/// The first pause, and the longest. Each is twice the one before: three calls in the first second, where GetQueryResults allows
/// five.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Log groups of a query, at most.
const MAX_GROUPS: usize = 50;

/// The log groups that are asked.
#[derive(Debug, Clone)]
pub struct Logs {
    /// The client of CloudWatch Logs.
    pub client: Client,
    /// ARNs of log groups.
    pub groups: Vec<String>,
    /// How long spans are waited for, in seconds.
    pub settle: i64,
    /// When an answer would come too late to be evaluated.
    pub deadline: Instant,
}

impl Logs {
    /// The requests of a slice. What has too many rows for one answer is asked for by halves.
    pub async fn cells(&self, slice: Slice) -> Result<Cells, Error> {
        let mut cells = Cells::default();
        for groups in self.groups.chunks(MAX_GROUPS) {
            let mut slices = vec![slice];
            while let Some(slice) = slices.pop() {
                match self.ask(slice, groups).await? {
                    Some(answer) => cells.add(slice, &answer)?,
                    None => match slice.halves() {
                        Some([first, second]) => slices.extend([second, first]),
                        None => return Err(Error::Truncated { from: slice.from, rows: MAX_ROWS }),
                    },
                }
            }
        }
        Ok(cells)
    }

    /// The answer, or `None` if it has as many rows as one can have, so that there may be more.
    async fn ask(&self, slice: Slice, groups: &[String]) -> Result<Option<Answer>, Error> {
        let id = self.start(slice, groups).await?;
        let mut page = self.wait(&id).await?;
        let matched = page.statistics().map(|statistics| statistics.records_matched());
        let mut rows = Vec::new();
        loop {
            rows.extend(page.results().iter().map(|fields| row(fields)));
            if rows.len() >= MAX_ROWS {
                return Ok(None);
            }
            match page.next_token() {
                None => return Ok(Some(Answer { rows, matched })),
                Some(_) if Instant::now() >= self.deadline => return Err(Error::Deadline("an answer has pages left")),
                Some(token) => page = self.page(&id, Some(token)).await?,
            }
            // A page of an answer that was complete a moment ago.
            if page.status() != Some(&QueryStatus::Complete) {
                return Err(ended(&id, &page));
            }
        }
    }

    async fn start(&self, slice: Slice, groups: &[String]) -> Result<String, Error> {
        let (from, to) = query::range(slice, self.settle);
        let call = self.client.start_query().set_log_group_identifiers(Some(groups.to_vec()));
        let call = call.start_time(from).end_time(to).query_string(query::text(slice)).limit(MAX_ROWS as i32);
        let output = self.patiently("StartQuery", || call.clone().send()).await?;
        let missing = || Error::Service { call: "StartQuery", problem: "answered without a query's id".to_owned() };
        output.query_id.ok_or_else(missing)
    }

    /// The first page, once the query is complete. Rows that come before are a part of the answer, and not looked at.
    async fn wait(&self, id: &str) -> Result<GetQueryResultsOutput, Error> {
        let mut pause = PAUSES.0;
        loop {
            self.pause(&mut pause, "a query is still running").await?;
            let page = self.page(id, None).await?;
            match page.status() {
                Some(QueryStatus::Complete) => return Ok(page),
                Some(QueryStatus::Running | QueryStatus::Scheduled) => {}
                _ => return Err(ended(id, &page)),
            }
        }
    }

    async fn page(&self, id: &str, token: Option<&str>) -> Result<GetQueryResultsOutput, Error> {
        let call = self.client.get_query_results().query_id(id).max_items(PAGE as i32);
        let call = call.set_next_token(token.map(str::to_owned));
        self.patiently("GetQueryResults", || call.clone().send()).await
    }

    /// Makes a call again and again while it may still succeed: throttled, too many queries at once, no answer.
    async fn patiently<F, O, E, R>(&self, name: &'static str, call: impl Fn() -> F) -> Result<O, Error>
    where
        F: Future<Output = Result<O, SdkError<E, R>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let mut pause = PAUSES.0;
        loop {
            match call().await {
                Ok(output) => return Ok(output),
                Err(error) if is_temporary(&error) || is_crowded(&error) => {
                    tracing::warn!(call = name, problem = describe(&error), "trying again");
                    self.pause(&mut pause, name).await?;
                }
                Err(error) => return Err(Error::Service { call: name, problem: describe(&error) }),
            }
        }
    }

    /// Waits, and longer the next time; not beyond the deadline.
    async fn pause(&self, pause: &mut Duration, what: &'static str) -> Result<(), Error> {
        if Instant::now() + *pause >= self.deadline {
            return Err(Error::Deadline(what));
        }
        sleep(*pause).await;
        *pause = (*pause * 2).min(PAUSES.1);
        Ok(())
    }
}

/// 30 queries may run in an account at once, dashboards' among them.
fn is_crowded<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().is_some_and(|error| error.code() == Some("LimitExceededException"))
}

fn ended(id: &str, page: &GetQueryResultsOutput) -> Error {
    let status = page.status().map_or("nothing", QueryStatus::as_str);
    Error::Query { id: id.to_owned(), status: status.to_owned() }
}

/// Fields without a value are those that the record does not have.
fn row(fields: &[ResultField]) -> Row {
    let pairs = fields.iter().filter_map(|field| Some((field.field.clone()?, field.value.clone()?)));
    pairs.collect()
}
