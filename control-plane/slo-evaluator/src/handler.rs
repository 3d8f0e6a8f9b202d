//! One run: it reads, judges and stores each five minutes, and sends its alerts, before it goes on to the next.

use std::time::{Duration, SystemTime};

use aws_sdk_sns::types::MessageAttributeValue;
use control_plane_clickhouse::ClickHouse;
use jiff::Timestamp;
use lambda_http_client::aws::describe;
use lambda_runtime::{Context, LambdaEvent};
use serde::Serialize;
use serde_json::Value;
use slo::{Alert, Evaluation, Rules, SLOT, Scope, Watch, WatchEnvironment, closed};
use tokio::time::Instant;

use crate::{
    answer::Cells,
    error::Error,
    logs::Logs,
    notice::Notice,
    pass,
    record::{Head, Versioned},
    settings::{Place, Settings},
    slices::Slice,
    spans::{Spans, Sums},
    store::Store,
};

/// What is left of an invocation's time for storing and telling, once answers are there.
const MARGIN: Duration = Duration::from_secs(30);

/// Everything a run needs.
#[derive(Debug, Clone)]
pub struct Evaluator {
    /// What the environment says.
    pub settings: Settings,
    /// What tenants are held against.
    pub rules: Rules,
    /// The client that asks CloudWatch Logs Insights.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// The control plane's tables, where these are asked instead.
    pub sums: Option<ClickHouse>,
    /// Client for what is remembered.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The client that publishes alerts.
    pub sns: aws_sdk_sns::Client,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The end of the last five minutes that are evaluated, in seconds since 1970.
    pub evaluated: Option<i64>,
    /// How many five minutes were evaluated now.
    pub slots: usize,
    /// How many requests were judged.
    pub requests: u64,
    /// How many alerts were sent, opened or closed.
    pub told: usize,
    /// Times that a tenant was not evaluated, because its tier was promised nothing.
    pub unpromised: usize,
}

impl Evaluator {
    /// Answers a schedule's event. When it was sent does not matter: what closed since the last run is evaluated.
    pub async fn run(&self, event: LambdaEvent<Value>) -> Result<Report, Error> {
        let report = self.evaluate(&event.context, Timestamp::now().as_second()).await?;
        tracing::info!(
            slots = report.slots,
            requests = report.requests,
            told = report.told,
            unpromised = report.unpromised,
            "evaluated"
        );
        Ok(report)
    }

    /// Evaluates all that closed by `now`, in seconds since 1970, as far as the invocation's time allows.
    pub async fn evaluate(&self, context: &Context, now: i64) -> Result<Report, Error> {
        let place = Place::of_function(&context.invoked_function_arn)?;
        let store = Store::new(self.dynamodb.clone(), self.settings.table.clone(), context.request_id.clone());
        let (settle, deadline) = (self.settings.settle, deadline(context));
        let accounts = self.settings.accounts.iter();
        let spans = match self.sums.clone() {
            Some(store) => Spans::Sums(Box::new(Sums { store, settle, deadline })),
            None => Spans::Logs(Logs {
                client: self.logs.clone(),
                groups: accounts.map(|account| place.log_group(account, &self.settings.log_group)).collect(),
                settle,
                deadline,
            }),
        };
        let head = store.head().await?;
        let closed = closed(now, self.settings.settle);
        let mut run = Run {
            evaluator: self,
            place,
            asked: Slice::default(),
            cells: Cells::default(),
            changed: Vec::new(),
            report: Report { evaluated: head.value.evaluated, ..Report::default() },
            spans,
            store,
            head,
            closed,
        };
        // What a run before could not tell.
        run.notify().await?;
        // A first run begins with the last five minutes.
        let from = run.head.value.evaluated.unwrap_or(closed - SLOT);
        if from < closed {
            let known = run.store.tenants().await?;
            // Nobody counts refusals here: what CloudWatch is asked for are sums of requests alone.
            let (judged, alerts) = (run.head.value.evaluated, run.head.value.alerts.clone());
            let mut watch = Watch { known, judged, alerts, ..Watch::default() };
            let ends = (from + SLOT..=closed).step_by(SLOT as usize);
            watch.run(ends, &self.rules, &mut run).await?;
        }
        Ok(run.report)
    }

