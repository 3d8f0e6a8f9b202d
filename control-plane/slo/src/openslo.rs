//! The part of OpenSLO v1 that is read: <https://github.com/OpenSLO/OpenSLO>. Fields that would change what is computed are
//! checked; unknown ones are errors where a misspelt name would go unnoticed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Any object: what it is, before how it looks.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) spec: Value,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Slo {
    #[serde(rename = "description")]
    _description: Option<String>,
    pub(crate) service: String,
    pub(crate) indicator: Indicator,
    pub(crate) time_window: Vec<TimeWindow>,
    pub(crate) budgeting_method: String,
    pub(crate) objectives: Vec<Objective>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Indicator {
    pub(crate) spec: IndicatorSpec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct IndicatorSpec {
    #[serde(rename = "description")]
    _description: Option<String>,
    pub(crate) ratio_metric: Option<RatioMetric>,
    pub(crate) threshold_metric: Option<Metric>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatioMetric {
    pub(crate) counter: bool,
    pub(crate) bad: Metric,
    pub(crate) total: Metric,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Metric {
    pub(crate) metric_source: MetricSource,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricSource {
    pub(crate) r#type: String,
    pub(crate) spec: MetricSpec,
}

/// What of the rows is measured: `requests`, `failed` or `duration_ms`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricSpec {
    pub(crate) measure: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TimeWindow {
    pub(crate) duration: String,
    #[serde(default)]
    pub(crate) is_rolling: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Objective {
    #[serde(rename = "displayName")]
    _display_name: Option<String>,
    pub(crate) op: Option<String>,
    pub(crate) value: Option<f64>,
    pub(crate) target: Option<f64>,
    pub(crate) target_percent: Option<f64>,
}
