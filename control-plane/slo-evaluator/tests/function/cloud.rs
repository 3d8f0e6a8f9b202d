//! The function, and what it talks to.

use std::{
    ops::Deref,
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::config::{Credentials, Region, retry::RetryConfig};
use lambda_runtime::Context;
use serde_json::Value;
use slo::{Definitions, Rules};
use slo_evaluator::{Evaluator, Settings};
use testkit::insights::{Insights, Query};

/// A stub of the services, and a function that talks to it.
pub(crate) struct Cloud {
    insights: Insights,
    /// The function.
    pub(crate) evaluator: Evaluator,
}

impl Cloud {
    /// Starts it; queries are answered by what is given.
    pub(crate) async fn start(answering: impl FnMut(&Query) -> Vec<Value> + Send + 'static) -> Self {
        let insights = Insights::start(answering).await;
        let evaluator = evaluator(&insights.url);
        Self { insights, evaluator }
    }
}

impl Deref for Cloud {
    type Target = Insights;

    fn deref(&self) -> &Insights {
        &self.insights
    }
}

/// An invocation with so many seconds.
pub(crate) fn invocation(seconds: u64) -> Context {
    let mut context = Context::default();
    context.request_id = "8e2b1f2e-3f0a-4b50-9c57-0d1f6c3c1b11".to_owned();
    context.invoked_function_arn = "arn:aws:lambda:eu-west-1:333333333333:function:slo-evaluator-dev".to_owned();
    let deadline = SystemTime::now() + Duration::from_secs(seconds);
    context.deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
    context
}

fn evaluator(endpoint: &str) -> Evaluator {
    let settings = Settings {
        table: "slo-state-dev".to_owned(),
        topic: "arn:aws:sns:eu-west-1:333333333333:pages-dev".to_owned(),
        spans_store: None,
        accounts: vec!["111111111111".to_owned(), "222222222222".to_owned()],
        log_group: "aws/spans".to_owned(),
        excluded: Some("canary".to_owned()),
        settle: 120,
    };
    macro_rules! client {
        ($sdk:ident) => {
            $sdk::Client::from_conf(
                $sdk::Config::builder()
                    .behavior_version_latest()
                    .region(Region::new("eu-west-1"))
                    .credentials_provider(Credentials::new("test", "test", None, None, "test"))
                    .retry_config(RetryConfig::disabled())
                    .endpoint_url(endpoint)
                    .build(),
            )
        };
    }
    Evaluator {
        rules: Rules::new(Definitions::compiled().unwrap(), settings.excluded.clone()),
        settings,
        logs: client!(aws_sdk_cloudwatchlogs),
        sums: None,
        dynamodb: client!(aws_sdk_dynamodb),
        sns: client!(aws_sdk_sns),
    }
}
