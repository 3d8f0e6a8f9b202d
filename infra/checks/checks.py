"""What no linter sees. Each check takes the project and yields its problems, one sentence each."""

import json
import re

import filter_grammar
import insights_queries
import rust_calls
from cloudformation import as_list, statements
from project import BOOKING, EVERYTHING, FUNCTIONS, LEAST, MILEAGE, REGION

CHECKS = {}


def check(function):
    """Registers a check under its function's name."""
    CHECKS[function.__name__] = lambda project: list(function(project))
    return function


# --- Text inside templates ------------------------------------------------------------------------------------------


@check
def embedded_json_parses(project):
    for label, _, name, properties in project.resources():
        for path, text in _embedded(properties):
            try:
                json.loads(text)
            except ValueError as error:
                yield f"{label} {name}.{path}: {error}"


def _embedded(properties):
    """Properties that hold JSON as text: their path and text."""
    for key in ("PolicyDocument", "DashboardBody", "RuleBody"):
        if isinstance(properties.get(key), str):
            yield key, properties[key]
    for index, pattern in enumerate(properties.get("FilterCriteria", {}).get("Filters", [])):
        yield f"FilterCriteria[{index}]", pattern["Pattern"]
    for kind, text in properties.get("ResponseTemplates", {}).items():
        yield f"ResponseTemplates[{kind}]", text
    template = properties.get("GenerateSecretString", {}).get("SecretStringTemplate")
    if template:
        yield "SecretStringTemplate", template


