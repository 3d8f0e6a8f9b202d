"""What a stage leaves behind when its stacks are gone: what templates retain, and what services keep by themselves.

The list follows from the templates. A retained resource must be of a type in `RETAINED` and have a name that follows from the stage: without
that, neither a deployment over it nor `make purge` could find it (infra/checks has a check of that).
"""

from dataclasses import dataclass

from cloudformation import NO_VALUE, Stack

# Type -> the property that names it, which is also how CloudFormation's import identifies it; a user pool is found by name, imported by id.
RETAINED = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::Cognito::UserPool": "UserPoolName",
}
# Deleted with their stack, and there again when something is written late (log groups), or for some days still (secrets).
LINGERING = {"AWS::Logs::LogGroup": "LogGroupName", "AWS::SecretsManager::Secret": "Name"}
# What Synthetics makes for a canary, in account C: functions, layers and log groups whose names start so.
CANARY = "cwsyn-journey-{stage}-"


@dataclass(frozen=True)
class Leftover:
    """A resource that may be there without a stack."""

    stack: str
    logical: str
    kind: str
    name: str
    retained: bool


def of_template(stack, template, parameters, account):
    """What a stack with these parameters may leave, by its template."""
    resolved = Stack(template, parameters, account)
    for logical, properties in resolved.resources(*RETAINED, *LINGERING):
        resource = template["Resources"][logical]
        naming = (RETAINED | LINGERING)[resource["Type"]]
        retained = resource.get("DeletionPolicy", "Delete").startswith("Retain")
        if resource["Type"] in RETAINED and not retained:
            continue
        if properties.get(naming, NO_VALUE) is not NO_VALUE:
            yield Leftover(stack, logical, resource["Type"], properties[naming], retained)


def of_stage(config, accounts):
    """What the stage's stacks may leave, with everything turned on that a parameter could turn on."""
    for name, (account, _) in config.stacks.items():
        template = config.template(name)
        everything = {key: each["Default"] for key, each in template["Parameters"].items() if "Default" in each}
        on = {key: "true" for key, default in everything.items() if default == "false"}
        urls = {key: "https://x.invalid" for key in ("BookingApiUrl", "MileageApiUrl", "ControlPlaneIntakeUrl") if key in everything}
        modes = {"TenantIsolationMode": "function"} if "TenantIsolationMode" in everything else {}
        api = {"ApiName": name.split("-")[1]} if name.startswith("source-") else {}
        yield from of_template(name, template, {**everything, **on, **urls, **modes, **api, "Stage": config.stage}, accounts[account])


def identify(cloud, leftover):
    """The ids of what is there under that name: none, one, or (of user pools, whose names may repeat) several."""
    finder = {
        "AWS::DynamoDB::Table": table, "AWS::S3::Bucket": bucket, "AWS::Cognito::UserPool": user_pools, "AWS::Logs::LogGroup": log_group,
        "AWS::SecretsManager::Secret": secret,
    }[leftover.kind]  # fmt: skip
    return finder(cloud, leftover.stack, leftover.name)


def table(cloud, stack, name):
    client = cloud.client(stack, "dynamodb")
    try:
        return [client.describe_table(TableName=name)["Table"]["TableName"]]
    except client.exceptions.ResourceNotFoundException:
        return []


def bucket(cloud, stack, name):
    client = cloud.client(stack, "s3")
    try:
        client.head_bucket(Bucket=name)
    except client.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return []
        raise
    return [name]


def user_pools(cloud, stack, name):
    pages = cloud.client(stack, "cognito-idp").get_paginator("list_user_pools").paginate(MaxResults=60)
    return [pool["Id"] for page in pages for pool in page["UserPools"] if pool["Name"] == name]


def log_group(cloud, stack, name):
    groups = cloud.client(stack, "logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return [group["logGroupName"] for group in groups if group["logGroupName"] == name]


def secret(cloud, stack, name):
    client = cloud.client(stack, "secretsmanager")
    try:
        return [client.describe_secret(SecretId=name)["ARN"]]
    except client.exceptions.ResourceNotFoundException:
        return []
