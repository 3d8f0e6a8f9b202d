//! Attribute names: OpenTelemetry's semantic conventions, re-exported where the crate has them (it is of 1.42), and the few this
//! project adds. README.md lists those that are our own.
#![cfg_attr(
    not(all(feature = "aws-sdk", feature = "json-logs")),
    allow(dead_code, unused_imports, reason = "some names stand only on what a feature adds")
)]

pub(crate) use opentelemetry_semantic_conventions::attribute::{
    AWS_DYNAMODB_INDEX_NAME, AWS_DYNAMODB_TABLE_NAMES, AWS_EXTENDED_REQUEST_ID, AWS_LAMBDA_INVOKED_ARN, AWS_REQUEST_ID,
    AWS_S3_BUCKET, AWS_SECRETSMANAGER_SECRET_ARN, AWS_SNS_TOPIC_ARN, AWS_SQS_QUEUE_URL,
    AWS_STEP_FUNCTIONS_ACTIVITY_ARN, AWS_STEP_FUNCTIONS_STATE_MACHINE_ARN, CLOUD_ACCOUNT_ID, CLOUD_PROVIDER,
    CLOUD_REGION, CLOUD_RESOURCE_ID, DB_SYSTEM_NAME, ENDUSER_ID, ENDUSER_PSEUDO_ID, ERROR_TYPE, FAAS_COLDSTART,
    FAAS_DOCUMENT_COLLECTION, FAAS_DOCUMENT_OPERATION, FAAS_DOCUMENT_TIME, FAAS_INSTANCE, FAAS_INVOCATION_ID,
    FAAS_INVOKED_NAME, FAAS_INVOKED_PROVIDER, FAAS_INVOKED_REGION, FAAS_MAX_MEMORY, FAAS_NAME, FAAS_TRIGGER,
    FAAS_VERSION, HTTP_REQUEST_METHOD, HTTP_REQUEST_RESEND_COUNT, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE,
    MESSAGING_DESTINATION_NAME, MESSAGING_MESSAGE_ID, MESSAGING_OPERATION_NAME, MESSAGING_OPERATION_TYPE,
    MESSAGING_SYSTEM, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, SERVER_ADDRESS, SERVER_PORT, SERVICE_NAME,
    SERVICE_NAMESPACE, URL_FULL, URL_PATH, URL_QUERY, URL_SCHEME,
};

/// What the attributes of spans and resources follow.
pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The tenant served. Semantic conventions have no tenant; this name follows their form.
pub const TENANT_ID: &str = "tenant.id";
/// [`TENANT_ID`] of a metric's point that counts all tenants but the busiest. No tenant has this id.
pub(crate) const OTHER_TENANTS: &str = "(other)";
/// The tenant's tier: `basic`, `standard` or `premium`.
pub const TENANT_TIER: &str = "tenant.tier";
/// True where a request was refused because its tenant's quota is used up.
pub const QUOTA_EXCEEDED: &str = "quota.exceeded";
/// True where a process decided by its own limit, because the quota could not be reached.
pub const QUOTA_LOCAL: &str = "quota.local";
/// By what of a caller its tenant's access lists refused a request: `network` or `user`.
pub const ACCESS_LIST_REFUSED: &str = "access_list.refused";
/// The network of whoever sent a verified request, /24 of IPv4 or /48 of IPv6: semantic conventions have the whole address alone (`client.address`), which does
/// not leave.
pub const CLIENT_NETWORK: &str = "client.network";
/// The code of the problem (RFC 9457) that a request was answered with.
pub(crate) const PROBLEM_CODE: &str = "problem.code";
/// In logs: a short keyed hash that stands for the tenant.
pub(crate) const TENANT_ALIAS: &str = "tenant.alias";
/// Names the attributes that X-Ray indexes as annotations (string array).
pub(crate) const AWS_XRAY_ANNOTATIONS: &str = "aws.xray.annotations";
/// `aws-api` on SDK spans: what makes X-Ray exporters draw the call as an AWS service. [`RPC_SYSTEM_NAME`] has taken its place,
/// but X-Ray's exporter reads this one.
pub(crate) const RPC_SYSTEM: &str = "rpc.system";
/// `aws-api` on SDK spans.
pub(crate) const RPC_SYSTEM_NAME: &str = "rpc.system.name";
/// The AWS service called, as X-Ray exporters read it; semantic conventions have it in `rpc.method` now.
pub(crate) const RPC_SERVICE: &str = "rpc.service";
/// `LOCAL_ROOT` on CONSUMER spans: without it X-Ray draws no node for a message consumer.
pub(crate) const AWS_SPAN_KIND: &str = "aws.span.kind";
/// The service a LOCAL_ROOT span belongs to.
pub(crate) const AWS_LOCAL_SERVICE: &str = "aws.local.service";
/// `init` on the span of a sandbox's start: a phase of its lifecycle, as AWS names them.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
pub(crate) const LAMBDA_PHASE: &str = "lambda.phase";
/// How many traces a sampled one stands for, where the probability is known.
pub(crate) const SAMPLING_ADJUSTED_COUNT: &str = "sampling.adjusted_count";
/// True where what a sampled trace stands for is not known.
pub(crate) const SAMPLING_ESTIMATED: &str = "sampling.estimated";
/// On the first span after a loss: how many spans were dropped before it.
pub(crate) const TELEMETRY_DROPPED_SPANS: &str = "telemetry.dropped_spans";
/// On the first log record after a loss: how many log records were dropped before it.
pub(crate) const TELEMETRY_DROPPED_LOG_RECORDS: &str = "telemetry.dropped_log_records";
/// On the event of having waited for something that serves later requests too: how long, in seconds.
pub(crate) const TENANT_WAIT_DURATION: &str = "tenant.wait.duration";
/// On the same event: whether there was an answer.
pub(crate) const TENANT_WAIT_ANSWERED: &str = "tenant.wait.answered";
