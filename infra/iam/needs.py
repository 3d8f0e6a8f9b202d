"""What roles need: the calls that were recorded of functions, and those that AWS makes with a role on its function's behalf."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import access_logs
import at_rest
from cases import BOOKING, MILEAGE, OBSERVABILITY, probe, short
from deployed import REGION, STAGE
from project import FUNCTIONS
from project_file import ROOT, SERVICES

# As each was recorded: the airline's end to end, a service's by its test on the Lambda host.
RECORDED = [Path(__file__).resolve().parent / "calls.json", *(ROOT / f"infra/{name}/calls.json" for name in SERVICES)]
CALLS = [call for path in RECORDED for call in json.loads(path.read_text())]
ACCOUNTS = {"<booking>": BOOKING, "<mileage>": MILEAGE, "<observability>": OBSERVABILITY}
TENANT, FOREIGN = "acme", "acme2"
KEYS = "dynamodb:LeadingKeys"
TAG = "aws:PrincipalTag/tenant_id"


@dataclass
class Need:
    """A permission that a role must give."""

    who: str
    role: tuple
    action: str
    resource: str
    context: dict = field(default_factory=dict)
    keys: list = field(default_factory=list)
    tags: list = field(default_factory=list)
    request_tags: list = field(default_factory=list)
    kind: str = "call"


def roles_of(deployed, function):
    """Labels and logical names of the roles that run a function: of booking-api there may be two."""
    label, logical, _ = FUNCTIONS[function]
    found = [(label, f"{name}Role") for name in (logical, f"{logical}Isolated")]
    return [role for role in found if role in deployed.roles]


def recorded(book, calls):
    """The recorded calls as needs of roles."""
    deployed = book.deployed
    for call in calls:
        resource = concrete(deployed, call["resource"])
        keys, tags, request = call["leading_keys"], call["session_tags"], call["request_tags"]
        for role in roles_of(deployed, call["function"]):
            who = f"{call['function']}{' (isolated)' if 'Isolated' in role[1] else ''}"
            if "TenantsReader" in call["role"]:
                book.not_evaluated.append(f"{who} {call['action']} {short(resource)} as the reader of the registry: no template has that role")
                continue
            if call["role"] != "own":
                role, who = (role[0], "TenantRole"), f"{who} for {TENANT}"
            if "TenantsReader" in call["resource"] and deployed.stacks[role[0]].parameters["TenantsReaderRoleArn"] == "":
                book.not_evaluated.append(f"{who} {call['action']} the reader of the registry: not deployed so")
                continue
            yield Need(who, role, call["action"], resource, keys=keys, tags=tags, request_tags=request)


def concrete(deployed, resource):
    """A recorded resource as it is in this deployment."""
    for placeholder, account in ACCOUNTS.items():
        resource = resource.replace(placeholder, account)
    resource = resource.replace("<region>", REGION).replace("<stage>", STAGE).replace("<UserPool>", deployed.stacks["booking"].name("UserPool"))
    resource = resource.replace("<MileageApi>", deployed.stacks["mileage"].name("Api")).replace("<TenantsReader>", "tenants-reader")
    for label, stack in deployed.stacks.items():
        if label in ("booking", "mileage") and stack.account in resource:
            resource = resource.replace("<TenantRole>", stack.name("TenantRole"))
    # IAM compares log groups with what is in them.
    return f"{resource}:*" if ":log-group:" in resource else resource


def platform(deployed, needs):
    """What AWS itself does with a function's role, as the templates set it up."""
    for label, stack in deployed.stacks.items():
        template = stack.template["Resources"]
        resources = dict(stack.resources())
        kinds = {name: template[name]["Type"] for name in resources}
        roles = {stack.name(name): (label, template[name]["Properties"]["Role"]["Fn::GetAtt"][0]) for name in resources if kinds[name] == "AWS::Lambda::Function"}
        for name, properties in resources.items():
            if kinds[name] == "AWS::Lambda::Function":
                yield from _of_function(stack, roles[stack.name(name)], properties)
            elif kinds[name] in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig"):
                function = properties["FunctionName"]
                for action, resource in _of_source(properties.get("EventSourceArn")) + _of_destination(properties):
                    yield Need(f"Lambda for {function}", roles[function], action, resource, kind="platform")
        if ("observability", "CanaryRole") in deployed.roles and label == "observability":
            yield from _of_canary(stack)
        if label == "logs":
            yield from (Need(*each, kind="platform") for each in at_rest.needed(deployed, stack))
        yield from (Need(*each, kind="platform") for each in access_logs.needed(label, stack))
    yield from _of_encrypted_topics(deployed, needs)