def _json(text):
    """The value, or nothing where `embedded_json_parses` complains."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return None


@check
def contributor_insights_rules_are_complete(project):
    operators = {"In", "NotIn", "StartsWith", "GreaterThan", "LessThan", "EqualTo", "NotEqualTo", "IsPresent"}
    for label, _, name, properties in project.resources("AWS::CloudWatch::InsightRule"):
        where, body = f"{label} {name}", _json(properties["RuleBody"])
        if not isinstance(body, dict):
            yield f"{where}: its body is no JSON object"
            continue
        if body.get("Schema") != {"Name": "CloudWatchLogRule", "Version": 1}:
            yield f"{where}: its schema is another"
        if ("LogGroupNames" in body) == ("LogGroupARNs" in body):
            yield f"{where}: it needs LogGroupNames or LogGroupARNs, and not both"
        contribution = body.get("Contribution", {})
        if not 1 <= len(contribution.get("Keys", [])) <= 4:
            yield f"{where}: it needs one to four keys"
        for path in [*contribution.get("Keys", []), *([contribution["ValueOf"]] if "ValueOf" in contribution else [])]:
            if not path.startswith("$."):
                yield f"{where}: {path} is no path"
        if (body.get("AggregateOn") == "Sum") != ("ValueOf" in contribution):
            yield f"{where}: Sum and ValueOf go together"
        filters = contribution.get("Filters", [])
        if len(filters) > 4 or any(len(operators & rule.keys()) != 1 or "Match" not in rule for rule in filters):
            yield f"{where}: at most four filters, each with Match and one operator"


@check
def queries_parse(project):
    for label, where, query in _queries(project):
        try:
            insights_queries.check(query)
        except insights_queries.Refused as reason:
            yield f"{label} {where}: {reason}"


def _queries(project):
    for label, _, name, properties in project.resources("AWS::Logs::QueryDefinition"):
        yield label, name, properties["QueryString"]
    for label, name, widget in _widgets(project):
        if widget["type"] == "log":
            yield label, f"{name} {widget['properties']['title']!r}", widget["properties"]["query"]


def _widgets(project):
    for label, _, name, properties in project.resources("AWS::CloudWatch::Dashboard"):
        for widget in (_json(properties["DashboardBody"]) or {}).get("widgets", []):
            yield label, name, widget


@check
def a_query_joins_logs_to_a_trace(project):
    joins = [q for _, _, q in _queries(project) if "coalesce(traceId, trace_id)" in q and "filter trace" in q]
    if not joins:
        yield "no saved query puts a trace's spans and log lines together"


@check
def filter_expressions_parse(project):
    groups = list(project.resources("AWS::XRay::Group"))
    reasons = filter_grammar.refusals([properties["FilterExpression"] for _, _, _, properties in groups])
    for (label, _, name, _), reason in zip(groups, reasons, strict=True):
        if reason:
            yield f"{label} {name}: {reason}"


@check
def every_tier_has_a_group(project):
    found = {
        properties["FilterExpression"]: properties.get("InsightsConfiguration", {}).get("InsightsEnabled")
        for _, _, _, properties in project.resources("AWS::XRay::Group")
    }
    for tier in ("basic", "standard", "premium"):
        if found.get(f'annotation[tenant.tier] = "{tier}"') is not True:
            yield f"{tier}: no group with insights selects it"


# --- Sampling -------------------------------------------------------------------------------------------------------


@check
def sampling_rules_match_an_api(project):
    services = {
        f"{properties['Name']}/{properties['StageName']}"
        for _, _, _, properties in project.resources("AWS::Serverless::Api")
    }
    priorities = set()
    for label, stack, name, properties in project.resources("AWS::XRay::SamplingRule"):
        rule, where = properties["SamplingRule"], f"{label} {name}"
        if rule["ServiceName"] not in services:
            yield f"{where}: no API is known as {rule['ServiceName']}"
        if rule["ServiceType"] != "AWS::ApiGateway::Stage":
            yield f"{where}: API Gateway's service type is another"
        if rule["URLPath"] != "*":
            yield f"{where}: API Gateway does not match paths"
        if rule["HTTPMethod"] not in ("*", "GET", "POST", "PUT", "DELETE", "OPTIONS"):
            yield f"{where}: no such method"
        if len(rule.get("Attributes", {})) > 5 or len(rule["RuleName"]) > 32:
            yield f"{where}: at most 5 attributes, at most 32 characters of name"
        if not 0 <= float(rule["FixedRate"]) <= 1:
            yield f"{where}: a rate is between 0 and 1"
        if (stack.account, rule["Priority"]) in priorities:
            yield f"{where}: another rule has its priority"
        priorities.add((stack.account, rule["Priority"]))


@check
def debug_rule_is_capped_and_off(project):
    rules = [(s, n, p["SamplingRule"]) for s, _, n, p in project.resources("AWS::XRay::SamplingRule")
             if "X-Debug" in p["SamplingRule"].get("Attributes", {})]
    if not rules:
        yield "no rule matches X-Debug"
    for label, name, rule in rules:
        if int(rule["ReservoirSize"]) > 5:
            yield f"{label} {name}: {rule['ReservoirSize']} traces a second are no cap"
    for label, _, name, properties in project.resources("AWS::XRay::SamplingRule", parameters=LEAST):
        if properties["SamplingRule"].get("Attributes"):
            yield f"{label} {name}: there without having been asked for"


# --- Alarms ---------------------------------------------------------------------------------------------------------

ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


@check
def every_alarm_has_an_action(project):
    for parameters in (EVERYTHING, {**LEAST, "AlarmTopicArn": EVERYTHING["AlarmTopicArn"]}):
        for label, _, name, properties in project.resources(*ALARMS, parameters=parameters):
            actions = properties.get("AlarmActions", [])
            if not actions or any(not str(action).startswith("arn:aws:sns:") for action in actions):
                yield f"{label} {name}: tells nobody"
            if properties.get("ActionsEnabled") is False:
                yield f"{label} {name}: its actions are off"


@check
def alarm_actions_are_topics_of_the_observability_account(project):
    topics = {stack.arn(name) for _, stack, name, _ in project.resources("AWS::SNS::Topic")}
    for label, _, name, properties in project.resources(*ALARMS):
        for action in properties.get("AlarmActions", []):
            if action not in topics:
                yield f"{label} {name}: no template has the topic {action}"


@check
def composite_alarms_parse(project):
    for parameters in (EVERYTHING, LEAST):
        by_label = {}
        for label, _, _, properties in project.resources(*ALARMS, parameters=parameters):
            by_label.setdefault(label, set()).add(properties["AlarmName"])
        for label, _, name, properties in project.resources("AWS::CloudWatch::CompositeAlarm", parameters=parameters):
            rule = properties["AlarmRule"]
            for alarm in re.findall(r'"([^"]*)"', rule):
                if alarm not in by_label[label]:
                    yield f"{label} {name}: no alarm is named {alarm}"
            shape = re.sub(r'\b(?:ALARM|OK|INSUFFICIENT_DATA)\("[^"]+"\)', "a", rule)
            while shape != (shorter := re.sub(r"\(\s*a\s*\)|\ba\s+(?:AND|OR)\s+a\b|\bNOT\s+a\b", "a", shape)):
                shape = shorter
            if shape.strip() != "a":
                yield f"{label} {name}: its rule does not parse: {shape.strip()[:60]}"


@check
def alarms_have_the_objective_and_enough_data(project):
    found = set()
    for label, _, name, properties in project.resources("AWS::CloudWatch::Alarm"):
        metrics = {metric["Id"]: metric for metric in properties.get("Metrics", [])}
        returned = [metric for metric in metrics.values() if metric.get("ReturnData", True)]
        if metrics and len(returned) != 1:
            yield f"{label} {name}: one metric is compared, not {len(returned)}"
        for metric in metrics.values():
            for used in re.findall(r"\b[a-z][A-Za-z0-9_]*\b", metric.get("Expression", "")):
                if used not in metrics:
                    yield f"{label} {name}: its expression uses {used}, which is not there"
            stat = metric.get("MetricStat", {})
            if stat.get("Stat") == "p99" and stat["Metric"]["MetricName"] == "Latency":
                found.add(stat["Metric"]["Dimensions"][0]["Value"])
                if float(properties["Threshold"]) != 2000:
                    yield f"{label} {name}: the objective is 2 s"
                if "requests" not in metrics:
                    yield f"{label} {name}: one slow request would page"
    for _, _, _, api in project.resources("AWS::Serverless::Api"):
        if api["Name"] not in found:
            yield f"{api['Name']}: no alarm watches its p99"


# --- Names that must agree ------------------------------------------------------------------------------------------


@check
def topic_and_queue_names_agree(project):
    topics, queues = set(), set()
    for _, stack, name, _ in project.resources("AWS::SNS::Topic"):
        topics.add(stack.arn(name))
    for _, stack, name, _ in project.resources("AWS::SQS::Queue"):
        queues.add(stack.arn(name))
    for label, _, name, properties in project.resources("AWS::SNS::Subscription"):
        if properties["TopicArn"] not in topics:
            yield f"{label} {name}: no template has the topic {properties['TopicArn']}"
        if properties["Protocol"] == "sqs" and properties["Endpoint"] not in queues:
            yield f"{label} {name}: no template has the queue {properties['Endpoint']}"
    for label, where, statement in _resource_statements(project):
        if label.startswith("source-account") and where.startswith("TransactionSearch"):
            continue
        for source in _condition_values(statement, "aws:SourceArn"):
            if ":sns:" in source and source not in topics:
                yield f"{label} {where}: no template has the topic {source}"


@check
def what_is_watched_exists(project):
    """Alarms and dashboards name queues, functions and APIs of other accounts by convention."""
    known = {"QueueName": set(), "FunctionName": set(), "ApiName": set(), "CanaryName": set()}
    kinds = {"AWS::SQS::Queue": "QueueName", "AWS::Serverless::Function": "FunctionName", "AWS::Serverless::Api": "ApiName",
             "AWS::Synthetics::Canary": "CanaryName"}
    for _, stack, name, _ in project.resources(*kinds):
        known[kinds[stack.template["Resources"][name]["Type"]]].add((stack.account, stack.name(name)))
    for label, where, account, dimensions in _watched(project):
        for dimension, value in dimensions.items():
            if dimension in known and (account, value) not in known[dimension]:
                yield f"{label} {where}: account {account} has no {dimension} {value}"


def _watched(project):
    for label, stack, name, properties in project.resources("AWS::CloudWatch::Alarm"):
        if "Dimensions" in properties:
            yield label, name, stack.account, {d["Name"]: d["Value"] for d in properties["Dimensions"]}
        for metric in properties.get("Metrics", []):
            stat = metric.get("MetricStat")
            if stat:
                dimensions = {d["Name"]: d["Value"] for d in stat["Metric"].get("Dimensions", [])}
                yield label, name, metric.get("AccountId", stack.account), dimensions
    for label, name, widget in _widgets(project):
        for metric in widget["properties"].get("metrics", []):
            options = metric[-1] if isinstance(metric[-1], dict) else {}
            plain = [part for part in metric if isinstance(part, str)]
            yield label, name, options.get("accountId", ""), dict(zip(plain[2::2], plain[3::2]))


@check
def dashboards_name_rules_and_alarms_that_exist(project):
    alarms = {stack.arn(name) for _, stack, name, _ in project.resources(*ALARMS)}
    rules = {properties["RuleName"] for _, _, _, properties in project.resources("AWS::CloudWatch::InsightRule")}
    for label, name, widget in _widgets(project):
        for arn in widget["properties"].get("alarms", []):
            if arn not in alarms:
                yield f"{label} {name}: no alarm {arn}"
        rule = widget["properties"].get("insightRule", {}).get("ruleName")
        if rule and rule not in rules:
            yield f"{label} {name}: no rule {rule}"


@check
def dashboards_show_what_they_promise(project):
    widgets = [widget for _, _, widget in _widgets(project)]
    stats = {m[-1].get("stat") for w in widgets for m in w["properties"].get("metrics", []) if isinstance(m[-1], dict)}
    for stat in ("p50", "p95", "p99"):
        if stat not in stats:
            yield f"no widget shows {stat}"
    week = [w for w in widgets if w["properties"].get("start") == "-P7D"]
    if not any(m[-1].get("stat") == "p99" for w in week for m in w["properties"]["metrics"]):
        yield "no widget shows p99 over 7 days"
    if not any("insightRule" in w["properties"] for w in widgets):
        yield "no widget shows the top tenants"
    cells = set()
    for _, name, widget in _widgets(project):
        for x in range(widget["x"], widget["x"] + widget["width"]):
            for y in range(widget["y"], widget["y"] + widget["height"]):
                if x > 23 or (name, x, y) in cells:
                    yield f"{name}: widgets overlap at {x},{y}"
                    return
                cells.add((name, x, y))


@check
def parameters_say_what_they_are(project):
    for name, template in project.templates.items():
        for parameter, declared in template.get("Parameters", {}).items():
            if not declared.get("Description"):
                yield f"{name} {parameter}: no description"
            if len(re.findall(rf"\b{parameter}\b", json.dumps(template))) < 2:
                yield f"{name} {parameter}: not used"


# --- Who may do what ------------------------------------------------------------------------------------------------

# What has no resource to name, and why.
WITHOUT_RESOURCE = {
    "dynamodb:ListStreams": "lists streams of all tables",
    "logs:GetQueryResults": "an answer is found by its id",
    "cloudwatch:PutMetricData": "held to a namespace by its condition",
    "s3:ListAllMyBuckets": "lists buckets",
}
# A pattern the local cloud needs, and the one action it stands for on AWS.
PATTERNS = {"sns:Publish*": "sns:Publish"}


def _resource_statements(project, parameters=None):
    """Label, place and statement of each policy that is attached to a resource."""
    holders = {"AWS::DynamoDB::Table": "ResourcePolicy", "AWS::SNS::TopicPolicy": "PolicyDocument", "AWS::SQS::QueuePolicy": "PolicyDocument", "AWS::KMS::Key": "KeyPolicy",
               "AWS::Logs::ResourcePolicy": "PolicyDocument", "AWS::XRay::ResourcePolicy": "PolicyDocument",
               "AWS::Oam::Sink": "Policy", "AWS::S3::BucketPolicy": "PolicyDocument"}
    for label, stack, name, properties in project.resources(*holders, parameters=parameters):
        document = _json(properties.get(holders[stack.template["Resources"][name]["Type"]]))
        document = (document or {}).get("PolicyDocument", document)
        for index, statement in enumerate(statements(document or {})):
            yield label, f"{name}[{statement.get('Sid', index)}]", statement


def _principals(statement):
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        return [(kind, value) for kind, values in principal.items() for value in as_list(values)]
    return [("AWS", principal)]


def _condition_values(statement, key):
    return [value for operator in statement.get("Condition", {}).values() for name, values in operator.items()
            if name.lower() == key.lower() for value in as_list(values)]


@check
def no_wildcard_principal_without_condition(project):
    narrowing = ("aws:PrincipalOrgID", "aws:PrincipalAccount", "aws:PrincipalArn", "aws:SourceArn", "aws:SourceAccount")
    for parameters in (EVERYTHING, LEAST):
        for label, where, statement in _resource_statements(project, parameters):
            if statement.get("Effect") != "Allow":
                continue
            if any(value == "*" for _, value in _principals(statement)):
                if not any(_condition_values(statement, key) for key in narrowing):
                    yield f"{label} {where}: everybody may"


@check
def services_are_held_to_their_source(project):
    for parameters in (EVERYTHING, LEAST):
        for label, where, statement in _resource_statements(project, parameters):
            for kind, service in _principals(statement):
                if kind == "Service" and not any(_condition_values(statement, key) for key in ("aws:SourceArn", "aws:SourceAccount")):
                    yield f"{label} {where}: {service} may for anybody (no aws:SourceArn, no aws:SourceAccount)"
            for source in _condition_values(statement, "aws:SourceArn"):
                if source in ("*", "arn:*") or source.startswith("arn:aws:sns:*"):
                    yield f"{label} {where}: {source} holds nobody"


# Who is to become a user has no token yet.
OPEN_ROUTES = {("booking", "POST", "/registrations")}


@check
def open_api_routes_are_the_authorizers(project):
    """An API's policy may let everybody in only where a Cognito authorizer, or nothing but a preflight, comes after it."""
    for label, stack, name, properties in project.resources("AWS::Serverless::Api"):
        routes = list(_routes(stack, name))
        for statement in statements(properties.get("Policy", {})):
            if statement.get("Effect") != "Allow" or not any(v == "*" for _, v in _principals(statement)):
                continue
            for resource in statement["Resource"]:
                pattern = re.escape(resource.removeprefix("execute-api:/")).replace(r"\*", ".*")
                for method, path, authorizer in routes:
                    if authorizer == "AWS_IAM" and re.fullmatch(pattern, f"{stack.parameters['Stage']}/{method}{path}"):
                        yield f"{label} {name}: everybody may {method} {path}, which IAM alone guards"
        if not properties.get("Auth", {}).get("DefaultAuthorizer"):
            yield f"{label} {name}: no default authorizer"
        throttled = {
            (settings["HttpMethod"], settings["ResourcePath"])
            for settings in properties.get("MethodSettings", [])
            if settings.get("ThrottlingRateLimit", 0) > 0 and settings.get("ThrottlingBurstLimit", 0) > 0
        }
        for method, path, authorizer in routes:
            if authorizer != "NONE" or method == "OPTIONS":
                continue
            if (label, method, path) not in OPEN_ROUTES:
                yield f"{label} {name}: {method} {path} asks for no token"
            elif (method, "/" + path.replace("/", "~1")) not in throttled:
                yield f"{label} {name}: {method} {path} asks for no token and has no throttle of its own"


