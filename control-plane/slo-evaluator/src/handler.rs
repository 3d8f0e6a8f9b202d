//! One run: five minutes after five minutes, each asked for, judged, stored and told of before the next.

use std::time::{Duration, SystemTime};

use aws_sdk_sns::types::MessageAttributeValue;
use jiff::Timestamp;
use lambda_http_client::aws::describe;
use lambda_runtime::{Context, LambdaEvent};
use serde::Serialize;
use serde_json::Value;
use slo::Scope;
use tokio::time::Instant;

use crate::{
    error::Error,
    logs::Logs,
    notice::Notice,
    pass,
    record::{Head, Versioned},
    settings::{Place, Rules, Settings},
    slices::Slice,
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
    /// Client for queries.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Client for what is remembered.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Client for alerts.
    pub sns: aws_sdk_sns::Client,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The end of the last five minutes that are evaluated, in seconds since 1970.
    pub evaluated: Option<i64>,
    /// How many five minutes were evaluated now.
    pub slots: usize,
    /// Requests in them.
    pub requests: u64,
    /// Alerts told of, opened or closed.
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
        let accounts = self.settings.accounts.iter();
        let logs = Logs {
            client: self.logs.clone(),
            groups: accounts.map(|account| place.log_group(account, &self.settings.log_group)).collect(),
            settle: self.settings.settle,
            deadline: deadline(context),
        };
        let mut report = Report::default();
        let mut head = store.head().await?;
        // What a run before could not tell.
        self.tell(&store, &mut head, &mut report).await?;
        report.evaluated = head.value.evaluated;
        if self.pending(&head, now).is_none() {
            return Ok(report);
        }

        let mut tenants = store.tenants().await?;
        while let Some(slice) = self.pending(&head, now) {
            let cells = match logs.cells(slice).await {
                // The next run goes on from here.
                Err(Error::Deadline(_)) if report.slots > 0 => return Ok(report),
                cells => cells?,
            };
            for slot in slice.slots() {
                if report.slots > 0 && Instant::now() >= logs.deadline {
                    return Ok(report);
                }
                let step = pass::close(&mut head.value, &mut tenants, cells.slot(slot), slot, &self.rules, &place)?;
                // Tenants before the head: they know what they were fed.
                store.put_tenants(&mut tenants, &step.changed).await?;
                store.put_head(&mut head).await?;
                report.evaluated = head.value.evaluated;
                report.slots += 1;
                report.requests += step.requests;
                report.unpromised += step.unpromised;
                self.tell(&store, &mut head, &mut report).await?;
            }
        }
        Ok(report)
    }

    fn pending(&self, head: &Versioned<Head>, now: i64) -> Option<Slice> {
        Slice::pending(head.value.evaluated, now, self.settings.settle)
    }

    /// Tells what is stored as untold, and stores that it is told. A run that ends in between tells it again, under the same id.
    async fn tell(&self, store: &Store, head: &mut Versioned<Head>, report: &mut Report) -> Result<(), Error> {
        if head.value.untold.is_empty() {
            return Ok(());
        }
        let mut result = Ok(());
        let mut told = 0;
        for notice in &head.value.untold {
            result = self.publish(notice).await;
            if result.is_err() {
                break;
            }
            told += 1;
        }
        if told > 0 {
            head.value.untold.drain(..told);
            report.told += told;
            store.put_head(head).await?;
        }
        result
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

/// When answers come too late: the margin before the invocation's end, or half its time if that is short.
fn deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left - MARGIN.min(left / 2)
}
