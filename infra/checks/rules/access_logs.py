"""Refused requests come from each access log to the control plane: refusals alone, as the account that refused them; what was not taken is seen, and soon forgotten."""

import fnmatch
import json
import re

from project import EVERYTHING, LEAST, REGION

from .reading import bucket_faults, condition_values
from .registered import check

INTAKE = f"{EVERYTHING['ControlPlaneIntakeUrl']}/v1/access-logs"
# `{ $.status = "4*" }`: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
PATTERN = re.compile(r'\{ \$\.(\w+) = "([^"]*)" \}')
REFUSED, OTHERS = ("400", "401", "403", "404", "413", "415", "429"), ("200", "201", "302", "500", "502", "504")
# An undelivered line has a caller's whole address, and the control plane takes no line that is older than a day.
KEPT_DAYS = 7


def streams(project, parameters=None):
    """Label, stack, logical name and properties of each stream that delivers to the control plane."""
    for label, stack, name, properties in project.resources("AWS::KinesisFirehose::DeliveryStream", parameters=parameters):
        if "HttpEndpointDestinationConfiguration" in properties:
            yield label, stack, name, properties


def stream_arns(project):
    """Account -> the ARN of its stream to the control plane."""
    return {stack.account: f"arn:aws:firehose:{REGION}:{stack.account}:deliverystream/{properties['DeliveryStreamName']}" for _, stack, _, properties in streams(project)}


def formats(stack):
    """Log group's logical name -> what is written of a request."""
    found = {}
    for _, api in stack.resources("AWS::Serverless::Api"):
        setting = api.get("AccessLogSetting", {})
        if group := re.search(r"log-group:<(\w+)>$", setting.get("DestinationArn", "")):
            found[group[1]] = json.loads(setting["Format"])
    return found


@check
def refusals_come_to_the_control_plane(project):
    arns = stream_arns(project)
    for label, stack, group, properties in project.resources("AWS::Logs::LogGroup"):
        sent = [(name, each) for name, each in stack.resources("AWS::Logs::SubscriptionFilter")
                if each["LogGroupName"] == f"<{group}>" and each["DestinationArn"] == arns.get(stack.account)]  # fmt: skip
        if not properties["LogGroupName"].startswith("/aws/apigateway/"):
            for name, _ in sent:
                yield f"{label} {name}: {group} is no access log"
            continue
        if len(sent) != 1:
            yield f"{label} {group}: {len(sent)} filters to the control plane, not one"
        for name, each in sent:
            pattern = PATTERN.fullmatch(each["FilterPattern"])
            if not pattern or formats(stack).get(group, {}).get(pattern[1]) != "$context.status":
                yield f"{label} {name}: {each['FilterPattern']!r} does not ask for the status"
                continue
            for status in REFUSED + OTHERS:
                if fnmatch.fnmatchcase(status, pattern[2]) != (status in REFUSED):
                    yield f"{label} {name}: {'leaves' if status in REFUSED else 'takes'} a request that was answered {status}"
            if each.get("ApplyOnTransformedLogs"):
                yield f"{label} {name}: the control plane would hash networks, not addresses"
            if not each.get("RoleArn"):
                yield f"{label} {name}: no role puts lines into the stream"


@check
def without_a_control_plane_refusals_stay(project):
    for label, _, name, _ in streams(project, LEAST):
        yield f"{label} {name}: is there without a control plane"
    for label, _, name, properties in project.resources("AWS::Logs::SubscriptionFilter", parameters={**LEAST, "AccessLogs": "true"}):
        if properties["LogGroupName"] == "<ApiAccessLogs>":
            yield f"{label} {name}: is there without a control plane"