def _routes(stack, api):
    for _, resource in stack.template["Resources"].items():
        for event in resource.get("Properties", {}).get("Events", {}).values() if isinstance(resource.get("Properties"), dict) else []:
            properties = event.get("Properties", {})
            if event["Type"] == "Api" and properties.get("RestApiId") == {"Ref": api}:
                yield properties["Method"].upper(), properties["Path"], properties.get("Auth", {}).get("Authorizer")


@check
def users_cannot_choose_their_tenant(project):
    """Nor their tier, nor what they may do in it."""
    theirs_to_read = {"custom:tenant-id", "custom:tier-level", "custom:role"}
    for label, _, name, properties in project.resources("AWS::Cognito::UserPool"):
        if properties.get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly") is not True:
            yield f"{label} {name}: users sign up by themselves"
        for attribute in {f"custom:{attribute['Name']}" for attribute in properties.get("Schema", [])} ^ theirs_to_read:
            yield f"{label} {name}: it is not said whether a user may write {attribute}"
    for label, _, name, properties in project.resources("AWS::Cognito::UserPoolClient"):
        if "WriteAttributes" not in properties:
            yield f"{label} {name}: without WriteAttributes a user may write every attribute"
        for attribute in theirs_to_read & set(properties.get("WriteAttributes", [])):
            yield f"{label} {name}: a user may write {attribute}"
        for attribute in theirs_to_read - set(properties.get("ReadAttributes", [])):
            yield f"{label} {name}: a token lacks {attribute}"
        if "implicit" in properties.get("AllowedOAuthFlows", []):
            yield f"{label} {name}: tokens come back in an address"


