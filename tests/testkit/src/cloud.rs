//! A local cloud for one test file.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
    time::Instant,
};

use aws_sdk_dynamodb::types::AttributeValue;
use control_plane_model::trace::Trace;
use local::{ministack::sdk_config, outputs::Outputs};

use crate::{
    Caller,
    patience::{PATIENCE, eventually},
    program,
};

/// A running local cloud. It ends with the test process, however that ends: its standard input is a pipe from here.
#[derive(Debug)]
pub struct Cloud {
    /// Where everything is.
    pub outputs: Outputs,
    /// The supervisor.
    pub process: Child,
    leash: Option<ChildStdin>,
}

impl Cloud {
    /// Starts a cloud on free ports. A message comes again after half a minute, when nobody is at it any more, however busy the machine.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, but failed messages come again after a second, so that their fate is known soon; and so often that a busy machine is not taken for
    /// one that fails.
    pub fn start_for_failures(more: &[&str]) -> Self {
        Self::start_with(&[more, &["--visibility-timeout", "1", "--max-receive-count", "8"]].concat())
    }

    /// The same as [`Cloud::start`] with more arguments for `local up`.
    pub fn start_with(more: &[&str]) -> Self {
        let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let mut process = Command::new(program("local"))
            .current_dir(project)
            .args(["up", "--json", "--until-stdin-closes", "--port", "0", "--control-plane-port", "0"])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the local cloud cannot be started");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let outputs = serde_json::from_str(&line).expect("the local cloud did not start: its reason is above");
        Self { outputs, leash: process.stdin.take(), process }
    }

    /// Lets go: the cloud ends by itself.
    pub fn release(&mut self) {
        self.leash = None;
    }

    /// The n-th of the three users, signed in.
    pub async fn caller(&self, index: usize) -> Caller {
        Caller::sign_in(&self.outputs, self.outputs.users[index].clone()).await
    }

    /// The SDK configuration of account A or B.
    pub async fn sdk(&self, account: &str) -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::config::Builder::from(&sdk_config(&self.outputs.aws_endpoint_url, account).await)
    }

    /// The trace once `done` holds for it; fails if that takes too long.
    pub async fn trace(&self, trace_id: &str, done: impl Fn(&Trace) -> bool) -> Trace {
        let (client, path) = (reqwest::Client::new(), format!("/api/traces/{trace_id}"));
        eventually(&format!("trace {trace_id}"), async || {
            let answer = self.outputs.ask_control_plane(&client, &path).send().await.unwrap();
            let trace: Trace = answer.error_for_status().ok()?.json().await.unwrap();
            done(&trace).then_some(trace)
        })
        .await
    }

    /// What the control plane's API answers.
    pub async fn ask_control_plane(&self, path: &str) -> serde_json::Value {
        let answer = self.outputs.ask_control_plane(&reqwest::Client::new(), path).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    /// Every item of a table of this account.
    pub async fn items(&self, account: &str, table: &str) -> Vec<std::collections::HashMap<String, AttributeValue>> {
        let client = aws_sdk_dynamodb::Client::from_conf(self.sdk(account).await.build());
        let pages = client.scan().table_name(table).consistent_read(true).into_paginator().items().send();
        pages.collect::<Result<_, _>>().await.unwrap()
    }

    /// Keys (`pk`, `sk`) of the items whose sort key starts like this.
    pub async fn keys(&self, account: &str, table: &str, sort_key_prefix: &str) -> Vec<(String, String)> {
        let text = |value: &AttributeValue| value.as_s().unwrap().clone();
        let items = self.items(account, table).await;
        let keys = items.iter().map(|item| (text(&item["pk"]), text(&item["sk"])));
        keys.filter(|(_, sort_key)| sort_key.starts_with(sort_key_prefix)).collect()
    }

    /// The client of the queues of account B.
    pub async fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = sdk_config(&self.outputs.aws_endpoint_url, &self.outputs.mileage_account).await;
        aws_sdk_sqs::Client::new(&config)
    }

    /// The client of the topic of account A.
    pub async fn sns(&self) -> aws_sdk_sns::Client {
        let config = sdk_config(&self.outputs.aws_endpoint_url, &self.outputs.booking_account).await;
        aws_sdk_sns::Client::new(&config)
    }

    /// A new queue of account B that gets a copy of all the topic sends, and its URL.
    pub async fn eavesdrop(&self, name: &str) -> String {
        let sqs = self.sqs().await;
        let url = sqs.create_queue().queue_name(name).send().await.unwrap().queue_url().unwrap().to_owned();
        let arn = format!("arn:aws:sqs:{}:{}:{name}", self.outputs.region, self.outputs.mileage_account);
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "sns.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": { "ArnEquals": { "aws:SourceArn": self.outputs.topic_arn } },
            }],
        });
        let name = aws_sdk_sqs::types::QueueAttributeName::Policy;
        sqs.set_queue_attributes().queue_url(&url).attributes(name, policy.to_string()).send().await.unwrap();
        let config = sdk_config(&self.outputs.aws_endpoint_url, &self.outputs.mileage_account).await;
        let subscribe = aws_sdk_sns::Client::new(&config).subscribe().topic_arn(&self.outputs.topic_arn);
        subscribe.protocol("sqs").endpoint(arn).send().await.unwrap();
        url
    }

    /// Takes messages off a queue until there are `count`.
    pub async fn drain(&self, queue_url: &str, count: usize) -> Vec<aws_sdk_sqs::types::Message> {
        let sqs = self.sqs().await;
        let mut messages = Vec::new();
        let started = Instant::now();
        while messages.len() < count {
            assert!(started.elapsed() < PATIENCE, "{} of {count} messages came to {queue_url}", messages.len());
            let receive = sqs.receive_message().queue_url(queue_url).max_number_of_messages(10).wait_time_seconds(1);
            let receive = receive.message_attribute_names("All");
            let receive = receive.message_system_attribute_names(aws_sdk_sqs::types::MessageSystemAttributeName::All);
            let received = receive.send().await.unwrap();
            for message in received.messages.unwrap_or_default() {
                let receipt = message.receipt_handle().unwrap();
                sqs.delete_message().queue_url(queue_url).receipt_handle(receipt).send().await.unwrap();
                messages.push(message);
            }
        }
        messages
    }
}
