"""What a stage has left once its stacks are gone: listed with its size, and deleted where asked to."""

import os
import sys
from dataclasses import dataclass
from typing import Callable

from . import leftovers
from .progress import say

NEEDS_A_THIRD_WORD = "prod"


@dataclass
class Item:
    """Something that is there, how much it is, and what deletes it (nothing, where AWS does by itself)."""

    account: str
    what: str
    name: str
    size: str
    delete: Callable | None = None


def purge(cloud):
    accounts = {name: cloud.client(name, "sts").get_caller_identity()["Account"] for name in cloud.config.accounts}
    there = [cloud.config.stack_name(name) for name in cloud.config.stacks if cloud.find(name)]
    items = inventory(cloud, accounts)
    for item in items:
        say(f"  {item.account}  {item.what:10} {item.name:60} {item.size}")
    say(f"{len(items)} resources of {cloud.stage}, without aws/spans, which all stages of an account share")
    if there:
        say(f"its stacks are still there ({', '.join(there)}): `make destroy STAGE={cloud.stage} YES=1` comes first")
        if os.environ.get("YES") == "1":
            sys.exit(1)
        return
    if not items:
        return
    words = f"YES=1 PURGE={cloud.stage}" + (f" REALLY={cloud.stage}" if cloud.stage == NEEDS_A_THIRD_WORD else "")
    if not confirmed(cloud.stage, os.environ):
        say(f"nothing was deleted. This cannot be undone; to delete it all add {words}")
        if os.environ.get("YES") == "1":
            sys.exit(1)
        return
    for item in items:
        if item.delete:
            item.delete()
            say(f"  deleted {item.what} {item.name}")


def confirmed(stage, environment):
    """Twice by name, and a third time for production."""
    twice = environment.get("YES") == "1" and environment.get("PURGE") == stage
    return twice and (stage != NEEDS_A_THIRD_WORD or environment.get("REALLY") == stage)


def inventory(cloud, accounts):
    """All that is there, account by account."""
    from botocore.exceptions import BotoCoreError, ClientError

    items = []
    for left in leftovers.of_stage(cloud.config, accounts):
        account = accounts[cloud.config.stacks[left.stack][0]]
        for identifier in leftovers.identify(cloud, left):
            items.append(DESCRIBE[left.kind](cloud, left, identifier, account))
    for look in (canary, keys):
        try:
            items += look(cloud, accounts)
        except (BotoCoreError, ClientError) as error:
            say(f"  could not look at {look.__doc__.split(':')[0]}: {error}")
    return items


def table(cloud, left, name, account):
    client = cloud.client(left.stack, "dynamodb")
    found = client.describe_table(TableName=name)["Table"]

    def delete():
        if found.get("DeletionProtectionEnabled"):
            client.update_table(TableName=name, DeletionProtectionEnabled=False)
        client.delete_table(TableName=name)
        client.get_waiter("table_not_exists").wait(TableName=name)

    return Item(account, "table", name, f"{found.get('ItemCount', 0)} items, {size(found.get('TableSizeBytes', 0))} as of some hours ago", delete)


def bucket(cloud, left, name, account):
    client = cloud.client(left.stack, "s3")
    versions = [each for page in client.get_paginator("list_object_versions").paginate(Bucket=name) for each in page.get("Versions", [])]

    def delete():
        for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if found:
                listed = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                refused = client.delete_objects(Bucket=name, Delete={"Objects": listed, "Quiet": True}).get("Errors")
                if refused:
                    sys.exit(f"{name}: {refused[0]['Key']} could not be deleted: {refused[0].get('Message')}")
        client.delete_bucket(Bucket=name)

    return Item(account, "bucket", name, f"{len(versions)} object versions, {size(sum(each['Size'] for each in versions))}", delete)


def user_pool(cloud, left, identifier, account):
    client = cloud.client(left.stack, "cognito-idp")
    found = client.describe_user_pool(UserPoolId=identifier)["UserPool"]

    def delete():
        if found.get("Domain"):
            client.delete_user_pool_domain(UserPoolId=identifier, Domain=found["Domain"])
        client.delete_user_pool(UserPoolId=identifier)

    return Item(account, "user pool", f"{left.name} ({identifier})", f"about {found.get('EstimatedNumberOfUsers', 0)} users", delete)


def log_group(cloud, left, name, account):
    return of_group(cloud.client(left.stack, "logs"), name, account)


def of_group(client, name, account):
    groups = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    stored = sum(group.get("storedBytes", 0) for group in groups if group["logGroupName"] == name)
    return Item(account, "log group", name, size(stored), lambda: client.delete_log_group(logGroupName=name))


def secret(cloud, left, arn, account):
    client = cloud.client(left.stack, "secretsmanager")
    return Item(account, "secret", left.name, "", lambda: client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True))


DESCRIBE = {
    "AWS::DynamoDB::Table": table, "AWS::S3::Bucket": bucket, "AWS::Cognito::UserPool": user_pool, "AWS::Logs::LogGroup": log_group,
    "AWS::SecretsManager::Secret": secret,
}  # fmt: skip


def canary(cloud, accounts):
    """What Synthetics made for the canary: its function, layers and log groups."""
    prefix, account = leftovers.CANARY.format(stage=cloud.stage), accounts["observability"]
    functions, logs = cloud.client("observability", "lambda"), cloud.client("observability", "logs")
    for page in functions.get_paginator("list_functions").paginate():
        for each in page["Functions"]:
            if each["FunctionName"].startswith(prefix):
                name = each["FunctionName"]
                yield Item(account, "function", name, size(each.get("CodeSize", 0)), lambda name=name: functions.delete_function(FunctionName=name))
    for page in functions.get_paginator("list_layers").paginate():
        for each in page["Layers"]:
            if each["LayerName"].startswith(prefix):
                name, version = each["LayerName"], each["LatestMatchingVersion"]["Version"]
                delete = lambda name=name, version=version: functions.delete_layer_version(LayerName=name, VersionNumber=version)  # noqa: E731
                yield Item(account, "layer", name, f"version {version}", delete)
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/lambda/{prefix}"):
        for group in page["logGroups"]:
            yield of_group(logs, group["logGroupName"], account)


def keys(cloud, accounts):
    """Keys of the stage: CloudFormation tags them, and a deleted one waits for its last day by itself."""
    for name, account in accounts.items():
        client = cloud.client(name, "kms")
        for page in client.get_paginator("list_keys").paginate():
            for each in page["Keys"]:
                key = client.describe_key(KeyId=each["KeyId"])["KeyMetadata"]
                if key.get("KeyManager") != "CUSTOMER":
                    continue
                tags = {tag["TagKey"]: tag["TagValue"] for tag in client.list_resource_tags(KeyId=each["KeyId"]).get("Tags", [])}
                stack = tags.get("aws:cloudformation:stack-name", "")
                if tags.get("stage") != cloud.stage or not stack.startswith(f"airline-{cloud.stage}-"):
                    continue
                if key["KeyState"] == "PendingDeletion":
                    yield Item(account, "key", each["KeyId"], f"is deleted by itself on {key.get('DeletionDate', 'its last day'):%Y-%m-%d}")
                else:
                    delete = lambda client=client, id=each["KeyId"]: client.schedule_key_deletion(KeyId=id, PendingWindowInDays=7)  # noqa: E731
                    yield Item(account, "key", each["KeyId"], key.get("Description", ""), delete)


def size(count):
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return ""
