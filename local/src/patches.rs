//! What the emulator cannot do by itself, done after the deploy. Each patch is asserted; on AWS the templates do all of
//! this.

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::TimeToLiveSpecification;

use crate::deploy::StackOutputs;

/// A cross-account `AWS::SNS::Subscription` reports CREATE_COMPLETE and creates nothing: subscribe as the mileage account, to
/// the bookings of its tiers.
pub async fn subscribe_queue(
    mileage: &SdkConfig,
    booking: &SdkConfig,
    topic_arn: &str,
    outputs: &StackOutputs,
    tiers: &[String],
) -> Result<()> {
    let queue_arn = outputs.get("QueueArn").context("no QueueArn")?;
    let dead_letters_arn = outputs.get("SubscriptionDeadLettersArn").context("no SubscriptionDeadLettersArn")?;
    let redrive = serde_json::json!({ "deadLetterTargetArn": dead_letters_arn }).to_string();
    let as_mileage = aws_sdk_sns::Client::new(mileage);
    let subscribe = as_mileage.subscribe().topic_arn(topic_arn).protocol("sqs").endpoint(queue_arn);
    let filter = serde_json::json!({ "tenant_tier": tiers }).to_string();
    let subscribed = subscribe
        .attributes("RedrivePolicy", redrive)
        .attributes("FilterPolicyScope", "MessageAttributes")
        .attributes("FilterPolicy", &filter)
        .send()
        .await
        .context("a mileage account cannot subscribe to account A's topic")?;

    let as_booking = aws_sdk_sns::Client::new(booking);
    let listed = as_booking.list_subscriptions_by_topic().topic_arn(topic_arn).send().await?;
    let found = listed.subscriptions().iter().filter(|subscription| subscription.endpoint() == Some(queue_arn)).count();
    ensure!(found == 1, "the queue is subscribed {found} times");
    let subscription = subscribed.subscription_arn().context("no SubscriptionArn")?;
    let attributes = as_mileage.get_subscription_attributes().subscription_arn(subscription).send().await?;
    let kept = attributes.attributes().and_then(|attributes| attributes.get("FilterPolicy"));
    ensure!(kept == Some(&filter), "the subscription takes bookings of other tiers: {kept:?}");
    Ok(())
}

/// CloudFormation ignores `TimeToLiveSpecification`.
pub async fn expire_items(account: &SdkConfig, table: &str) -> Result<()> {
    let dynamodb = aws_sdk_dynamodb::Client::new(account);
    let expires_at = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires_at").build()?;
    dynamodb.update_time_to_live().table_name(table).time_to_live_specification(expires_at).send().await?;

    let described = dynamodb.describe_time_to_live().table_name(table).send().await?;
    let attribute = described.time_to_live_description().and_then(|ttl| ttl.attribute_name());
    ensure!(attribute == Some("expires_at"), "{table} does not expire items");
    Ok(())
}

/// Gateway responses take effect with the next deployment of their API, and the stack's own comes before them.
pub async fn deploy_gateway_responses(account: &SdkConfig, api_id: &str, stage: &str) -> Result<()> {
    let gateway = aws_sdk_apigateway::Client::new(account);
    let deployed = gateway.create_deployment().rest_api_id(api_id).stage_name(stage).send().await?;

    let current = gateway.get_stage().rest_api_id(api_id).stage_name(stage).send().await?;
    ensure!(
        current.deployment_id().is_some() && current.deployment_id() == deployed.id(),
        "{stage} was not redeployed"
    );
    Ok(())
}
