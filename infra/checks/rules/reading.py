"""What several checks read of a project: policies, dashboards, what is watched."""

import json

from cloudformation import as_list, statements

# Where a resource's own policy is.
HOLDERS = {
    "AWS::DynamoDB::Table": "ResourcePolicy",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::Logs::ResourcePolicy": "PolicyDocument",
    "AWS::XRay::ResourcePolicy": "PolicyDocument",
    "AWS::Oam::Sink": "Policy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SecretsManager::ResourcePolicy": "ResourcePolicy",
}


def as_json(text):
    """The value, or nothing where `embedded_json_parses` complains."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return None


def kind(stack, name):
    return stack.template["Resources"][name]["Type"]


def resource_statements(project, parameters=None):
    """Label, place and statement of each policy that is attached to a resource."""
    for label, stack, name, properties in project.resources(*HOLDERS, parameters=parameters):
        document = as_json(properties.get(HOLDERS[kind(stack, name)]))
        document = (document or {}).get("PolicyDocument", document)
        for index, statement in enumerate(statements(document or {})):
            yield label, f"{name}[{statement.get('Sid', index)}]", statement


def principals(statement):
    """Kind and value of each, such as `("Service", "sns.amazonaws.com")`."""
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        return [(kind, value) for kind, values in principal.items() for value in as_list(values)]
    return [("AWS", principal)]


def condition_values(statement, key):
    return [
        value
        for operator in statement.get("Condition", {}).values()
        for name, values in operator.items()
        if name.lower() == key.lower()
        for value in as_list(values)
    ]


def bucket_faults(stack, bucket):
    """How somebody could get at what is in a bucket who should not; it has a policy of its stack."""
    if not all(bucket.get("PublicAccessBlockConfiguration", {}).get(each) is True for each in (
        "BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets",
    )):  # fmt: skip
        yield "could be made public"
    if not bucket.get("BucketEncryption"):
        yield "does not say how it is encrypted"
    if bucket.get("VersioningConfiguration"):
        yield "keeps versions of what was erased"
    denied = [
        statement for _, policy in stack.resources("AWS::S3::BucketPolicy") for statement in policy["PolicyDocument"]["Statement"]
        if policy["Bucket"] == bucket["BucketName"] and statement["Effect"] == "Deny" and statement["Principal"] == "*" and as_list(statement["Action"]) == ["s3:*"]
        and condition_values(statement, "aws:SecureTransport") == ["false"]
    ]  # fmt: skip
    if not any(len(statement["Resource"]) == 2 for statement in denied):
        yield "is reached without TLS"


def widgets(project):
    for label, _, name, properties in project.resources("AWS::CloudWatch::Dashboard"):
        for widget in (as_json(properties["DashboardBody"]) or {}).get("widgets", []):
            yield label, name, widget


def watched(project):
    """Label, place, account and dimensions of each metric that an alarm or a dashboard reads."""
    for label, stack, name, properties in project.resources("AWS::CloudWatch::Alarm"):
        if "Dimensions" in properties:
            yield label, name, stack.account, {d["Name"]: d["Value"] for d in properties["Dimensions"]}
        for metric in properties.get("Metrics", []):
            stat = metric.get("MetricStat")
            if stat:
                dimensions = {d["Name"]: d["Value"] for d in stat["Metric"].get("Dimensions", [])}
                yield label, name, metric.get("AccountId", stack.account), dimensions
    for label, name, widget in widgets(project):
        for metric in widget["properties"].get("metrics", []):
            options = metric[-1] if isinstance(metric[-1], dict) else {}
            plain = [part for part in metric if isinstance(part, str)]
            yield label, name, options.get("accountId", ""), dict(zip(plain[2::2], plain[3::2]))


def existing(project):
    """What metrics are named after: by dimension, accounts and names."""
    known = {"QueueName": set(), "FunctionName": set(), "ApiName": set(), "CanaryName": set()}
    kinds = {"AWS::SQS::Queue": "QueueName", "AWS::Serverless::Function": "FunctionName", "AWS::Serverless::Api": "ApiName",
             "AWS::Synthetics::Canary": "CanaryName"}
    for _, stack, name, _ in project.resources(*kinds):
        known[kinds[kind(stack, name)]].add((stack.account, stack.name(name)))
    return known


def function_statements(properties):
    """What a function's inline policies say."""
    for policy in as_list(properties.get("Policies")):
        if isinstance(policy, dict):
            yield from statements(policy)
