//! A small picture for each kind of node, in a square of 12.

/// The path of a kind's picture.
pub(super) fn of(kind: &str) -> &'static str {
    match kind {
        // A person.
        "client" => "M6 1a2.4 2.4 0 1 1 0 4.8A2.4 2.4 0 1 1 6 1M1.4 11.2c0-6 9.2-6 9.2 0z",
        // A window.
        "browser" => "M1 1.8h10v8.4H1zM1 4.4h10M2.6 3.1h.1M4.2 3.1h.1",
        // A hexagon.
        "service" => "M6 .8 10.6 3.4v5.2L6 11.2 1.4 8.6V3.4z",
        // A gate.
        "API Gateway" => "M4 1.5 1 6l3 4.5M8 1.5 11 6 8 10.5M6.8 2 5.2 10",
        // A drum.
        "DynamoDB" | "S3" | "RDS" | "database" => {
            "M1.5 2.8c0-2.4 9-2.4 9 0v6.4c0 2.4-9 2.4-9 0zM1.5 2.8c0 2.4 9 2.4 9 0"
        }
        // One becomes several.
        "SNS" | "EventBridge" => "M1 6h4M5 6l5-4M5 6h5.5M5 6l5 4M8 1.8h2.2V4M8 10.2h2.2V8",
        // Things in a row.
        "SQS" | "Kinesis" | "DynamoDB Streams" => "M1 3.5h2.4v5H1zM4.8 3.5h2.4v5H4.8zM8.6 3.5H11v5H8.6z",
        // A globe.
        _ => "M6 1a5 5 0 1 1 0 10A5 5 0 1 1 6 1M1 6h10M6 1c-3.2 3-3.2 7 0 10M6 1c3.2 3 3.2 7 0 10",
    }
}
