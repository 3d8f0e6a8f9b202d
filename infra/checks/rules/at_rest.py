"""Logs at rest: every log group's lines come to account C's bucket, masked, and only theirs do; its table finds them; nobody else reads them."""

import json
import re

from cloudformation import as_list
from project import EVERYTHING, LEAST, OBSERVABILITY, STAGE
from project_file import ROOT

from .access_logs import stream_arns
from .reading import as_json, bucket_faults, condition_values, kind, principals
from .registered import check

# Log groups whose lines stay where they are, and why.
NOT_AT_REST = {
    ("logs", "StreamLogs"): "a failing stream would feed on its own failures",
    ("source-account (booking)", "AccessLogsStreamLogs"): "alarms tell what is in it",
    ("source-account (mileage)", "AccessLogsStreamLogs"): "alarms tell what is in it",
}
# What is masked wherever a function writes; a custom identifier is known by its regular expression.
MASKED = {"AwsSecretKey", "EmailAddress", "IpAddress", "Token"}
# What API Gateway's access log may say of a request: none of it is a caller's to choose but method and route, and none says who it was, but for the
# address, of which the network alone comes to rest.
SAID = {
    "requestTimeEpoch", "requestId", "integration.requestId", "xrayTraceId", "httpMethod", "resourcePath", "status", "responseLatency", "integrationLatency", "integrationStatus",
    "waf.status", "error.responseType",
}  # fmt: skip
QUERIES = ROOT / "infra/logs/queries"


def at_rest(project):
    """The stack that keeps logs."""
    return next(stack for label, stack in project.stacks() if label == "logs")


def one(project, resource_type):
    """The only resource of a type in that stack: its name and properties."""
    (found,) = at_rest(project).resources(resource_type)
    return found


def groups(project, parameters=None):
    """Label, stack, logical name and properties of each log group."""
    return project.resources("AWS::Logs::LogGroup", parameters=parameters)


def service(log_group):
    """What a partition is called: the log group's last part without the stage."""
    return log_group.rsplit("/", 1)[-1].removesuffix(f"-{STAGE}")


@check
def every_log_group_comes_to_rest(project):
    """Whole, at the destination of account C, or by its stream where it is that account's."""
    stack = at_rest(project)
    destination = f"arn:aws:logs:eu-west-1:{OBSERVABILITY}:destination:{one(project, 'AWS::Logs::Destination')[1]['DestinationName']}"
    stream = stack.resolve({"Fn::GetAtt": ["LogsStream", "Arn"]})
    sent, to_the_control_plane = {}, stream_arns(project)
    for label, of, name, properties in project.resources("AWS::Logs::SubscriptionFilter"):
        where = f"{label} {name}"
        if properties["DestinationArn"] == to_the_control_plane.get(of.account):
            continue
        if properties.get("FilterPattern") != "":
            yield f"{where}: some lines stay behind"
        group = properties["LogGroupName"]
        if group.startswith("<"):
            group = dict(of.resources())[group.strip("<>")]["LogGroupName"]
        sent.setdefault((of.account, group), set()).add(where)
        expected = stream if of.account == OBSERVABILITY else destination
        if properties["DestinationArn"] != expected:
            yield f"{where}: sends lines to {properties['DestinationArn']}"
        if (of.account == OBSERVABILITY) != ("RoleArn" in properties):
            yield f"{where}: a stream of the same account is put to by a role, a destination by its own"
    for label, of, name, properties in groups(project):
        found = sent.pop((of.account, properties["LogGroupName"]), set())
        if (label, name) in NOT_AT_REST:
            if found:
                yield f"{label} {name}: comes to rest, though {NOT_AT_REST[label, name]}"
        elif len(found) != 1:
            yield f"{label} {name}: {len(found)} subscription filters, not one"
    for (account, group), found in sent.items():
        yield f"{', '.join(sorted(found))}: account {account} has no log group {group}"


@check
def without_a_destination_lines_stay(project):
    for label, of, name, _ in project.resources("AWS::Logs::SubscriptionFilter", parameters=LEAST):
        if of.account != OBSERVABILITY:
            yield f"{label} {name}: is there without a destination"