def _of_function(stack, role, properties):
    function = properties["FunctionName"]
    who = f"Lambda for {function}"
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
    stream = f"arn:aws:logs:{REGION}:{stack.account}:log-group:/aws/lambda/{function}:log-stream:2026/11/25/[$LATEST]0"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        yield Need(who, role, action, stream, kind="platform")
    # https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
    if properties.get("TracingConfig", {}).get("Mode") == "Active":
        for action in ("xray:PutTraceSegments", "xray:PutTelemetryRecords"):
            yield Need(who, role, action, "*", kind="platform")
    # Spans that the function signs and sends to X-Ray's OTLP endpoint; shared's exporter, which the emulator has no endpoint for.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html
    if "xray-otlp" in properties.get("Environment", {}).get("Variables", {}).get("OTEL_TRACES_EXPORTER", ""):
        for action in ("xray:PutSpans", "xray:PutSpansForIndexing"):
            yield Need(f"{function}'s exporter", role, action, "*", kind="platform")
    # The same of metrics: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
    if "cloudwatch-otlp" in properties.get("Environment", {}).get("Variables", {}).get("OTEL_METRICS_EXPORTER", ""):
        yield Need(f"{function}'s exporter", role, "cloudwatch:PutMetricData", "*", kind="platform")


def _of_source(arn):
    """What a poller needs: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html, …/with-sqs.html"""
    if not arn:
        return []
    if ":dynamodb:" in arn:
        return [(f"dynamodb:{action}", arn) for action in ("DescribeStream", "GetRecords", "GetShardIterator")] + [("dynamodb:ListStreams", "*")]
    return [(f"sqs:{action}", arn) for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")]


def _of_destination(properties):
    """What keeps failures needs: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html"""
    destination = properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
    if destination.startswith("arn:aws:s3:::"):
        return [("s3:PutObject", f"{destination}/aws/lambda/1/shardId-0/2026/11/25/1"), ("s3:ListBucket", destination)]
    return [("sqs:SendMessage", destination)] if destination else []


def _of_encrypted_topics(deployed, needs):
    """Who publishes to an encrypted topic uses its key by SNS: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html"""
    keys = {}
    for stack in deployed.stacks.values():
        for name, properties in stack.resources("AWS::SNS::Topic"):
            if "KmsMasterKeyId" in properties:
                keys[stack.arn(name)] = f"arn:aws:kms:{REGION}:{stack.account}:key/{properties['KmsMasterKeyId']}"
    for need in needs:
        if need.action == "sns:Publish" and need.resource in keys:
            for action in ("kms:GenerateDataKey", "kms:Decrypt"):
                yield Need(f"SNS for {need.who}", need.role, action, keys[need.resource], {"kms:ViaService": f"sns.{REGION}.amazonaws.com"}, kind="platform")


def _of_canary(stack):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_CanaryPermissions.html"""
    bucket, logs = stack.arn("CanaryArtifacts"), f"arn:aws:logs:{REGION}:{stack.account}:log-group:/aws/lambda/cwsyn-journey-{STAGE}-1"
    secret = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
    measured = {"cloudwatch:namespace": "CloudWatchSynthetics"}
    for action, resource, context in [
        ("secretsmanager:GetSecretValue", stack.arn("CanarySecret"), {}),
        ("kms:Decrypt", stack.arn("CanaryKey"), secret),
        ("s3:PutObject", f"{bucket}/canary/journey.har", {}),
        ("s3:GetBucketLocation", bucket, {}),
        ("s3:ListAllMyBuckets", "*", {}),
        ("logs:CreateLogGroup", f"{logs}:*", {}),
        ("logs:CreateLogStream", f"{logs}:*", {}),
        ("logs:PutLogEvents", f"{logs}:log-stream:2026/11/25/[$LATEST]0", {}),
        ("cloudwatch:PutMetricData", "*", measured),
    ]:
        yield Need("the canary", ("observability", "CanaryRole"), action, resource, context, kind="platform")


def _context(book, need):
    context = book.as_role(book.deployed.roles[need.role], **need.context)
    if need.tags:
        context[TAG] = TENANT
    if need.keys:
        context[KEYS] = [_key(key, TENANT) for key in need.keys]
    for tag in need.request_tags:
        context.setdefault("aws:TagKeys", []).append(tag.split("=")[0])
        context[f"aws:RequestTag/{tag.split('=')[0]}"] = TENANT
    return context


def _key(shape, tenant):
    return shape.replace("<tenant>", tenant).replace("<value>", "1").replace("<id>", "0123456789ab")


def _place(book, need, resource=None):
    """How a resource is decided on that its own account has shared."""
    resource = resource or need.resource
    more = {}
    if ":log-group:" in resource and resource.split(":")[4] != book.deployed.roles[need.role].account:
        # Logs of a linked account are asked for as if they were one's own: the link decides, which the simulator does not know.
        more["account"] = book.deployed.roles[need.role].account
    if resource.endswith("role/tenants-reader"):
        # An organisation's own role; it trusts mileage-api, else it were of no use.
        book.deployed.policies["stranger/reader"] = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": book.deployed.roles["mileage", "MileageApiRole"].arn}, "Action": "sts:AssumeRole"}]}
        more["policy"] = "stranger/reader"
    return more


def _alone(book, need, resource):
    """Across accounts the other side may let everybody in: this one is to hold by itself."""
    account = book.deployed.roles[need.role].account
    place = _place(book, need, resource)
    is_shared = resource.split(":")[4:5] not in ([account], [""], [])
    return {"policy": "stranger/open"} if is_shared and "account" not in place else place


def ask(book, calls=None):
    """Every need, and what follows from it."""
    needs = list(recorded(book, CALLS if calls is None else calls))
    needs += list(platform(book.deployed, needs))
    by_identity = {}
    for need in needs:
        # Items of users and of a tenant as a whole may be different statements' to allow.
        by_identity.setdefault((need.role, need.action, need.resource, tuple(need.keys)), need)
    needs = list(by_identity.values())
    for need in needs:
        role = book.deployed.roles[need.role]
        book.ask(f"{need.who} may {need.action} {short(need.resource)}", True, role.session(), need.action, need.resource, need.kind,
                 _context(book, need), role.identity, **_place(book, need))
    for need in needs:
        _what_follows(book, need)
    _of_others(book, needs)


# Roles without AWS's own policies, so that this project decides where they log.
OWN_LISTS = ("CanaryRole", "StreamRole", "AccessLogsStreamRole")


def _is_on_awss_list(need):
    """Whether AWS's own policies let every function do it, wherever it is: not ours to decide."""
    return need.action.startswith(("logs:Create", "logs:Put", "xray:PutT"))


def _what_follows(book, need):
    role = book.deployed.roles[need.role]
    context, who = _context(book, need), need.who
    if need.role[1] in OWN_LISTS or not _is_on_awss_list(need):
        probe(book, who, role.session(), role.identity, context, need.action, need.resource, lambda resource: _alone(book, need, resource))

    def denied(why, changes):
        changed = {name: value for name, value in {**context, **changes}.items() if value is not None}
        book.ask(f"{who} may not {need.action} {short(need.resource)} {why}", False, role.session(), need.action, need.resource, "tenants", changed,
                 role.identity, **_place(book, need))

    if need.tags:
        foreign = [_key(key, FOREIGN) for key in need.keys]
        denied("with the key of a tenant whose name begins the same", {KEYS: foreign})
        denied("with a foreign key beside its own", {KEYS: context[KEYS] + foreign})
        denied("without a key", {KEYS: None})
        denied("in a session without a tag", {TAG: None})
        denied("in a session of another tenant", {TAG: FOREIGN})
        denied("in a session of nobody", {TAG: None, KEYS: [_key(key, "") for key in need.keys]})
    elif any(key.startswith("t-") for key in need.keys):
        denied("of a tenant that somebody named", {KEYS: [TENANT]})
    if need.action in ("sts:AssumeRole", "sts:TagSession") and need.request_tags:
        request = "aws:RequestTag/tenant_id"
        denied("with an empty tag", {request: ""})
        denied("with another tag besides", {"aws:TagKeys": ["tenant_id", "tier"], "aws:RequestTag/tier": "premium"})
        if need.action == "sts:AssumeRole":
            denied("without a tag", {request: None, "aws:TagKeys": None})
        for account in (role.account, "999999999999"):
            principal, stranger = book.stranger(account)
            book.ask(f"a role of {account} with every permission may not {need.action} {short(need.resource)}", False, principal, need.action,
                     need.resource, "trust", {**context, **stranger}, ["everything"])
    if need.action == "cloudwatch:PutMetricData" and need.context:
        denied("in another namespace", {"cloudwatch:namespace": "AWS/Lambda"})


def _of_others(book, needs):
    """Nobody may what only others need."""
    mine = {}
    for need in needs:
        mine.setdefault(need.role, set()).add((need.action, need.resource))
    for role_name, own in mine.items():
        role = book.deployed.roles[role_name]
        for need in needs:
            if (need.action, need.resource) in own or need.role == role_name or _is_on_awss_list(need):
                continue
            context = {**_context(book, need), **book.as_role(role)}
            if not need.tags and "TenantRole" in role_name[1]:
                context[TAG] = TENANT
            book.ask(f"{role_name[0]}'s {role_name[1]} may not {need.action} {short(need.resource)}, as {need.who} may", False, role.session(),
                     need.action, need.resource, "another function's", context, role.identity, **_place(book, need))
