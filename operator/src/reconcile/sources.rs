//! Where reservations, ledger and messages are: the local cloud, or a stage on AWS; and reading them all.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_config::{
    BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig,
};
use aws_sdk_dynamodb::{config::SharedCredentialsProvider, types::AttributeValue};
use aws_sdk_sqs::types::QueueAttributeName;
use booking::{
    domain::Reservation,
    handlers::{BookingChange, Publisher, Unwritable},
    reservations::{StoredCancellation, StoredReservation},
};
use local::{ministack::sdk_config, outputs::Outputs};
use mileage::ledger::LedgerEntry;
use serde::de::DeserializeOwned;
use tenant_quota::is_quota;
use tenant_store::Listed;
use tenant_telemetry::AwsSdkTracing;

use super::{
    Options,
    compare::{Reconciliation, Records, compare},
    difference::Difference,
};

/// Both accounts' stores and queues, with an operator's credentials.
#[derive(Debug, Clone)]
pub struct Sources {
    booking: SdkConfig,
    mileage: SdkConfig,
    reservations_table: String,
    ledger_table: String,
    topic_arn: String,
    /// Account B's queue and what it leads to, account A's parking queue.
    queue_url: String,
    dead_letters_url: String,
    undelivered_url: String,
    parking_queue_url: String,
}

type Item = HashMap<String, AttributeValue>;

impl Sources {
    /// Those of a local cloud.
    pub async fn of(outputs: &Outputs) -> Self {
        Self {
            booking: sdk_config(&outputs.aws_endpoint_url, &outputs.booking_account).await,
            mileage: sdk_config(&outputs.aws_endpoint_url, &outputs.mileage_account).await,
            reservations_table: outputs.reservations_table.clone(),
            ledger_table: outputs.ledger_table.clone(),
            topic_arn: outputs.topic_arn.clone(),
            queue_url: outputs.queue_url.clone(),
            dead_letters_url: outputs.dead_letters_url.clone(),
            undelivered_url: outputs.undelivered_url.clone(),
            parking_queue_url: outputs.parking_queue_url.clone(),
        }
    }

    /// Those of a stage on AWS, by the names its templates give; options go before names.
    pub async fn on_aws(options: &Options) -> Result<Self> {
        let region = options.region.as_deref();
        let booking = config(options.booking_profile.as_deref(), region).await;
        let mileage = config(options.mileage_profile.as_deref(), region).await;
        let stage = &options.stage;
        let table = |given: &Option<String>, name| given.clone().unwrap_or_else(|| format!("{name}-{stage}"));
        let topic_arn = match &options.topic_arn {
            Some(arn) => arn.clone(),
            None => topic_arn(&booking, stage).await?,
        };
        Ok(Self {
            reservations_table: table(&options.reservations_table, "reservations"),
            ledger_table: table(&options.ledger_table, "mileage-ledger"),
            topic_arn,
            queue_url: url(&mileage, &options.queue_url, format!("mileage-bookings-{stage}")).await?,
            dead_letters_url: url(&mileage, &options.dead_letters_url, format!("mileage-bookings-dlq-{stage}")).await?,
            undelivered_url: url(&mileage, &options.undelivered_url, format!("mileage-subscription-dlq-{stage}"))
                .await?,
            parking_queue_url: url(&booking, &options.parking_queue_url, format!("booking-parking-{stage}")).await?,
            booking,
            mileage,
        })
    }

    /// Reads everything and compares it.
    pub async fn reconcile(&self) -> Result<Reconciliation> {
        let mut records = Records::default();
        let mut unreadable = Vec::new();
        // The ledger comes first: what is booked or cancelled meanwhile seems to have no entry yet, which is what is under way.
        for item in scan(&self.mileage, &self.ledger_table).await? {
            let (partition, sort_key) = key(&item);
            if is_quota(&sort_key) {
                continue;
            }
            if sort_key == "BALANCE" {
                match serde_dynamo::from_item(item) {
                    Ok(balance) => drop(records.balances.insert(partition, balance)),
                    Err(error) => unreadable.push(bad(&self.ledger_table, &partition, &sort_key, error.to_string())),
                }
                continue;
            }
            match parse(item, &sort_key, |entry: &LedgerEntry| LedgerEntry::sk(&entry.id())) {
                Ok(entry) => records.entries.push((partition, entry)),
                Err(reason) => unreadable.push(bad(&self.ledger_table, &partition, &sort_key, reason)),
            }
        }
        for item in scan(&self.booking, &self.reservations_table).await? {
            let (partition, sort_key) = key(&item);
            let read = if sort_key.starts_with("BOOKING#") {
                parse(item, &sort_key, |stored: &StoredReservation| Reservation::sk(&stored.reservation.booking_number))
                    .map(|stored| records.reservations.push((partition.clone(), stored)))
            } else if sort_key.starts_with(StoredCancellation::PREFIX) {
                parse(item, &sort_key, |stored: &StoredCancellation| StoredCancellation::sk(&stored.booking_number))
                    .map(|stored| records.cancellations.push((partition.clone(), stored)))
            } else {
                continue;
            };
            if let Err(reason) = read {
                unreadable.push(bad(&self.reservations_table, &partition, &sort_key, reason));
            }
        }
        let mut found = compare(&records);
        found.differences.append(&mut unreadable);
        for (place, config, url) in [
            ("waiting", &self.mileage, &self.queue_url),
            ("dead", &self.mileage, &self.dead_letters_url),
            ("undelivered", &self.mileage, &self.undelivered_url),
            ("parked", &self.booking, &self.parking_queue_url),
        ] {
            let count = messages(config, url).await?;
            if count > 0 {
                found.differences.push(Difference::Messages { place, count });
            }
        }
        Ok(found)
    }

