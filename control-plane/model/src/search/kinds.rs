//! What X-Ray calls types of services, as kinds of nodes here.

/// Services of AWS that are called, by X-Ray's name and by that of their API, which names their nodes.
const CALLED: [(&str, &str); 16] = [
    ("ApiGateway", "API Gateway"),
    ("ApiGatewayV2", "API Gateway"),
    ("DynamoDB", "DynamoDB"),
    ("SNS", "SNS"),
    ("SQS", "SQS"),
    ("S3", "S3"),
    ("SSM", "SSM"),
    ("STS", "STS"),
    ("KMS", "KMS"),
    ("SES", "SES"),
    ("Kinesis", "Kinesis"),
    ("Events", "EventBridge"),
    ("SecretsManager", "Secrets Manager"),
    ("StepFunctions", "SFN"),
    ("Cognito", "Cognito Identity Provider"),
    ("CloudWatch", "CloudWatch"),
];

/// The kind that a type means; none, if it is X-Ray's and nothing here is of it. What is not X-Ray's names a kind of ours.
pub(super) fn kind(given: &str) -> Option<&str> {
    let is = |text: &str| given.eq_ignore_ascii_case(text);
    if is("AWS::Lambda::Function") || is("AWS::Lambda") {
        return Some("service");
    }
    if is("client") {
        return Some("client");
    }
    // A host that sends no spans of its own.
    if is("remote") {
        return Some("HTTP");
    }
    let mut parts = given.split("::");
    match (parts.next(), parts.next()) {
        (Some(owner), Some(service)) if owner.eq_ignore_ascii_case("AWS") => {
            CALLED.iter().find(|(name, _)| name.eq_ignore_ascii_case(service)).map(|(_, kind)| *kind)
        }
        (Some(_), Some(_)) => None,
        _ => Some(given),
    }
}
