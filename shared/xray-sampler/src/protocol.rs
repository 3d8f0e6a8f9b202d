//! `GetSamplingRules` and `SamplingTargets`.
//! <https://docs.aws.amazon.com/xray/latest/api/API_GetSamplingRules.html>,
//! <https://docs.aws.amazon.com/xray/latest/api/API_GetSamplingTargets.html>

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RulesRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RulesAnswer {
    pub(crate) next_token: Option<String>,
    #[serde(default)]
    pub(crate) sampling_rule_records: Vec<RuleRecord>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RuleRecord {
    pub(crate) sampling_rule: Option<Rule>,
}

/// A sampling rule of X-Ray's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Rule {
    pub(crate) rule_name: String,
    pub(crate) priority: i64,
    pub(crate) fixed_rate: f64,
    pub(crate) reservoir_size: u32,
    #[serde(default = "anything")]
    pub(crate) service_name: String,
    #[serde(default = "anything")]
    pub(crate) service_type: String,
    #[serde(default = "anything")]
    pub(crate) host: String,
    #[serde(rename = "HTTPMethod", default = "anything")]
    pub(crate) http_method: String,
    #[serde(rename = "URLPath", default = "anything")]
    pub(crate) url_path: String,
    #[serde(rename = "ResourceARN", default = "anything")]
    pub(crate) resource_arn: String,
    #[serde(default)]
    pub(crate) attributes: HashMap<String, String>,
}

fn anything() -> String {
    "*".to_owned()
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TargetsRequest<'a> {
    pub(crate) sampling_statistics_documents: &'a [Statistics],
}

/// The counts of a rule since they were last reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Statistics {
    #[serde(rename = "ClientID")]
    pub(crate) client_id: String,
    pub(crate) rule_name: String,
    /// When the statistics were taken, in seconds since 1970.
    pub(crate) timestamp: u64,
    pub(crate) request_count: u64,
    pub(crate) sampled_count: u64,
    pub(crate) borrow_count: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TargetsAnswer {
    /// When the rules last changed, in seconds since 1970.
    #[serde(default)]
    pub(crate) last_rule_modification: f64,
    #[serde(default)]
    pub(crate) sampling_target_documents: Vec<Target>,
    #[serde(default)]
    pub(crate) unprocessed_statistics: Vec<Unprocessed>,
}

/// A rule's share of the budget.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Target {
    pub(crate) rule_name: String,
    pub(crate) fixed_rate: Option<f64>,
    pub(crate) reservoir_quota: Option<u32>,
    /// Until when the reservoir's quota holds, in seconds since 1970.
    #[serde(rename = "ReservoirQuotaTTL")]
    pub(crate) reservoir_quota_ttl: Option<f64>,
    /// Seconds until the next statistics are wanted.
    pub(crate) interval: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Unprocessed {
    pub(crate) rule_name: Option<String>,
    #[serde(default)]
    pub(crate) error_code: String,
}
