"""What the emulator does not do between accounts: tables of others, subscriptions to topics of others; and the condition key that
fences tenants' items. `local/src/patches.rs` works around the same."""

import json
import re

import ministack.app as app
from ministack.core import iam_actions
from ministack.core.responses import get_account_id, new_uuid
from ministack.services import dynamodb, sns
from ministack.services.cloudformation import provisioners

from policies import denial
from refused_policies import has_aws_managed_key
from state import as_account, note, resources

ACTIONS = {"Put": "Item", "Update": "Key", "Delete": "Key", "ConditionCheck": "Key", "Get": "Key"}


def install():
    """Before handlers are wrapped."""
    subscribe = provisioners._RESOURCE_HANDLERS["AWS::SNS::Subscription"]
    provisioners._RESOURCE_HANDLERS["AWS::SNS::Subscription"] = {
        **subscribe, "create": _subscriptions(subscribe["create"]), "delete": _unsubscriptions(subscribe["delete"])
    }  # fmt: skip
    known = iam_actions.dynamodb_service_context

    def with_leading_keys(body):
        keys = leading_keys(json.loads(body or b"{}"))
        return {**known(body), **({"dynamodb:LeadingKeys": keys} if keys else {})}

    iam_actions.dynamodb_service_context = with_leading_keys
    dispatch = app._dispatch_service_request

    async def dispatched(method, path, headers, body, query, request_id):
        if headers.get("x-amz-target", "").startswith("DynamoDB_20120810."):
            answer = _elsewhere(headers, body)
            if answer and len(answer) == 3:
                return answer
            if answer:
                account, body = answer
                with as_account(account):
                    return await app.SERVICE_HANDLERS["dynamodb"](method, path, headers, body, query)
        return await dispatch(method, path, headers, body, query, request_id)

    app._dispatch_service_request = dispatched


# --- A topic of another account ------------------------------------------------------------------------------------------


def _subscriptions(create):
    def created(logical, properties, stack):
        owner, me = properties["TopicArn"].split(":")[4], get_account_id()
        with as_account(owner):
            physical, attributes = create(logical, properties, stack)
            subscription = sns._find_subscription(properties["TopicArn"], physical)
            subscription["owner"] = me
        return physical, attributes

    return created


def _unsubscriptions(delete):
    def deleted(physical, properties):
        with as_account(properties["TopicArn"].split(":")[4]):
            delete(physical, properties)

    return deleted


# --- A table of another account ------------------------------------------------------------------------------------------


def _elsewhere(headers, body):
    """Nothing for a table of the caller's own account; else an answer that denies, or the account and the body to go on with."""
    request = json.loads(body or b"{}")
    match = re.fullmatch(r"arn:aws:dynamodb:[a-z0-9-]+:(\d{12}):table/([^/]+)", str(request.get("TableName")))
    if not match or match[1] == get_account_id():
        return None
    account, table = match.groups()
    action, arn = f"dynamodb:{headers['x-amz-target'].split('.')[1]}", request["TableName"]
    properties = resources("AWS::DynamoDB::Table", account).get(table, {})
    policy = (properties.get("ResourcePolicy") or {}).get("PolicyDocument")
    context = {key.lower(): value for key, value in iam_actions.dynamodb_service_context(body).items()}
    if why := denial(_key(headers), action, arn, policy, **context):
        return _denied(why)
    if has_aws_managed_key(properties):
        note("refused", rule="aws_managed_key_across_accounts", error=arn)
        return _denied(f"The caller may not use the AWS-managed key that {arn} is encrypted with")
    return account, json.dumps({**request, "TableName": table}).encode()


def _key(headers):
    found = re.search(r"Credential=([^/,]+)/", headers.get("authorization", ""))
    return found[1] if found else ""


def _denied(message):
    body = {"__type": "com.amazon.coral.service#AccessDeniedException", "message": message, "Message": message}
    return 400, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-requestid": new_uuid()}, json.dumps(body).encode()


# --- The keys of a request -----------------------------------------------------------------------------------------------


def leading_keys(request):
    """The partition keys that a request names: `dynamodb:LeadingKeys`. None for a Scan, which names none."""
    keys = []
    for item in request.get("TransactItems") or []:
        keys += [_partition_key(each, each.get(ACTIONS[action])) for action, each in item.items()]
    for table, each in (request.get("RequestItems") or {}).items():
        if isinstance(each, dict):
            entries = each.get("Keys", [])
        else:
            entries = [entry.get("PutRequest", {}).get("Item") or entry.get("DeleteRequest", {}).get("Key") for entry in each]
        keys += [_partition_key({"TableName": table}, entry) for entry in entries]
    if "Key" in request or "Item" in request:
        keys.append(_partition_key(request, request.get("Key") or request.get("Item")))
    if condition := request.get("KeyConditionExpression"):
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        for name, value in re.findall(r"([#\w.-]+)\s*=\s*(:\w+)", condition):
            if names.get(name, name) == _hash_name(request):
                keys += list(values.get(value, {}).values())
    return [key for key in keys if key is not None]


def _partition_key(request, item):
    value = (item or {}).get(_hash_name(request))
    return next(iter(value.values())) if value else None


def _hash_name(request):
    table = dynamodb._tables.get(str(request.get("TableName")).rsplit("/", 1)[-1]) or {}
    schema = table.get("KeySchema", [])
    for index in [*(table.get("GlobalSecondaryIndexes") or []), *(table.get("LocalSecondaryIndexes") or [])]:
        if index["IndexName"] == request.get("IndexName"):
            schema = index["KeySchema"]
    return next((each["AttributeName"] for each in schema if each["KeyType"] == "HASH"), None)