@check
def what_comes_to_rest_is_masked(project):
    for label, _, name, properties in groups(project):
        if (label, name) in NOT_AT_REST:
            continue
        if properties["LogGroupName"].startswith("/aws/apigateway/"):
            continue
        policy = properties.get("DataProtectionPolicy") or {}
        found = {each["Sid"]: each for each in policy.get("Statement", [])}
        identifiers = [each.get("DataIdentifier", []) for each in found.values()]
        names = {each.rsplit("/", 1)[-1] for each in (identifiers or [[]])[0]}
        if names != MASKED:
            yield f"{label} {name}: {', '.join(sorted(names ^ MASKED))} is masked or not, otherwise than elsewhere"
        if len(identifiers) != 2 or identifiers[0] != identifiers[1]:
            yield f"{label} {name}: what is found is not what is masked"
        operations = [next(iter(each.get("Operation", {"": None}))) for each in found.values()]
        if operations != ["Audit", "Deidentify"]:
            yield f"{label} {name}: finds and masks by {operations}"
        if custom_identifiers(policy) != {"Token": token(project)}:
            yield f"{label} {name}: knows a token otherwise than elsewhere"
    for each in re.findall(r"[()]|\\[^\\]", token(project)):
        yield f"CloudWatch Logs takes no {each} in the regular expression of a custom identifier"


def custom_identifiers(policy):
    return {each["Name"]: each["Regex"] for each in policy.get("Configuration", {}).get("CustomDataIdentifier", [])}


def token(project):
    """The regular expression by which tokens are known: that of slo-evaluator's log group."""
    policy = next(properties for label, _, name, properties in groups(project) if name == "SloEvaluatorLogs").get("DataProtectionPolicy", {})
    return custom_identifiers(policy).get("Token", "")


@check
def access_logs_say_nothing_of_a_caller(project):
    """They are not masked, which costs by the gigabyte: there is nothing in them to mask but the address, which a transformer shortens."""
    for label, stack, name, properties in project.resources("AWS::Serverless::Api", parameters={**EVERYTHING, "TenantIsolationMode": "function"}):
        log = properties.get("AccessLogSetting", {}).get("Format", "{}")
        for said in re.findall(r"\$context\.([A-Za-z.]+)", log):
            if said not in SAID | {"identity.sourceIp"}:
                yield f"{label} {name}: its access log says {said}, which comes to rest"
        for field in re.findall(r'"(\w+)":"\$context\.identity\.sourceIp"', log):
            for address, network in NETWORKS.items():
                if (found := transformed(stack, field, address)) != network:
                    yield f"{label} {name}: of {address} in {field}, {found} comes to rest and not {network}"


# Addresses as API Gateway writes them, and what of each may come to rest.
NETWORKS = {
    "192.0.2.17": "192.0.2.0/24", "203.0.113.255": "203.0.113.0/24", "::ffff:192.0.2.17": "192.0.2.0/24", "2001:db8:85a3:8d3:1319:8a2e:370:7348": "2001:db8:85a3::/48",
    "2001:db8:85a3::1": "2001:db8:85a3::/48", "2001:db8::1": "2001:db8::/48", "2001:DB8::1:2:3": "2001:DB8::/48", "fe80::1": "fe80::/48", "::1": "::/48", "-": "-",
}  # fmt: skip


def transformed(stack, field, value):
    """What comes to rest of a field of the access log: its subscription filter takes lines as the log group's transformer made them."""
    resources = dict(stack.resources())
    filters = [each for name, each in resources.items() if kind(stack, name) == "AWS::Logs::SubscriptionFilter" and each["LogGroupName"] == "<ApiAccessLogs>"
               and ":destination:" in each["DestinationArn"]]  # fmt: skip
    if not all(each.get("ApplyOnTransformedLogs") is True for each in filters):
        return value
    for name, transformer in resources.items():
        if kind(stack, name) == "AWS::Logs::Transformer" and transformer["LogGroupIdentifier"] == "<ApiAccessLogs>":
            for entry in (each for processor in transformer["TransformerConfig"] for each in processor.get("SubstituteString", {}).get("Entries", [])):
                if entry["Source"] == field:
                    value = re.sub(entry["From"], re.sub(r"\$(\d)", r"\\g<\1>", entry["To"]), value)
    return value