@check
def the_control_plane_knows_who_delivers(project):
    """By a key that nobody typed, over TLS, in the one form that its intake reads; for as long as Firehose tries."""
    found = list(streams(project))
    if {stack.account for _, stack, _, _ in found} != {stack.account for _, stack, _, _ in project.resources("AWS::Serverless::Api")}:
        yield "not each account that has an API has a stream to the control plane, or another has one"
    for label, stack, name, properties in found:
        where, to = f"{label} {name}", properties["HttpEndpointDestinationConfiguration"]
        if to["EndpointConfiguration"].get("Url") != INTAKE:
            yield f"{where}: delivers to {to['EndpointConfiguration'].get('Url')}"
        if "AccessKey" in to["EndpointConfiguration"]:
            yield f"{where}: its key is in the template"
        secrets = {stack.arn(secret): made for secret, made in stack.resources("AWS::SecretsManager::Secret")}
        key = to.get("SecretsManagerConfiguration", {})
        generated = secrets.get(key.get("SecretARN"), {}).get("GenerateSecretString", {})
        # https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html: {"api_key": "..."}
        if key.get("Enabled") is not True or generated.get("GenerateStringKey") != "api_key" or int(generated.get("PasswordLength", 0)) < 32:
            yield f"{where}: no key, or none that Firehose reads"
        if to.get("RequestConfiguration", {}).get("ContentEncoding") != "GZIP":
            yield f"{where}: sends what could be packed unpacked"
        # Of a delivery that is too large nothing is kept; the intake takes 16 MiB.
        if not 1 <= int(to.get("BufferingHints", {}).get("SizeInMBs", 5)) <= 4:
            yield f"{where}: a delivery may be larger than the intake takes"
        if int(to.get("RetryOptions", {}).get("DurationInSeconds", 300)) != 7200:
            yield f"{where}: gives up sooner than it must"
        if to.get("ProcessingConfiguration", {}).get("Enabled"):
            yield f"{where}: changes batches, which the intake reads as CloudWatch Logs makes them"
        if properties.get("DeliveryStreamType") != "DirectPut" or not properties.get("DeliveryStreamEncryptionConfigurationInput"):
            yield f"{where}: does not say how what waits is encrypted"


@check
def what_was_not_delivered_is_closed_and_forgotten(project):
    for label, stack, name, properties in streams(project):
        to = properties["HttpEndpointDestinationConfiguration"]
        kept = to.get("S3Configuration", {})
        if to.get("S3BackupMode") != "FailedDataOnly":
            yield f"{label} {name}: keeps what the control plane took, too"
        buckets = {stack.arn(bucket): (bucket, made) for bucket, made in stack.resources("AWS::S3::Bucket")}
        if kept.get("BucketARN") not in buckets:
            yield f"{label} {name}: what was not taken goes to {kept.get('BucketARN')}"
            continue
        bucket, made = buckets[kept["BucketARN"]]
        for fault in bucket_faults(stack, made):
            yield f"{label} {bucket}: {fault}"
        days = [rule["ExpirationInDays"] for rule in made.get("LifecycleConfiguration", {}).get("Rules", [])
                if rule["Status"] == "Enabled" and "ExpirationInDays" in rule and not rule.get("Prefix")]  # fmt: skip
        if not days or min(days) > KEPT_DAYS:
            yield f"{label} {bucket}: keeps addresses for {min(days, default='ever')} days"


@check
def roles_of_streams_are_taken_for_this_account_alone(project):
    """A service that takes a role must say for which account; else another account's stream or log group would write by it."""
    for label, stack, name, role in project.resources("AWS::IAM::Role"):
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            service = statement["Principal"].get("Service") if isinstance(statement["Principal"], dict) else None
            # at_rest.py asks about the role that takes lines of other accounts.
            if service not in ("firehose.amazonaws.com", "logs.amazonaws.com") or (label, name) == ("logs", "DestinationRole"):
                continue
            if condition_values(statement, "aws:SourceAccount") != [stack.account]:
                yield f"{label} {name}: {service} takes it for any account"
            sources = condition_values(statement, "aws:SourceArn")
            if not sources or any(f":{stack.account}:" not in source for source in sources):
                yield f"{label} {name}: {service} takes it for any source"


@check
def what_the_control_plane_does_not_take_is_seen(project):
    for label, stack, name, properties in streams(project):
        alarms = [(each.get("MetricName"), {d["Name"]: d["Value"] for d in each.get("Dimensions", [])}) for _, each in stack.resources("AWS::CloudWatch::Alarm")]
        if not any(metric == "DeliveryToHttpEndpoint.DataFreshness" and dimensions == {"DeliveryStreamName": f"<{name}>"} for metric, dimensions in alarms):
            yield f"{label} {name}: no alarm is on lines that wait"
        for _, bucket in stack.resources("AWS::S3::Bucket"):
            measured = {each["Id"] for each in bucket.get("MetricsConfigurations", []) if "Prefix" not in each}
            seen = {dimensions.get("FilterId") for metric, dimensions in alarms if metric == "PutRequests" and dimensions.get("BucketName") == bucket["BucketName"]}
            if not measured & seen:
                yield f"{label} {name}: no alarm is on what was not taken"