@check
def apis_let_in_the_portal_alone(project):
    origin = "https://portal.example.com"
    for label, _, name, properties in project.resources("AWS::ApiGateway::GatewayResponse", parameters={**LEAST, "AllowedOrigin": origin}):
        if properties["ResponseParameters"].get("gatewayresponse.header.Access-Control-Allow-Origin") != f"'{origin}'":
            yield f"{label} {name}: browsers at the portal cannot read it"
    for label, _, name, properties in project.resources("AWS::ApiGateway::GatewayResponse", "AWS::Serverless::Function", parameters=LEAST):
        if re.search(r"(Access-Control-Allow-Origin|CORS_ALLOWED_ORIGIN)\W+\*", json.dumps(properties)):
            yield f"{label} {name}: lets in every origin"


def _function_statements(properties):
    for policy in as_list(properties.get("Policies")):
        if isinstance(policy, dict):
            yield from statements(policy)


@check
def functions_may_what_they_do(project):
    """Both ways: what the code and the platform need is allowed, and what is allowed is needed."""
    for function, (template, logical, binary) in FUNCTIONS.items():
        files = project.sources[binary.split("/src/")[0]]
        crate = [text for path, text in files.items() if "/bin/" not in path and path != binary]
        needed = rust_calls.actions(crate, files[binary])
        label, stack = next((l, s) for l, s in project.stacks() if l == template)
        resources = dict(stack.resources())
        needed |= _platform_actions(stack, resources, logical)
        if rust_calls.tenant_actions(crate, files[binary]):
            needed |= {"sts:AssumeRole", "sts:TagSession"}
        allowed = {PATTERNS.get(action, action) for statement in _own_statements(stack, resources, logical)
                   for action in statement["Action"] if statement["Effect"] == "Allow"}
        for action in sorted(needed - allowed):
            yield f"{function} calls {action}, which its policy does not allow"
        for action in sorted(allowed - needed):
            yield f"{function} never calls {action}, which its policy allows"


def _own_statements(stack, resources, logical):
    """What a function's own role may: its policies, and those that are attached to its role by themselves."""
    yield from _function_statements(resources[logical])
    for name, properties in resources.items():
        if stack.template["Resources"][name]["Type"] == "AWS::IAM::Policy" and f"<{logical}Role>" in properties["Roles"]:
            yield from statements(properties["PolicyDocument"])


