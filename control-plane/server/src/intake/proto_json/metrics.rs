//! Requests with points of metrics.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{
        AggregationTemporality, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
        HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
        exemplar, exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
    },
};

use super::{
    Broken, Cursor, Field, Message, Request, id, integer, integers, list, message, named, number, numbers, object,
    text, truth, unknown,
};

impl Request for ExportMetricsServiceRequest {
    const LIST: &'static str = "resourceMetrics";

    fn is_empty(&self) -> bool {
        self.resource_metrics.iter().flat_map(|group| &group.scope_metrics).all(|scope| scope.metrics.is_empty())
    }
}

message!(ExportMetricsServiceRequest, "request", { "resourceMetrics" => resource_metrics = list });
message!(ResourceMetrics, "resourceMetrics", {
    "resource" => resource = object, "scopeMetrics" => scope_metrics = list, "schemaUrl" => schema_url = text,
});
message!(ScopeMetrics, "scopeMetrics", {
    "scope" => scope = object, "metrics" => metrics = list, "schemaUrl" => schema_url = text,
});
message!(Gauge, "gauge", { "dataPoints" => data_points = list });
message!(Sum, "sum", {
    "dataPoints" => data_points = list, "aggregationTemporality" => aggregation_temporality = temporality,
    "isMonotonic" => is_monotonic = truth,
});
message!(Histogram, "histogram", {
    "dataPoints" => data_points = list, "aggregationTemporality" => aggregation_temporality = temporality,
});
message!(ExponentialHistogram, "exponentialHistogram", {
    "dataPoints" => data_points = list, "aggregationTemporality" => aggregation_temporality = temporality,
});
message!(Summary, "summary", { "dataPoints" => data_points = list });
// Summaries are refused, so their values are not read.
message!(SummaryDataPoint, "dataPoints", { "attributes" => attributes = list });
message!(HistogramDataPoint, "dataPoints", {
    "attributes" => attributes = list, "startTimeUnixNano" => start_time_unix_nano = integer,
    "timeUnixNano" => time_unix_nano = integer, "count" => count = integer, "sum" => sum = number,
    "bucketCounts" => bucket_counts = integers, "explicitBounds" => explicit_bounds = numbers,
    "exemplars" => exemplars = list, "flags" => flags = integer, "min" => min = number, "max" => max = number,
});
message!(ExponentialHistogramDataPoint, "dataPoints", {
    "attributes" => attributes = list, "startTimeUnixNano" => start_time_unix_nano = integer,
    "timeUnixNano" => time_unix_nano = integer, "count" => count = integer, "sum" => sum = number, "scale" => scale = integer,
    "zeroCount" => zero_count = integer, "positive" => positive = object, "negative" => negative = object,
    "exemplars" => exemplars = list, "flags" => flags = integer, "min" => min = number, "max" => max = number,
    "zeroThreshold" => zero_threshold = threshold,
});
message!(Buckets, "buckets", { "offset" => offset = integer, "bucketCounts" => bucket_counts = integers });

const METRIC: [&str; 8] =
    ["name", "description", "unit", "gauge", "sum", "histogram", "exponentialHistogram", "summary"];

impl Message for Metric {
    const NAME: &'static str = "metrics";

    fn member(&mut self, cursor: &mut Cursor<'_>, field: &str) -> Result<(), Broken> {
        let data = match field {
            "name" => return text(cursor, field).map(|name| self.name = name),
            "description" => return text(cursor, field).map(|description| self.description = description),
            "unit" => return text(cursor, field).map(|unit| self.unit = unit),
            "gauge" => object(cursor, field)?.map(Data::Gauge),
            "sum" => object(cursor, field)?.map(Data::Sum),
            "histogram" => object(cursor, field)?.map(Data::Histogram),
            "exponentialHistogram" => object(cursor, field)?.map(Data::ExponentialHistogram),
            "summary" => object(cursor, field)?.map(Data::Summary),
            _ => return unknown(cursor, field, &METRIC),
        };
        self.data = data.or(self.data.take());
        Ok(())
    }
}

const POINT: [&str; 7] = ["attributes", "startTimeUnixNano", "timeUnixNano", "exemplars", "flags", "asDouble", "asInt"];

impl Message for NumberDataPoint {
    const NAME: &'static str = "dataPoints";

    fn member(&mut self, cursor: &mut Cursor<'_>, field: &str) -> Result<(), Broken> {
        match field {
            "attributes" => self.attributes = list(cursor, field)?,
            "startTimeUnixNano" => self.start_time_unix_nano = integer(cursor, field)?,
            "timeUnixNano" => self.time_unix_nano = integer(cursor, field)?,
            "exemplars" => self.exemplars = list(cursor, field)?,
            "flags" => self.flags = integer(cursor, field)?,
            // A point with a value of each kind has the last of them.
            "asDouble" | "asInt" => {
                let value = number(cursor, field)?.map(number_data_point::Value::AsDouble);
                self.value = value.or(self.value.take());
            }
            _ => unknown(cursor, field, &POINT)?,
        }
        Ok(())
    }
}

const EXEMPLAR: [&str; 6] = ["filteredAttributes", "timeUnixNano", "spanId", "traceId", "asDouble", "asInt"];

impl Message for Exemplar {
    const NAME: &'static str = "exemplars";

    fn member(&mut self, cursor: &mut Cursor<'_>, field: &str) -> Result<(), Broken> {
        match field {
            "filteredAttributes" => self.filtered_attributes = list(cursor, field)?,
            "timeUnixNano" => self.time_unix_nano = integer(cursor, field)?,
            "spanId" => self.span_id = id(cursor, field)?,
            "traceId" => self.trace_id = id(cursor, field)?,
            "asDouble" | "asInt" => {
                let value = number(cursor, field)?.map(exemplar::Value::AsDouble);
                self.value = value.or(self.value.take());
            }
            _ => unknown(cursor, field, &EXEMPLAR)?,
        }
        Ok(())
    }
}

fn temporality(cursor: &mut Cursor<'_>, _: &str) -> Field<i32> {
    named(cursor, |name| Some(AggregationTemporality::from_str_name(name)? as i32))
}

fn threshold(cursor: &mut Cursor<'_>, what: &str) -> Field<f64> {
    Ok(number(cursor, what)?.unwrap_or_default())
}
