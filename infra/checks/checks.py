"""Who may do what, and tenants. What no linter sees of other subjects is in `rules/`. Each check takes the project and yields its problems,
one sentence each."""

import json
import re

from cloudformation import as_list, statements
from project import EVERYTHING, LEAST, MILEAGE
from rules import CHECKS, check
from rules.reading import condition_values as _condition_values
from rules.reading import function_statements as _function_statements
from rules.reading import principals as _principals
from rules.reading import resource_statements as _resource_statements


# --- Who may do what ------------------------------------------------------------------------------------------------

# What has no resource to name, and why.
WITHOUT_RESOURCE = {
    "dynamodb:ListStreams": "lists streams of all tables",
    "logs:GetQueryResults": "an answer is found by its id",
    "cloudwatch:PutMetricData": "held to a namespace by its condition",
    "s3:ListAllMyBuckets": "lists buckets",
    "xray:PutSpans": "X-Ray has no resources that spans go to",
    "xray:PutSpansForIndexing": "nor that they are indexed in",
}
# Somebody else's lists that are taken, and why.
MANAGED = {"service-role/AmazonAPIGatewayPushToCloudWatchLogs": "API Gateway refuses a role that may do less"}
# A pattern the local cloud needs, and the one action it stands for on AWS.
PATTERNS = {"sns:Publish*": "sns:Publish"}


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
                # eventbridge_is_not_asked_for_its_source
                if service == "events.amazonaws.com" and any(action.startswith(("kms:", "sns:")) for action in statement["Action"]):
                    continue
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
                    if authorizer == "AWS_IAM" and re.fullmatch(pattern, f"{properties['StageName']}/{method}{path}"):
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


def _own_statements(stack, resources, logical):
    """What a function's own role may: its policies, and those that are attached to its role by themselves."""
    yield from _function_statements(resources[logical])
    for name, properties in resources.items():
        if stack.template["Resources"][name]["Type"] == "AWS::IAM::Policy" and f"<{logical}Role>" in properties["Roles"]:
            yield from statements(properties["PolicyDocument"])


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
    # As a parameter mapping has it; brackets belong to templates.
    claim = "context.authorizer.claims.custom:tenant-id"
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
            if not any(policy.endswith(taken) for taken in MANAGED):
                yield f"{label} {name}: {policy} is somebody else's list"
