//! What the emulator cannot do by itself, done after the deploy. Each patch is asserted; on AWS none is needed.

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;

use crate::deploy::StackOutputs;

/// A cross-account `AWS::SNS::Subscription` reports CREATE_COMPLETE and creates nothing: subscribe as account B.
pub async fn subscribe_queue(
    mileage: &SdkConfig,
    booking: &SdkConfig,
    topic_arn: &str,
    outputs: &StackOutputs,
) -> Result<()> {
    let queue_arn = outputs.get("QueueArn").context("no QueueArn")?;
    let as_mileage = aws_sdk_sns::Client::new(mileage);
    let subscribe = as_mileage.subscribe().topic_arn(topic_arn).protocol("sqs").endpoint(queue_arn);
    subscribe.send().await.context("account B cannot subscribe to account A's topic")?;

    let as_booking = aws_sdk_sns::Client::new(booking);
    let listed = as_booking.list_subscriptions_by_topic().topic_arn(topic_arn).send().await?;
    let found = listed.subscriptions().iter().filter(|subscription| subscription.endpoint() == Some(queue_arn)).count();
    ensure!(found == 1, "the queue is subscribed {found} times");
    Ok(())
}