def _platform_actions(stack, resources, logical):
    """What event sources, failure destinations and encrypted topics make a function's role need."""
    needed, template = set(), stack.template["Resources"]
    for name, resource in template.items():
        kind, raw = resource["Type"], resource.get("Properties", {})
        if name not in resources or raw.get("FunctionName") != {"Ref": logical}:
            continue
        if kind == "AWS::Lambda::EventSourceMapping":
            if raw["EventSourceArn"].get("Fn::GetAtt", ["", ""])[1] == "StreamArn":
                needed |= {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}
            else:
                needed |= {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
        elif kind != "AWS::Lambda::EventInvokeConfig":
            continue
        destination = raw.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", {}).get("Fn::GetAtt", [None])[0]
        needed |= {"AWS::S3::Bucket": {"s3:PutObject", "s3:ListBucket"}, "AWS::SQS::Queue": {"sqs:SendMessage"},
                   "AWS::SNS::Topic": {"sns:Publish"}}.get(template.get(destination, {}).get("Type"), set())
    variables = template[logical]["Properties"].get("Environment", {}).get("Variables", {})
    if "TENANTS_READER_ROLE_ARN" in resources[logical].get("Environment", {}).get("Variables", {}):
        needed.add("sts:AssumeRole")
    for value in variables.values():
        target = template.get(value.get("Ref"), {}) if isinstance(value, dict) else {}
        if target.get("Type") == "AWS::SNS::Topic" and "KmsMasterKeyId" in target["Properties"]:
            needed |= {"kms:GenerateDataKey", "kms:Decrypt"}
    return needed


# --- Tenants --------------------------------------------------------------------------------------------------------

# Tables whose items belong to tenants.
TENANT_TABLES = {"booking": "Reservations", "mileage": "Ledger"}
FENCE = "TENANT#${aws:PrincipalTag/tenant_id}#*"
# A parameter that adds functions that serve tenants.
ISOLATED = {**EVERYTHING, "TenantIsolationMode": "function"}


def _serving(stack, resources):
    """The functions that reach tenants' items, as the code says: logical names."""
    return [name for name in resources if stack.template["Resources"][name]["Type"] == "AWS::Serverless::Function"
            and "TENANT_ROLE_ARN" in resources[name].get("Environment", {}).get("Variables", {})]


def _tenant_stacks(project):
    """Label, stack, resources and tenant role of each account that keeps tenants' items, with and without what is optional."""
    for parameters in (EVERYTHING, LEAST, ISOLATED):
        for label, stack in project.stacks(parameters):
            if label in TENANT_TABLES:
                resources = dict(stack.resources())
                yield label, stack, resources, resources["TenantRole"]


def _role_statements(role):
    return [s for policy in as_list(role.get("Policies")) for s in statements(policy["PolicyDocument"])]


@check
def the_tenant_role_may_what_functions_do_for_tenants(project):
    for label, stack, _, role in _tenant_stacks(project):
        needed = set()
        for template, _, binary in FUNCTIONS.values():
            if template == label:
                files = project.sources[binary.split("/src/")[0]]
                crate = [text for path, text in files.items() if "/bin/" not in path and path != binary]
                needed |= rust_calls.tenant_actions(crate, files[binary])
        allowed = {action for statement in _role_statements(role) for action in statement["Action"]}
        for action in sorted(needed - allowed):
            yield f"{label} TenantRole: {action} is called, and its policy does not allow it"
        for action in sorted(allowed - needed):
            yield f"{label} TenantRole: {action} is never called, and its policy allows it"
        own = stack.arn(TENANT_TABLES[label])
        for resource in {resource for statement in _role_statements(role) for resource in statement["Resource"]}:
            if resource != own and not resource.startswith(f"{own}/index/"):
                yield f"{label} TenantRole: {resource} is not its table"


@check
def keys_are_fenced_to_the_sessions_tenant(project):
    for label, _, _, role in _tenant_stacks(project):
        for statement in _role_statements(role):
            where, condition = f"{label} TenantRole {statement.get('Sid')}", statement.get("Condition", {})
            fences = as_list(condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys"))
            if statement["Effect"] != "Allow" or fences != [FENCE]:
                yield f"{where}: its keys are fenced by {fences}, not by {FENCE}"
            for key in ("dynamodb:LeadingKeys", "aws:PrincipalTag/tenant_id"):
                if str(condition.get("Null", {}).get(key)).lower() != "false":
                    yield f"{where}: allowed where there is no {key}"
            if set(condition) - {"ForAllValues:StringLike", "Null"}:
                yield f"{where}: a condition that nobody has thought about"


@check
def only_functions_assume_the_tenant_role_and_only_for_a_tenant(project):
    for label, stack, resources, role in _tenant_stacks(project):
        expected = {f"<{name}Role.Arn>" for name in _serving(stack, resources)}
        found = list(statements(role["AssumeRolePolicyDocument"]))
        if {value for statement in found for _, value in _principals(statement)} != expected:
            yield f"{label} TenantRole: trusts others than {', '.join(sorted(expected))}"
        for statement in found:
            condition = statement.get("Condition", {})
            if set(statement["Action"]) != {"sts:AssumeRole", "sts:TagSession"}:
                yield f"{label} TenantRole: it is assumed with a tag, and nothing else"
            if as_list(condition.get("StringLike", {}).get("aws:RequestTag/tenant_id")) != ["?*"]:
                yield f"{label} TenantRole: a session needs no tenant"
            if as_list(condition.get("ForAllValues:StringEquals", {}).get("aws:TagKeys")) != ["tenant_id"]:
                yield f"{label} TenantRole: a session may have other tags"


@check
def functions_own_roles_may_nothing_with_tenants_items(project):
    for label, stack, resources, _ in _tenant_stacks(project):
        table = stack.arn(TENANT_TABLES[label])
        for name in resources:
            if stack.template["Resources"][name]["Type"] != "AWS::Serverless::Function":
                continue
            for statement in _own_statements(stack, resources, name):
                for resource in statement["Resource"]:
                    # The stream is the outbox; who reads it publishes.
                    reads = any(action.startswith("dynamodb:") for action in statement["Action"])
                    if reads and (resource == table or resource.startswith(f"{table}/index") or resource == f"{table}*"):
                        yield f"{label} {name}: its own role may {', '.join(statement['Action'])} on {resource}"


# Registration writes the registry and counts; neither table holds a tenant's items, and its role may touch no other.
WITHOUT_TENANTS_ITEMS = {"booking/src/bin/registration-api.rs", "booking/src/rate_limits.rs", "booking/src/tenants.rs"}


@check
def tenant_keys_are_formed_in_one_place(project):
    for crate in TENANT_TABLES:
        for path, text in project.sources[crate].items():
            code = re.sub(r"//[^\n]*", "", text)
            if "TENANT#" in code:
                yield f"{path}: forms a tenant's key by itself"
            if path not in WITHOUT_TENANTS_ITEMS and re.search(r"aws_sdk_dynamodb::(?:\{[^}]*\b)?Client\b", code):
                yield f"{path}: calls DynamoDB by itself"


@check
def a_sandbox_gets_its_tenant_from_verified_claims(project):
    claim = "context.authorizer.claims['custom:tenant-id']"
    label, stack = next((l, s) for l, s in project.stacks(ISOLATED) if l == "booking")
    resources = dict(stack.resources())
    if resources.get("BookingApiIsolated", {}).get("TenancyConfig") != {"TenantIsolationMode": "PER_TENANT"}:
        yield f"{label} BookingApiIsolated: tenants share its sandboxes"
    for name, properties in resources.items():
        if properties.get("FunctionName") == stack.name("BookingApiIsolated") and "EventSourceArn" in properties:
            yield f"{label} {name}: an event source has no tenant"
    paths = resources["IsolatedApi"]["DefinitionBody"]["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    pooled = {(method, path) for method, path, _ in _routes(stack, "Api") if method != "OPTIONS"}
    if not routes <= pooled:
        yield f"{label} IsolatedApi: {sorted(routes - pooled)} are not routes of booking-api"
    for path, methods in paths.items():
        for method, operation in methods.items():
            mapped = operation["x-amazon-apigateway-integration"].get("requestParameters")
            if mapped != {"integration.request.header.X-Amz-Tenant-Id": claim}:
                yield f"{label} IsolatedApi {method.upper()} {path}: its tenant is {mapped}, not the verified claim"
    if resources["IsolatedApi"].get("Auth", {}).get("DefaultAuthorizer") != "Cognito":
        yield f"{label} IsolatedApi: nobody verifies a claim"
    if "BookingApiIsolated" in dict(next(s for l, s in project.stacks() if l == "booking").resources()):
        yield f"{label} BookingApiIsolated: there without having been asked for"


@check
def only_mileage_apis_read_the_registry_of_another_account(project):
    table = next(stack.arn("Tenants") for label, stack in project.stacks() if label == "booking")
    for parameters in (EVERYTHING, {**EVERYTHING, "TierAccountIds": "444444444444,555555555555"}):
        accounts = {MILEAGE, *filter(None, parameters.get("TierAccountIds", "").split(","))}
        let_in = set()
        for label, where, statement in _resource_statements(project, parameters):
            if not where.startswith("Tenants["):
                continue
            if statement["Action"] != ["dynamodb:GetItem"] or statement["Resource"] != [table]:
                yield f"{label} {where}: more than reading an entry"
            if not all(arn.endswith(":role/*MileageApiRole*") for arn in _condition_values(statement, "aws:PrincipalArn") or [""]):
                yield f"{label} {where}: more than mileage-api"
            let_in |= {re.sub(r"arn:aws:iam::(\d+):root", r"\1", value) for _, value in _principals(statement)}
        if let_in != accounts:
            yield f"booking Tenants: lets in {sorted(let_in)}, not {sorted(accounts)}"
    label, stack = next((l, s) for l, s in project.stacks() if l == "mileage")
    asked = dict(stack.resources())["MileageApi"]["Environment"]["Variables"].get("TENANTS_TABLE")
    if asked != table:
        yield f"{label} MileageApi: asks {asked}, not {table}"


@check
def policies_name_actions_and_resources(project):
    for label, _, name, properties in project.resources("AWS::Serverless::Function", "AWS::IAM::Role", "AWS::IAM::Policy"):
        found = list(_function_statements(properties)) + list(statements(properties.get("PolicyDocument", {})))
        for policy in as_list(properties.get("Policies")):
            found += list(statements(policy.get("PolicyDocument", {}))) if isinstance(policy, dict) else []
        for statement in found:
            for action in statement["Action"]:
                if "*" in action and action not in PATTERNS:
                    yield f"{label} {name}: {action} is more than one action"
                if "*" in statement["Resource"] and action not in WITHOUT_RESOURCE:
                    yield f"{label} {name}: {action} on everything"
        for policy in as_list(properties.get("ManagedPolicyArns")) + [p for p in as_list(properties.get("Policies")) if isinstance(p, str)]:
            yield f"{label} {name}: {policy} is somebody else's list"


# --- Nothing gets lost ----------------------------------------------------------------------------------------------

# Takes what a function sets aside by itself; the alarm on it is what moves it on.
SET_ASIDE = {"ParkingQueue"}


@check
def every_queue_and_source_has_a_dead_letter_queue(project):
    for label, stack in project.stacks():
        resources = dict(stack.resources())
        types = {name: stack.template["Resources"][name]["Type"] for name in resources}
        last = SET_ASIDE | set(_last_resorts(stack, resources))
        # Functions whose asynchronous runs leave something behind when they fail.
        kept = {stack.template["Resources"][name]["Properties"]["FunctionName"].get("Ref") for name, properties in resources.items()
                if types[name] == "AWS::Lambda::EventInvokeConfig" and "OnFailure" in properties.get("DestinationConfig", {})}
        for name, properties in resources.items():
            kind, where = types[name], f"{label} {name}"
            if kind == "AWS::SQS::Queue" and name not in last:
                redrive = properties.get("RedrivePolicy", {})
                if not redrive.get("deadLetterTargetArn") or not redrive.get("maxReceiveCount"):
                    yield f"{where}: no dead-letter queue"
            if kind == "AWS::SQS::Queue" and name in last and int(properties.get("MessageRetentionPeriod", 345600)) < 1209600:
                yield f"{where}: what it keeps is forgotten before 14 days"
            if kind == "AWS::SNS::Subscription" and properties["Protocol"] != "email" and "RedrivePolicy" not in properties:
                yield f"{where}: no dead-letter queue"
            if kind == "AWS::Lambda::EventSourceMapping":
                source = stack.template["Resources"][name]["Properties"]["EventSourceArn"].get("Fn::GetAtt", ["", ""])
                if source[1] == "StreamArn":
                    if "OnFailure" not in properties.get("DestinationConfig", {}):
                        yield f"{where}: what fails is forgotten with the stream"
                    for limit in ("MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "BisectBatchOnFunctionError"):
                        if properties.get(limit) in (None, -1, False):
                            yield f"{where}: {limit} is unbounded"
                elif "ReportBatchItemFailures" not in properties.get("FunctionResponseTypes", []):
                    yield f"{where}: one bad message fails its batch"
            if kind == "AWS::Events::Rule":
                for target in properties.get("Targets", []):
                    if "DeadLetterConfig" not in target:
                        yield f"{where} {target['Id']}: no dead-letter queue"
            if kind == "AWS::Serverless::Function":
                for event, definition in properties.get("Events", {}).items():
                    if definition["Type"] in ("Schedule", "ScheduleV2", "EventBridgeRule"):
                        if "DeadLetterConfig" not in definition["Properties"]:
                            yield f"{where} {event}: no dead-letter queue"
                        if name not in kept:
                            yield f"{where}: a run that fails is forgotten"


def _last_resorts(stack, resources):
    """Queues that others' failures go to."""
    def targets(value, key=None):
        if isinstance(value, dict):
            if "Fn::GetAtt" in value and key in ("deadLetterTargetArn", "Destination", "Arn"):
                yield value["Fn::GetAtt"][0] if isinstance(value["Fn::GetAtt"], list) else value["Fn::GetAtt"].split(".")[0]
            for inner, item in value.items():
                yield from targets(item, inner)
        elif isinstance(value, list):
            for item in value:
                yield from targets(item, key)

    for name in resources:
        yield from targets(stack.template["Resources"][name].get("Properties", {}))


@check
def every_dead_letter_queue_has_an_alarm(project):
    watched = {(account, dimensions.get("QueueName")) for _, _, account, dimensions in _watched(project)}
    for label, stack in project.stacks():
        resources = dict(stack.resources("AWS::SQS::Queue"))
        last = SET_ASIDE | set(_last_resorts(stack, dict(stack.resources())))
        for name in resources.keys() & last:
            if (stack.account, stack.name(name)) not in watched:
                yield f"{label} {name}: nobody sees what is in it"


# --- Accounts -------------------------------------------------------------------------------------------------------


@check
def every_account_has_transaction_search(project):
    accounts = {}
    for _, stack, _, properties in project.resources("AWS::XRay::TransactionSearchConfig"):
        accounts[stack.account] = properties.get("IndexingPercentage")
    policies = set()
    for label, stack, name, properties in project.resources("AWS::Logs::ResourcePolicy"):
        text = json.dumps(_json(properties["PolicyDocument"]))
        if "xray.amazonaws.com" in text and "logs:PutLogEvents" in text and "log-group:aws/spans:*" in text:
            policies.add(stack.account)
    for account in {stack.account for _, stack in project.stacks()}:
        if accounts.get(account) is None:
            yield f"account {account}: Transaction Search is off, or indexes by default"
        if account not in policies:
            yield f"account {account}: X-Ray may not write spans"


@check
def links_send_what_the_sink_takes(project):
    taken = set()
    for _, _, statement in _resource_statements(project):
        taken |= {kind for kind in _condition_values(statement, "oam:ResourceTypes")}
    for needed in ("AWS::CloudWatch::Metric", "AWS::Logs::LogGroup", "AWS::XRay::Trace"):
        if needed not in taken:
            yield f"the sink does not take {needed}"
    for label, _, name, properties in project.resources("AWS::Oam::Link"):
        for kind in set(properties["ResourceTypes"]) - taken:
            yield f"{label} {name}: the sink does not take {kind}"
        for needed in taken - set(properties["ResourceTypes"]):
            yield f"{label} {name}: does not send {needed}"


@check
def sns_may_send_segments(project):
    topic = next(stack.arn(name) for label, stack, name, _ in project.resources("AWS::SNS::Topic") if label == "booking")
    sources = {source for label, where, statement in _resource_statements(project)
               if ("Service", "sns.amazonaws.com") in _principals(statement) and "xray:PutTraceSegments" in statement["Action"]
               for source in _condition_values(statement, "aws:SourceArn")}
    if topic not in sources:
        yield f"X-Ray takes no segments from {topic}"


# --- Collectors -----------------------------------------------------------------------------------------------------


@check
def collector_components_are_in_the_layer(project):
    for name, config in project.collectors.items():
        for kind, known in project.layers[name].items():
            for component in config.get(kind) or {}:
                if component.split("/")[0] not in known:
                    yield f"{name}.yaml: the layer has no {kind[:-1]} {component}"


# Of OTTL, as much as these configurations need; a statement it does not know stops the collector as well.
OTTL_EDITORS = {"set", "delete_key", "delete_matching_keys", "keep_keys", "limit", "truncate_all", "replace_pattern", "merge_maps"}
OTTL_CONVERTERS = {"SHA256", "Concat", "IsMatch", "String", "Int", "Substring", "Len", "IsString"}


@check
def collector_statements_parse(project):
    for name, config in project.collectors.items():
        for processor, settings in (config.get("processors") or {}).items():
            settings = settings or {}
            statements_of = [s for group in settings.get("trace_statements", []) for s in group["statements"]]
            conditions = settings.get("traces", {}).get("span", [])
            for statement in statements_of + conditions:
                where = f"{name}.yaml {processor}: {statement[:60]}"
                text = re.sub(r'"(?:[^"\\]|\\.)*"', "_", statement)
                called = re.findall(r"\b([A-Za-z_]+)\(", text)
                if statement in statements_of and (not called or called[0] not in OTTL_EDITORS or not text.startswith(called[0] + "(")):
                    yield f"{where}: starts with no editor"
                for function in called[1:] if statement in statements_of else called:
                    if function not in OTTL_CONVERTERS:
                        yield f"{where}: no such converter: {function}"
                if '"' in text or any(text.count(a) != text.count(b) for a, b in ("()", "[]")):
                    yield f"{where}: a bracket or quote is missing"
            if (statements_of or conditions) and settings.get("error_mode") != "propagate":
                yield f"{name}.yaml {processor}: a statement that fails would let spans pass as they are"


@check
def collector_pipelines_are_wired(project):
    for name, config in project.collectors.items():
        for pipeline, parts in config["service"]["pipelines"].items():
            for kind in ("receivers", "processors", "exporters"):
                for component in parts.get(kind, []):
                    if component not in (config.get(kind) or {}):
                        yield f"{name}.yaml {pipeline}: {component} is not among the {kind}"
            if not parts.get("receivers") or not parts.get("exporters"):
                yield f"{name}.yaml {pipeline}: leads nowhere"
        for extension in config["service"].get("extensions", []):
            if extension not in (config.get("extensions") or {}):
                yield f"{name}.yaml: {extension} is not among the extensions"
        for exporter, settings in config["exporters"].items():
            authenticator = (settings or {}).get("auth", {}).get("authenticator")
            if authenticator and authenticator not in config["service"].get("extensions", []):
                yield f"{name}.yaml {exporter}: {authenticator} is not started"


@check
def decouple_is_last(project):
    config = project.collectors["community"]
    for pipeline, parts in config["service"]["pipelines"].items():
        processors = [processor.split("/")[0] for processor in parts.get("processors", [])]
        if not processors or processors[-1] != "decouple" or processors.count("decouple") != 1:
            yield f"community.yaml {pipeline}: decouple is not last"
        if "batch" not in processors:
            yield f"community.yaml {pipeline}: no batch"


@check
def xray_gets_annotations_and_vendors_get_pseudonyms(project):
    indexed = (project.collectors["adot"]["exporters"].get("awsxray") or {}).get("indexed_attributes", [])
    if not {"tenant.id", "tenant.tier"} <= set(indexed):
        yield "adot.yaml: X-Ray does not index the tenant"
    community = project.collectors["community"]
    for pipeline, parts in community["service"]["pipelines"].items():
        text = " ".join(
            statement
            for processor in parts.get("processors", [])
            for group in (community["processors"].get(processor) or {}).get("trace_statements", [])
            for statement in group["statements"]
        )
        if "otlphttp/xray" in parts["exporters"] and "aws.xray.annotations" not in text:
            yield f"community.yaml {pipeline}: X-Ray does not index the tenant"
        if "otlphttp/vendor" in parts["exporters"]:
            for attribute in ("tenant.id", "enduser.id"):
                if not re.search(rf'set\(attributes\["{attribute}"\], SHA256\(Concat\(\["\$\{{env:TENANT_ID_SALT\}}"', text):
                    yield f"community.yaml {pipeline}: a vendor gets the plain {attribute}"
        if {"otlphttp/xray", "otlphttp/vendor"} <= set(parts["exporters"]):
            yield f"community.yaml {pipeline}: X-Ray and a vendor cannot share a pipeline"
    for pipeline, parts in project.collectors["adot"]["service"]["pipelines"].items():
        if "otlphttp/vendor" in parts["exporters"]:
            yield f"adot.yaml {pipeline}: a vendor gets the plain tenant"


# --- The same templates everywhere ----------------------------------------------------------------------------------


@check
def the_local_cloud_deploys_these_templates(project):
    if 'join("infra").join(name).join("template.yaml")' not in project.local_cloud:
        yield "local/src/cloud.rs: its templates are not infra/<name>/template.yaml"
    for name in ("booking", "mileage"):
        if f'template("{name}")' not in project.local_cloud:
            yield f"local/src/cloud.rs: does not deploy infra/{name}/template.yaml"


@check
def functions_are_binaries_of_this_workspace(project):
    known = set(FUNCTIONS)
    for label, _, name, properties in project.resources("AWS::Serverless::Function"):
        match = re.fullmatch(r"\.\./\.\./target/lambda/([a-z-]+)/", properties["CodeUri"])
        if not match or match[1] not in known:
            yield f"{label} {name}: no binary is built into {properties['CodeUri']}"


@check
def accounts_trust_each_other_as_meant(project):
    """Booking's topic is subscribed to by the mileage account alone; mileage's distance is asked for by booking's account alone."""
    for label, where, statement in _resource_statements(project):
        if "sns:Subscribe" in statement["Action"]:
            expected = [("AWS", f"arn:aws:iam::{MILEAGE}:root")]
            if _principals(statement) != expected:
                yield f"{label} {where}: others may subscribe"
    for label, stack, name, properties in project.resources("AWS::SQS::QueuePolicy"):
        if label == "mileage":
            for statement in statements(properties["PolicyDocument"]):
                if f"arn:aws:sns:{REGION}:{BOOKING}:booking-events-dev" not in _condition_values(statement, "aws:SourceArn"):
                    yield f"{label} {name}: takes messages of another topic"
