"""Refusals of CloudWatch, its logs, OAM, X-Ray and Synthetics."""

import json
import re
import time

from ministack.core.responses import get_account_id
from ministack.services import cloudwatch, cloudwatch_logs, cognito, secretsmanager

from refusals import Refused, rule
from state import as_account, as_list, everywhere, resources, wanted

# When each link was made: metrics are shared only some time after.
_linked_at = {}


@rule("AWS::CloudWatch::Alarm", source="CloudWatch API, MetricDataQuery.AccountId; terraform-provider-aws #32436: Forbidden until the link works")
def alarms_need_a_working_link(resource):
    """Also asked for by PutMetricAlarm itself: `apis.py`."""
    for metric in resource.properties.get("Metrics") or []:
        other = metric.get("AccountId")
        if other and other != get_account_id() and not shares_metrics(other):
            raise Refused(f"One or more metrics in your request are Forbidden: {other} does not share metrics with this account")


def shares_metrics(source):
    """Whether a link from this account has worked for a while."""
    sinks = set(resources("AWS::Oam::Sink"))
    for account, link, properties in everywhere("AWS::Oam::Link"):
        if account == source and properties["SinkIdentifier"] in sinks and "AWS::CloudWatch::Metric" in properties["ResourceTypes"]:
            return time.monotonic() - _linked_at.setdefault(link, time.monotonic()) >= wanted("link_delay_seconds", 0)
    return False


@rule("AWS::Oam::Link", source="OAM API, CreateLink: the sink's policy must grant the source account")
def links_need_a_sink_that_lets_them(resource):
    wants, me = set(resource.properties["ResourceTypes"]), get_account_id()
    identifier = resource.properties["SinkIdentifier"]
    sink = resources("AWS::Oam::Sink", identifier.split(":")[4]).get(identifier)
    if sink is None:
        raise Refused(f"CreateLink: ResourceNotFoundException: there is no sink {identifier}")
    for statement in (sink.get("Policy") or {}).get("Statement", []):
        principal, condition = statement["Principal"], statement.get("Condition", {})
        who = ["*"] if principal == "*" else as_list(principal.get("AWS"))
        kinds = condition.get("ForAllValues:StringEquals", {}).get("oam:ResourceTypes", list(wants))
        accounts = as_list(condition.get("StringEquals", {}).get("aws:PrincipalAccount", me))
        if ("*" in who or me in who or any(f":{me}:" in each for each in who)) and me in accounts and wants <= set(kinds):
            return
    raise Refused("CreateLink: AccessDeniedException: the sink's policy does not let this account link")


@rule("AWS::Oam::Sink", on=("create",), source="OAM quotas: one sink per account and Region")
def one_sink(resource):
    if resources("AWS::Oam::Sink"):
        raise Refused("CreateSink: ConflictException: this account has a sink already")


@rule("AWS::Oam::Sink", on=("delete",), source="OAM API, DeleteSink: delete all links to it first")
def sinks_go_after_their_links(resource):
    left = sorted({account for account, _, link in everywhere("AWS::Oam::Link") if link["SinkIdentifier"] == resource.physical})
    if left:
        raise Refused(f"DeleteSink: ConflictException: {', '.join(left)} are still linked")


@rule("AWS::XRay::TransactionSearchConfig", source="CloudWatch User Guide, Transaction Search: a policy for xray.amazonaws.com comes first")
def transaction_search_needs_its_policy(resource):
    policies = list(resources("AWS::Logs::ResourcePolicy").values())
    if not any("xray.amazonaws.com" in json.dumps(policy) and "aws/spans" in json.dumps(policy) for policy in policies):
        raise Refused("UpdateTraceSegmentDestination: X-Ray has no permission to write to aws/spans")


@rule("AWS::CloudWatch::CompositeAlarm", source="CloudWatch API, PutCompositeAlarm: the alarms of the rule must exist")
def composites_need_their_children(resource):
    for name in re.findall(r'(?:ALARM|OK|INSUFFICIENT_DATA)\(\s*"?([^")]+?)"?\s*\)', resource.properties["AlarmRule"]):
        name = name.rsplit(":alarm:", 1)[-1]
        composites = {each.get("AlarmName") for each in resources("AWS::CloudWatch::CompositeAlarm").values()}
        if name not in cloudwatch._alarms and name not in composites:
            raise Refused(f"PutCompositeAlarm: ValidationError: the alarm {name} does not exist")


@rule("AWS::Logs::SubscriptionFilter", on=("create",), source="CloudWatch Logs quotas: two subscription filters of a log group")
def log_groups_take_two_filters(resource):
    group = cloudwatch_logs._log_groups.get(resource.properties["LogGroupName"]) or {}
    if len(group.get("subscriptionFilters") or {}) >= 2:
        raise Refused("PutSubscriptionFilter: LimitExceededException: Resource limit exceeded.")


@rule("AWS::Logs::SubscriptionFilter", source="CloudWatch Logs API, PutSubscriptionFilter: a stream is of the same account, is tried, and takes lines by a role")
def filters_need_a_stream_and_a_role(resource):
    stream = resource.properties["DestinationArn"]
    if ":firehose:" not in stream:
        return
    if stream.split(":")[4] != get_account_id() or stream.rsplit("/", 1)[1] not in resources("AWS::KinesisFirehose::DeliveryStream"):
        raise Refused("PutSubscriptionFilter: Could not deliver test message to specified Firehose stream. Check if the given Firehose stream is in ACTIVE state.")
    if not resource.properties.get("RoleArn"):
        raise Refused("PutSubscriptionFilter: InvalidParameterException: a role is required for a stream")


@rule("AWS::Synthetics::Canary", finding=True, source="infra/observability/canary signs in as a user of account A's pool")
def canaries_need_their_user(resource):
    """It would fail its first two periods, and deployments watch its alarm."""
    if str(resource.properties.get("StartCanaryAfterCreation")).lower() != "true":
        return
    variables = resource.properties["RunConfig"]["EnvironmentVariables"]
    secret = next((each for each in secretsmanager._secrets.values() if variables["SECRET_ARN"] in (each["ARN"], each["Name"])), None)
    if secret is None:
        raise Refused(f"there is no secret {variables['SECRET_ARN']}")
    version = next(each for each in secret["Versions"].values() if "AWSCURRENT" in each["Stages"])
    user = json.loads(version["SecretString"]).get("username")
    pool = _pool(variables["USER_POOL_ID"])
    if pool is None or user not in _names(pool):
        raise Refused(f"the canary's user {user} is not in the pool {variables['USER_POOL_ID']}: it would fail from its first run")


def _pool(pool_id):
    for account in {account for account, _, _ in everywhere("AWS::Cognito::UserPool")}:
        with as_account(account):
            if pool := cognito._user_pools.get(pool_id):
                return pool
    return None


def _names(pool):
    """User names and mail addresses of a pool."""
    for name, user in pool.get("_users", {}).items():
        yield name
        for attribute in user.get("Attributes", []):
            if attribute["Name"] == "email":
                yield attribute["Value"]