    /// Publishes these again, with the publisher's own code. What cannot be written is answered.
    pub async fn republish(&self, stored: &[BookingChange]) -> Result<Vec<Difference>> {
        // The interceptor writes each message's trace context, as in the function.
        let sns = aws_sdk_sns::config::Builder::from(&self.booking).interceptor(AwsSdkTracing::new());
        let publisher = Publisher {
            sns: aws_sdk_sns::Client::from_conf(sns.build()),
            sqs: aws_sdk_sqs::Client::new(&self.booking),
            topic_arn: self.topic_arn.clone(),
            parking_queue_url: self.parking_queue_url.clone(),
        };
        let unwritable = publisher.republish(&self.reservations_table, stored).await?;
        let told = |Unwritable { booking_number, reason }| Difference::Unwritable { booking_number, reason };
        Ok(unwritable.into_iter().map(told).collect())
    }
}

/// How an account is called: by a profile, or as the environment says.
async fn config(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let config = loader.load().await;
    let Some(profile) = profile else { return config };
    // The SDK asks the environment before a profile, and both accounts would be the one whose keys stand there.
    let region = ProviderConfig::without_region().with_region(config.region().cloned());
    let credentials = ProfileFileCredentialsProvider::builder().configure(&region).profile_name(profile).build();
    config.into_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

async fn topic_arn(config: &SdkConfig, stage: &str) -> Result<String> {
    let identity = aws_sdk_sts::Client::new(config).get_caller_identity().send().await;
    let identity = identity.context("account A's id cannot be read: give --topic-arn, or check the credentials")?;
    let account = identity.account().context("no account")?;
    // arn:<partition>:sts::…
    let partition = identity.arn().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
    let region = config.region().context("no region: give --region")?;
    Ok(format!("arn:{partition}:sns:{region}:{account}:booking-events-{stage}"))
}

async fn url(config: &SdkConfig, given: &Option<String>, name: String) -> Result<String> {
    if let Some(url) = given {
        return Ok(url.clone());
    }
    let found = aws_sdk_sqs::Client::new(config).get_queue_url().queue_name(&name).send().await;
    let found = found.with_context(|| format!("no queue {name}"))?;
    found.queue_url().map(str::to_owned).with_context(|| format!("no URL of {name}"))
}

async fn scan(config: &SdkConfig, table: &str) -> Result<Vec<Item>> {
    let client = aws_sdk_dynamodb::Client::new(config);
    let pages = client.scan().table_name(table).consistent_read(true).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.with_context(|| format!("cannot read {table}"))
}

async fn messages(config: &SdkConfig, url: &str) -> Result<u64> {
    const COUNTS: [QueueAttributeName; 3] = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let ask = aws_sdk_sqs::Client::new(config).get_queue_attributes().queue_url(url);
    let told = ask.set_attribute_names(Some(COUNTS.to_vec())).send().await;
    let told = told.with_context(|| format!("cannot ask {url}"))?;
    let count = |name| told.attributes().and_then(|all| all.get(name)?.parse::<u64>().ok()).unwrap_or_default();
    Ok(COUNTS.iter().map(count).sum())
}

fn key(item: &Item) -> (String, String) {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    (text("pk"), text("sk"))
}

/// Parses an item, whose fields must make the sort key that it has.
fn parse<T: DeserializeOwned>(item: Item, sort_key: &str, of: impl Fn(&T) -> String) -> Result<T, String> {
    let parsed: T = serde_dynamo::from_item(item).map_err(|error| error.to_string())?;
    let fields_say = of(&parsed);
    if fields_say == sort_key { Ok(parsed) } else { Err(format!("its fields say {fields_say:?}")) }
}

fn bad(table: &str, partition: &str, sort_key: &str, reason: String) -> Difference {
    Difference::Unreadable { table: table.to_owned(), key: format!("{partition} {sort_key}"), reason }
}