@check
def only_the_stages_accounts_send_logs(project):
    name, properties = one(project, "AWS::Logs::Destination")
    accounts = set(EVERYTHING["SourceAccountIds"].split(","))
    for statement in (as_json(properties["DestinationPolicy"]) or {"Statement": [{}]})["Statement"]:
        if {value for _, value in principals(statement)} != accounts or as_list(statement.get("Action")) != ["logs:PutSubscriptionFilter"]:
            yield f"logs {name}: others may subscribe, or these may do more"
    trusted = at_rest(project).template["Resources"]["DestinationRole"]["Properties"]["AssumeRolePolicyDocument"]
    sources = {source for statement in at_rest(project).resolve(trusted)["Statement"] for source in condition_values(statement, "aws:SourceArn")}
    if sources != {f"arn:*:logs:*:{account}:*" for account in accounts | {OBSERVABILITY}}:
        yield f"logs DestinationRole: hands over for {', '.join(sorted(sources)) or 'everybody'}"


@check
def lines_at_rest_are_closed_and_forgotten(project):
    stack = at_rest(project)
    name, bucket = one(project, "AWS::S3::Bucket")
    for fault in bucket_faults(stack, bucket):
        yield f"logs {name}: {fault}"
    forgotten = {rule.get("Prefix"): rule.get("ExpirationInDays") for rule in bucket["LifecycleConfiguration"]["Rules"] if rule["Status"] == "Enabled"}
    for prefix in ("logs/", "errors/", "results/"):
        if not forgotten.get(prefix):
            yield f"logs {name}: keeps {prefix} for ever"
    if stack.parameters["KeepDays"] != forgotten.get("logs/"):
        yield f"logs {name}: KeepDays is not how long lines are kept"


@check
def what_firehose_cannot_write_is_seen(project):
    stack = at_rest(project)
    bucket_name, bucket = one(project, "AWS::S3::Bucket")
    prefix = destination(project)["ErrorOutputPrefix"].split("!")[0]
    measured = {each["Id"] for each in bucket.get("MetricsConfigurations", []) if each.get("Prefix") == prefix}
    alarms = [(properties["MetricName"], {each["Name"]: each["Value"] for each in properties["Dimensions"]}) for _, properties in stack.resources("AWS::CloudWatch::Alarm")]
    seen = {dimensions.get("FilterId") for metric, dimensions in alarms if metric == "PutRequests" and dimensions["BucketName"] == bucket["BucketName"]}
    if not measured & seen:
        yield f"logs {bucket_name}: no alarm is on what Firehose writes to {prefix}"
    if not any(metric == "DeliveryToS3.DataFreshness" for metric, _ in alarms):
        yield "logs LogsStream: no alarm is on lines that wait"


@check
def what_is_not_taken_is_seen(project):
    """Lines that CloudWatch Logs cannot hand over never come to Firehose: an alarm in each account that sends some looks at what its filters are called."""
    for label, of, name, properties in project.resources("AWS::Logs::SubscriptionFilter"):
        if of.account == OBSERVABILITY:
            continue
        watched = [metric.get("Expression", "") for _, other, _, alarm in project.resources("AWS::CloudWatch::Alarm") if other.account == of.account
                   for metric in alarm.get("Metrics", [])]  # fmt: skip
        for metric in ("DeliveryErrors", "DeliveryThrottling"):
            if not any(f"SUM({metric})" in each and f"FilterName = '{properties.get('FilterName')}'" in each for each in watched):
                yield f"{label} {name}: no alarm is on its {metric}"


def destination(project):
    return one(project, "AWS::KinesisFirehose::DeliveryStream")[1]["ExtendedS3DestinationConfiguration"]


def processors(project):
    """Type and parameters of each, in their order."""
    configuration = destination(project)["ProcessingConfiguration"]
    return [(each["Type"], {p["ParameterName"]: p["ParameterValue"] for p in each["Parameters"]}) for each in configuration["Processors"]]


