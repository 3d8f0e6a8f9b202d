//! What the emulator cannot do by itself, done after the deploy. Each patch is asserted; on AWS the templates do all of
//! this.

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveSpecification};
use serde_json::{Value, json};

use crate::{
    deploy::StackOutputs,
    ministack::{BOOKING_ACCOUNT, REGION},
};

/// What mileage-accrual reads, as infra/mileage/template.yaml has it.
const EVENTS: [&str; 2] = ["booking.confirmed", "booking.cancelled"];

/// A cross-account `AWS::SNS::Subscription` reports CREATE_COMPLETE and creates nothing: subscribe as the mileage account, to
/// the events about bookings of its tiers.
pub async fn subscribe_queue(
    mileage: &SdkConfig,
    booking: &SdkConfig,
    topic_arn: &str,
    outputs: &StackOutputs,
    tiers: &[String],
) -> Result<()> {
    let queue_arn = outputs.get("QueueArn").context("no QueueArn")?;
    let dead_letters_arn = outputs.get("SubscriptionDeadLettersArn").context("no SubscriptionDeadLettersArn")?;
    let redrive = json!({ "deadLetterTargetArn": dead_letters_arn }).to_string();
    let as_mileage = aws_sdk_sns::Client::new(mileage);
    let subscribe = as_mileage.subscribe().topic_arn(topic_arn).protocol("sqs").endpoint(queue_arn);
    let filter = json!({ "tenant_tier": tiers, "event_type": EVENTS }).to_string();
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
    ensure!(kept == Some(&filter), "the subscription takes bookings of other tiers, or other events: {kept:?}");
    Ok(())
}

/// The role of account A by which mileage-api reads the registry there.
pub const TENANTS_READER: &str = "tenants-reader-local";

/// IAM of the emulator, by the few calls of its query API that the patches make.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html>
#[derive(Debug)]
pub struct Iam {
    client: reqwest::Client,
    endpoint: String,
}

impl Iam {
    /// Of the emulator at `endpoint`.
    pub fn new(endpoint: &str) -> Self {
        Self { client: reqwest::Client::new(), endpoint: endpoint.to_owned() }
    }

    /// The emulator knows no `dynamodb:LeadingKeys`, so the templates' check that there is one would refuse every call. It is left out
    /// here, and the rest of the policy stays in force: table, actions, and that the session names a tenant. infra/iam evaluates the
    /// whole fence.
    pub async fn leave_out_leading_keys(&self, account: &str, role_arn: &str) -> Result<()> {
        const POLICY: &str = "OneTenantsItems";
        let role = role_arn.rsplit('/').next().unwrap_or_default();
        let of_role = [("RoleName", role), ("PolicyName", POLICY)];
        let policy = self.policy(account, &of_role).await?;
        let mut patched = policy.clone();
        let statements = patched["Statement"].as_array_mut().context("a policy without statements")?;
        for statement in statements {
            let condition = statement["Condition"].as_object_mut().context("a statement without condition")?;
            ensure!(
                condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].is_array(),
                "{role}: keys are not fenced"
            );
            let null = condition.get_mut("Null").and_then(Value::as_object_mut).context("no Null check")?;
            ensure!(null.remove("dynamodb:LeadingKeys").is_some(), "{role}: allowed without a key");
            ensure!(null.contains_key("aws:PrincipalTag/tenant_id"), "{role}: allowed without a tenant");
        }
        let patched = patched.to_string();
        let put = [("RoleName", role), ("PolicyName", POLICY), ("PolicyDocument", patched.as_str())];
        self.call(account, "PutRolePolicy", &put).await?;
        let null = self.policy(account, &of_role).await?["Statement"][0]["Condition"]["Null"].take();
        ensure!(null == json!({ "aws:PrincipalTag/tenant_id": "false" }), "{role} was not patched: {null}");
        Ok(())
    }

    /// The emulator looks for a table only in the account that calls, whatever its ARN and policy say. A role of account A, assumed by
    /// mileage-api of every mileage account and by nobody else, may read the registry instead: the template's parameter `TenantsReaderRoleArn`.
    pub async fn let_mileage_apis_read_tenants(
        &self,
        mileage: &SdkConfig,
        table: &str,
        mileage_apis: &[String],
    ) -> Result<()> {
        let arn = format!("arn:aws:dynamodb:{REGION}:{BOOKING_ACCOUNT}:table/{table}");
        let directly = aws_sdk_dynamodb::Client::new(mileage).get_item().table_name(&arn);
        let directly = directly.key("tenant_id", AttributeValue::S("nobody".to_owned())).send().await;
        ensure!(directly.is_err(), "the emulator serves another account's table: this patch can go");

        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Principal": { "AWS": mileage_apis }, "Action": "sts:AssumeRole" }],
        });
        let read = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": arn }],
        });
        let (trust, read) = (trust.to_string(), read.to_string());
        let create = [("RoleName", TENANTS_READER), ("AssumeRolePolicyDocument", trust.as_str())];
        self.call(BOOKING_ACCOUNT, "CreateRole", &create).await?;
        let put = [("RoleName", TENANTS_READER), ("PolicyName", "ReadTenants"), ("PolicyDocument", read.as_str())];
        self.call(BOOKING_ACCOUNT, "PutRolePolicy", &put).await?;
        let there = [("RoleName", TENANTS_READER), ("PolicyName", "ReadTenants")];
        let resource = &self.policy(BOOKING_ACCOUNT, &there).await?["Statement"][0]["Resource"];
        ensure!(*resource == arn.as_str(), "nobody may read the registry: {resource}");
        Ok(())
    }

    async fn policy(&self, account: &str, of: &[(&str, &str)]) -> Result<Value> {
        let answer = self.call(account, "GetRolePolicy", of).await?;
        let (_, rest) = answer.split_once("<PolicyDocument>").context("no policy document")?;
        let (encoded, _) = rest.split_once("</PolicyDocument>").context("no policy document")?;
        // URL-encoded, as on AWS: the value of a form's only field.
        let form = format!("_={encoded}");
        let (_, text) = form_urlencoded::parse(form.as_bytes()).next().context("no policy document")?;
        serde_json::from_str(&text).with_context(|| format!("not a policy: {text}"))
    }

    async fn call(&self, account: &str, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", "2010-05-08").extend_pairs(parameters);
        // The emulator takes the account from the access key and checks no signature.
        let credential =
            format!("AWS4-HMAC-SHA256 Credential={account}/20261121/{REGION}/iam/aws4_request, Signature=0");
        let request = self.client.post(&self.endpoint).header("authorization", credential);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.finish());
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{action}: {status}: {text}");
        Ok(text)
    }
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
