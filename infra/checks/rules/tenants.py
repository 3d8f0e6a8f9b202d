"""Tenants: who reaches whose items."""

import re

from cloudformation import as_list, statements
from project import EVERYTHING, LEAST, MILEAGE
from project_file import CLAIMS

from .access import routes
from .reading import condition_values, function_statements, principals, resource_statements
from .registered import check

# Tables whose items belong to tenants.
TENANT_TABLES = {"booking": "Reservations", "mileage": "Ledger"}
FENCE = "TENANT#${aws:PrincipalTag/tenant_id}#*"
# Of that, what is the tenant's as a whole and no user's.
TENANT_AS_A_WHOLE = FENCE.removesuffix("*")
# And what is its users'.
USERS = f"{TENANT_AS_A_WHOLE}USER#*"
# A parameter that adds functions that serve tenants.
ISOLATED = {**EVERYTHING, "TenantIsolationMode": "function"}


def _own_statements(stack, resources, logical):
    """What a function's own role may: its policies, and those that are attached to its role by themselves."""
    yield from function_statements(resources[logical])
    for name, properties in resources.items():
        if stack.template["Resources"][name]["Type"] == "AWS::IAM::Policy" and f"<{logical}Role>" in properties["Roles"]:
            yield from statements(properties["PolicyDocument"])


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
            if statement["Effect"] != "Allow" or fences not in ([FENCE], [TENANT_AS_A_WHOLE], [USERS]):
                yield f"{where}: its keys are fenced by {fences}, not by {FENCE}"
            for key in ("dynamodb:LeadingKeys", "aws:PrincipalTag/tenant_id"):
                if str(condition.get("Null", {}).get(key)).lower() != "false":
                    yield f"{where}: allowed where there is no {key}"
            if set(condition) - {"ForAllValues:StringLike", "Null"}:
                yield f"{where}: a condition that nobody has thought about"


@check
def quotas_and_users_items_are_written_apart(project):
    """A lease writes what is the tenant's as a whole and nothing of its users; booking and cancelling write items of users and no quota. What
    changes an item of a user is the one statement that marks a reservation as cancelled."""
    for label, _, _, role in _tenant_stacks(project):
        for statement in _role_statements(role):
            fences = as_list(statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys"))
            meant = [USERS] if statement.get("Sid") == "Cancel" and statement["Action"] == ["dynamodb:UpdateItem"] else [TENANT_AS_A_WHOLE]
            if label == "booking" and "dynamodb:UpdateItem" in statement["Action"] and fences != meant:
                yield f"{label} TenantRole {statement.get('Sid')}: may change items of users"
            if label == "booking" and "dynamodb:PutItem" in statement["Action"] and fences != [USERS]:
                yield f"{label} TenantRole {statement.get('Sid')}: may overwrite a quota"


@check
def each_api_of_tenants_has_quotas(project):
    defaults = set()
    for label, stack, resources, _ in _tenant_stacks(project):
        defaults.add(stack.template["Parameters"].get("TierQuotas", {}).get("Default", ""))
        for name in _serving(stack, resources):
            variables = resources[name]["Environment"]["Variables"]
            # Who is asked for tokens of the user pool has callers.
            if "USER_POOL_ID" in variables and "TIER_QUOTAS" not in variables:
                yield f"{label} {name}: its tenants have no quotas"
    if len(defaults) != 1:
        yield f"TierQuotas: not the same in both accounts: {', '.join(sorted(defaults))}"


@check
def only_functions_assume_the_tenant_role_and_only_for_a_tenant(project):
    for label, stack, resources, role in _tenant_stacks(project):
        expected = {f"<{name}Role.Arn>" for name in _serving(stack, resources)}
        found = list(statements(role["AssumeRolePolicyDocument"]))
        if {value for statement in found for _, value in principals(statement)} != expected:
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
    claim = f"context.authorizer.claims.{CLAIMS['tenant']}"
    label, stack = next((l, s) for l, s in project.stacks(ISOLATED) if l == "booking")
    resources = dict(stack.resources())
    if resources.get("BookingApiIsolated", {}).get("TenancyConfig") != {"TenantIsolationMode": "PER_TENANT"}:
        yield f"{label} BookingApiIsolated: tenants share its sandboxes"
    for name, properties in resources.items():
        if properties.get("FunctionName") == stack.name("BookingApiIsolated") and "EventSourceArn" in properties:
            yield f"{label} {name}: an event source has no tenant"
    paths = resources["IsolatedApi"]["DefinitionBody"]["paths"]
    mapped_routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    pooled = {(method, path) for method, path, _ in routes(stack, "Api") if method != "OPTIONS"}
    if not mapped_routes <= pooled:
        yield f"{label} IsolatedApi: {sorted(mapped_routes - pooled)} are not routes of booking-api"
    own = {(event["Properties"]["Method"], event["Properties"]["Path"]) for event in resources["BookingApi"]["Events"].values()}
    if missing := {(method, path) for method, path in own if method != "OPTIONS"} - mapped_routes:
        yield f"{label} IsolatedApi: {sorted(missing)} of booking-api are missing"
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
        for label, where, statement in resource_statements(project, parameters):
            if not where.startswith("Tenants["):
                continue
            if statement["Action"] != ["dynamodb:GetItem"] or statement["Resource"] != [table]:
                yield f"{label} {where}: more than reading an entry"
            if not all(arn.endswith(":role/*MileageApiRole*") for arn in condition_values(statement, "aws:PrincipalArn") or [""]):
                yield f"{label} {where}: more than mileage-api"
            let_in |= {re.sub(r"arn:aws:iam::(\d+):root", r"\1", value) for _, value in principals(statement)}
        if let_in != accounts:
            yield f"booking Tenants: lets in {sorted(let_in)}, not {sorted(accounts)}"
    label, stack = next((l, s) for l, s in project.stacks() if l == "mileage")
    asked = dict(stack.resources())["MileageApi"]["Environment"]["Variables"].get("TENANTS_TABLE")
    if asked != table:
        yield f"{label} MileageApi: asks {asked}, not {table}"


@check
def what_operators_change_is_in_force_within_a_minute(project):
    """Whoever asks the registry for a tenant's status, tier, quota and lists keeps the answer for no longer, whatever a stage is given."""
    for label, stack in project.stacks():
        declared = stack.template.get("Parameters", {})
        for name, _ in stack.resources("AWS::Serverless::Function"):
            seconds = stack.template["Resources"][name]["Properties"].get("Environment", {}).get("Variables", {}).get("TENANTS_CACHE_SECONDS")
            if seconds is not None:
                most = declared.get(seconds["Ref"], {}).get("MaxValue") if isinstance(seconds, dict) else seconds
                if most is None or int(most) > 60:
                    yield f"{label} {name}: may know a tenant as it was for {most or 'any number of'} seconds"