@check
def the_table_finds_what_firehose_writes(project):
    name, table = one(project, "AWS::Glue::Table")
    table = table["TableInput"]
    keys, parameters, written = [each["Name"] for each in table["PartitionKeys"]], table["Parameters"], destination(project)
    bucket = one(project, "AWS::S3::Bucket")[1]["BucketName"]
    expected = re.sub(r"!\{partitionKeyFromQuery:(\w+)\}", r"${\1}", written["Prefix"])
    if parameters.get("storage.location.template") != f"s3://{bucket}/{expected}":
        yield f"logs {name}: looks at {parameters.get('storage.location.template')}, and Firehose writes {written['Prefix']}"
    if re.findall(r"(\w+)=!", written["Prefix"]) != keys or keys != ["account", "service", "day"]:
        yield f"logs {name}: is partitioned by {keys}, and Firehose by {written['Prefix']}"
    if written["ErrorOutputPrefix"].startswith(written["Prefix"].split("!")[0].split("/")[0] + "/"):
        yield f"logs {name}: reads what Firehose could not read"
    if [each for each, _ in processors(project)] != ["Decompression", "MetadataExtraction", "AppendDelimiterToRecord"]:
        yield "logs LogsStream: a batch is to be decompressed, partitioned and ended by a line's end, in this order"
    if parameters.get("projection.enabled") != "true" or any(f"projection.{key}.type" not in parameters for key in keys):
        yield f"logs {name}: partitions are not computed"
    # What an erasure wrote anew is kept for longer than what was not.
    if not re.fullmatch(r"20\d\d-\d\d-\d\d,NOW", parameters.get("projection.day.range", "")):
        yield f"logs {name}: does not look for every day that may be kept"
    at_rest_too = [(of.account, service(properties["LogGroupName"])) for label, of, logical, properties in groups(project) if (label, logical) not in NOT_AT_REST]
    for key, wanted in (("account", {account for account, _ in at_rest_too}), ("service", {each for _, each in at_rest_too})):
        listed = parameters.get(f"projection.{key}.values", "").split(",")
        for missing in sorted(wanted - set(listed)):
            yield f"logs {name}: no {key} is {missing}, whose lines come to rest"


@check
def only_people_of_the_account_read_lines(project):
    """Whoever is named of another account takes no role that reads them."""
    for name, role in at_rest(project).resources("AWS::IAM::Role"):
        for statement in as_list(role["AssumeRolePolicyDocument"]["Statement"]):
            accounts = condition_values(statement, "aws:PrincipalAccount")
            if "AWS" in statement["Principal"] and set(accounts) != {OBSERVABILITY}:
                yield f"logs {name}: is taken from accounts {sorted(accounts)}"


@check
def a_query_reads_no_more_than_it_may(project):
    stack = at_rest(project)
    name, group = one(project, "AWS::Athena::WorkGroup")
    configuration, bucket = group["WorkGroupConfiguration"], one(project, "AWS::S3::Bucket")[1]["BucketName"]
    if configuration.get("EnforceWorkGroupConfiguration") is not True:
        yield f"logs {name}: a caller's own settings win"
    if configuration.get("BytesScannedCutoffPerQuery") != stack.parameters["BytesPerQuery"]:
        yield f"logs {name}: a query reads as much as it likes"
    result = configuration.get("ResultConfiguration", {})
    if result.get("OutputLocation") != f"s3://{bucket}/results/" or not result.get("EncryptionConfiguration"):
        yield f"logs {name}: answers are kept elsewhere, or not encrypted"


@check
def named_queries_are_those_of_the_files(project):
    files = {path.stem: path.read_text() for path in sorted(QUERIES.glob("*.sql"))}
    stack, found = at_rest(project), {}
    for name, properties in stack.resources("AWS::Athena::NamedQuery"):
        found[properties["Name"]] = properties["QueryString"]
        if (properties["WorkGroup"], properties["Database"]) != ("<LogsWorkGroup>", "<Database>"):
            yield f"logs {name}: asks in {properties['WorkGroup']}, of {properties['Database']}"
    for name in sorted(found.keys() ^ files.keys()):
        yield f"infra/logs: {name} is a file or a named query, and not both"
    for name in sorted(found.keys() & files.keys()):
        if found[name] != files[name]:
            yield f"infra/logs: {name} is another query in the template than in its file"


@check
def nothing_of_the_logs_stack_is_of_another_stage(project):
    """Names of what an account has once, which two stages would fight for."""
    other = {**EVERYTHING, "Stage": "other"}
    mine, theirs = (dict(next(s for label, s in project.stacks(p) if label == "logs").resources()) for p in (EVERYTHING, other))
    for name, properties in mine.items():
        named = [key for key in ("BucketName", "DeliveryStreamName", "DestinationName", "Name", "AlarmName", "PolicyName", "LogGroupName", "DatabaseInput")
                 if key in properties and kind(at_rest(project), name) not in ("AWS::Athena::NamedQuery", "AWS::Logs::LogStream")]  # fmt: skip
        for key in named:
            if json.dumps(properties[key]) == json.dumps(theirs[name][key]):
                yield f"logs {name}: {key} is that of every stage"
