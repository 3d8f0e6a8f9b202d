//! What X-Ray calls types of services, as kinds of nodes here.

/// The kind that a type means, or `None` if it is X-Ray's and nothing here is of it. What is not X-Ray's names a kind of ours.
pub(super) fn kind(given: &str) -> Option<&str> {
    let lower = given.to_ascii_lowercase();
    // Services of AWS that are called have the name of their API.
    Some(match lower.split("::").collect::<Vec<_>>()[..] {
        ["client"] => "client",
        // A host that sends no spans of its own.
        ["remote"] => "HTTP",
        [_] => given,
        ["aws", "lambda"] | ["aws", "lambda", "function"] => "service",
        ["aws", "apigateway" | "apigatewayv2", ..] => "API Gateway",
        ["aws", "dynamodb", ..] => "DynamoDB",
        ["aws", "sns", ..] => "SNS",
        ["aws", "sqs", ..] => "SQS",
        ["aws", "s3", ..] => "S3",
        ["aws", "ssm", ..] => "SSM",
        ["aws", "sts", ..] => "STS",
        ["aws", "kms", ..] => "KMS",
        ["aws", "ses", ..] => "SES",
        ["aws", "kinesis", ..] => "Kinesis",
        ["aws", "events", ..] => "EventBridge",
        ["aws", "secretsmanager", ..] => "Secrets Manager",
        ["aws", "stepfunctions", ..] => "SFN",
        ["aws", "cognito", ..] => "Cognito Identity Provider",
        ["aws", "cloudwatch", ..] => "CloudWatch",
        _ => return None,
    })
}
