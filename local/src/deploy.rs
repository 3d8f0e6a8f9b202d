//! Deployment by CloudFormation: the templates as they are, with each function's code where `sam package` would put it.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::{Capability, Parameter, StackStatus};

use crate::{
    ministack::REGION,
    package::{Package, package},
};

/// Where the template is in the artifacts bucket.
const TEMPLATE: &str = "template.yaml";

/// Stack outputs by name.
pub type StackOutputs = HashMap<String, String>;

/// Deploys a template into an account and waits for it.
pub async fn deploy(
    config: &SdkConfig,
    stack: &str,
    template: &Path,
    functions: &[String],
    parameters: &[(&str, &str)],
) -> Result<StackOutputs> {
    let text = std::fs::read_to_string(template).with_context(|| format!("cannot read {}", template.display()))?;
    let packages = functions.iter().map(|function| package(function)).collect::<Result<Vec<_>>>()?;
    // Bucket names are global, here as on AWS.
    let bucket = format!("{stack}-artifacts");
    let text = with_code(text, &bucket, &packages)?;
    let objects = packages.into_iter().map(|package| (package.key, package.zip));
    upload(config, &bucket, objects.chain([(TEMPLATE.to_owned(), text.into_bytes())])).await?;

    let client = aws_sdk_cloudformation::Client::new(config);
    let parameter =
        |(key, value): &(&str, &str)| Parameter::builder().parameter_key(*key).parameter_value(*value).build();
    client
        .create_stack()
        .stack_name(stack)
        // As `sam deploy` does: CloudFormation takes 51,200 bytes in the request itself, and 1 MB from a bucket.
        .template_url(format!("https://s3.{REGION}.amazonaws.com/{bucket}/{TEMPLATE}"))
        .set_capabilities(Some(vec![Capability::CapabilityIam, Capability::CapabilityAutoExpand]))
        .set_parameters(Some(parameters.iter().map(parameter).collect()))
        .send()
        .await
        .with_context(|| format!("cannot deploy {stack}"))?;
    wait(&client, stack).await
}

/// Rewrites `CodeUri`, which the template gives as the folder cargo-lambda builds into.
fn with_code(mut template: String, bucket: &str, packages: &[Package]) -> Result<String> {
    for package in packages {
        let local = format!("CodeUri: ../../target/lambda/{}/\n", package.function);
        ensure!(template.contains(&local), "the template has no function with {local}");
        template = template.replace(&local, &format!("CodeUri: s3://{bucket}/{}\n", package.key));
    }
    ensure!(!template.contains("target/lambda"), "the template has a function that is not packaged");
    Ok(template)
}

async fn upload(config: &SdkConfig, bucket: &str, objects: impl Iterator<Item = (String, Vec<u8>)>) -> Result<()> {
    let s3 = aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(config).force_path_style(true).build());
    s3.create_bucket().bucket(bucket).send().await.context("cannot create the artifacts bucket")?;
    for (key, body) in objects {
        s3.put_object().bucket(bucket).key(key).body(body.into()).send().await.context("cannot upload")?;
    }
    Ok(())
}

async fn wait(client: &aws_sdk_cloudformation::Client, name: &str) -> Result<StackOutputs> {
    loop {
        let described = client.describe_stacks().stack_name(name).send().await?;
        let stack = described.stacks().first().context("the stack is gone")?;
        match stack.stack_status() {
            Some(StackStatus::CreateComplete) => {
                let output = |output: &aws_sdk_cloudformation::types::Output| {
                    Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
                };
                return Ok(stack.outputs().iter().filter_map(output).collect());
            }
            Some(StackStatus::CreateInProgress | StackStatus::ReviewInProgress) => {}
            status => bail!("{name}: {status:?}\n{}", failures(client, name).await),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn failures(client: &aws_sdk_cloudformation::Client, name: &str) -> String {
    let events = match client.describe_stack_events().stack_name(name).send().await {
        Ok(events) => events,
        Err(error) => return error.to_string(),
    };
    let reason = |event: &aws_sdk_cloudformation::types::StackEvent| {
        Some(format!("{}: {}", event.logical_resource_id()?, event.resource_status_reason()?))
    };
    events.stack_events().iter().filter_map(reason).collect::<Vec<_>>().join("\n")
}