    async fn publish(&self, notice: &Notice) -> Result<(), Error> {
        let failed = |problem: String| Error::Service { call: "Publish", problem };
        let message = serde_json::to_string_pretty(notice).map_err(|error| failed(error.to_string()))?;
        let mut call = self.sns.publish().topic_arn(&self.settings.topic).subject(notice.subject()).message(message);
        let mut attributes = vec![("event", notice.event.name()), ("condition", notice.alert.condition.name())];
        if let Scope::Tenant { tenant, tier } = &notice.alert.scope {
            attributes.extend([("tenant_id", tenant.as_str()), ("tenant_tier", tier.as_str())]);
        }
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            call = call.message_attributes(name, value.map_err(|error| failed(error.to_string()))?);
        }
        call.send().await.map_err(|error| failed(describe(&error)))?;
        Ok(())
    }
}

/// A run: what was asked for, and what is stored.
struct Run<'a> {
    evaluator: &'a Evaluator,
    place: Place,
    spans: Spans,
    store: Store,
    head: Versioned<Head>,
    /// The end of the last five minutes that are evaluated in this run.
    closed: i64,
    /// What was asked for last, and the answer.
    asked: Slice,
    cells: Cells,
    /// Tenants whose past is not stored yet.
    changed: Vec<String>,
    report: Report,
}

impl WatchEnvironment for Run<'_> {
    type Error = Error;

    async fn feed(&mut self, watch: &mut Watch, rules: &Rules, end: i64) -> Result<bool, Error> {
        let slot = end - SLOT;
        if !self.asked.touches(slot) {
            self.asked = Slice::first_of(slot, self.closed);
            self.cells = match self.spans.cells(self.asked).await {
                // The next run goes on from here.
                Err(Error::Deadline(_)) if self.report.slots > 0 => return Ok(false),
                cells => cells?,
            };
        }
        if self.report.slots > 0 && Instant::now() >= self.spans.deadline() {
            return Ok(false);
        }
        let step = pass::feed(watch, self.cells.slot(slot), end, &rules.definitions)?;
        self.changed = step.changed;
        self.report.requests += step.requests;
        self.report.unpromised += step.unpromised;
        Ok(true)
    }

    async fn keep(&mut self, watch: &Watch, changed: Vec<(Alert, Option<Evaluation>)>) -> Result<(), Error> {
        let head = &mut self.head.value;
        (head.evaluated, head.alerts) = (watch.judged, watch.alerts.clone());
        head.untold.extend(changed.into_iter().map(|(alert, of)| Notice::new(alert, of, &self.place)));
        // Tenants before the head: they know what they were fed.
        self.store.put_tenants(&watch.known, &self.changed).await?;
        self.store.put_head(&mut self.head).await?;
        self.report.evaluated = watch.judged;
        self.report.slots += 1;
        self.notify().await
    }
}

impl Run<'_> {
    /// Sends the alerts that are stored as not sent, and stores that they are. A run that ends in between sends them again, under the same id.
    async fn notify(&mut self) -> Result<(), Error> {
        let mut result = Ok(());
        let mut told = 0;
        for notice in &self.head.value.untold {
            result = self.evaluator.publish(notice).await;
            if result.is_err() {
                break;
            }
            told += 1;
        }
        if told > 0 {
            self.head.value.untold.drain(..told);
            self.report.told += told;
            self.store.put_head(&mut self.head).await?;
        }
        result
    }
}

/// When answers come too late: the margin before the invocation's end, or half its time if that is short.
fn deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left - MARGIN.min(left / 2)
}
