"""Who may do what: policies, routes, users, pages of other sites."""

import json
import re

from cloudformation import as_list, statements
from project import EVERYTHING, LEAST
from project_file import CLAIMS

from .reading import condition_values, function_statements, principals, resource_statements
from .registered import check

# What has no resource to name, and why.
WITHOUT_RESOURCE = {
    "dynamodb:ListStreams": "lists streams of all tables",
    "logs:GetQueryResults": "an answer is found by its id",
    "cloudwatch:PutMetricData": "held to a namespace by its condition, or as OTLP, which has none",
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
        for label, where, statement in resource_statements(project, parameters):
            if statement.get("Effect") != "Allow":
                continue
            if any(value == "*" for _, value in principals(statement)):
                if not any(condition_values(statement, key) for key in narrowing):
                    yield f"{label} {where}: everybody may"


@check
def services_are_held_to_their_source(project):
    for parameters in (EVERYTHING, LEAST):
        for label, where, statement in resource_statements(project, parameters):
            for kind, service in principals(statement):
                # eventbridge_is_not_asked_for_its_source
                if service == "events.amazonaws.com" and any(action.startswith(("kms:", "sns:")) for action in statement["Action"]):
                    continue
                if kind == "Service" and not any(condition_values(statement, key) for key in ("aws:SourceArn", "aws:SourceAccount")):
                    yield f"{label} {where}: {service} may for anybody (no aws:SourceArn, no aws:SourceAccount)"
            for source in condition_values(statement, "aws:SourceArn"):
                if source in ("*", "arn:*") or source.startswith("arn:aws:sns:*"):
                    yield f"{label} {where}: {source} holds nobody"


# Who is to become a user has no token yet.
OPEN_ROUTES = {("booking", "POST", "/registrations")}


@check
def open_api_routes_are_the_authorizers(project):
    """An API's policy may let everybody in only where a Cognito authorizer, or nothing but a preflight, comes after it."""
    for label, stack, name, properties in project.resources("AWS::Serverless::Api"):
        open_to = list(routes(stack, name))
        for statement in statements(properties.get("Policy", {})):
            if statement.get("Effect") != "Allow" or not any(v == "*" for _, v in principals(statement)):
                continue
            for resource in statement["Resource"]:
                pattern = re.escape(resource.removeprefix("execute-api:/")).replace(r"\*", ".*")
                for method, path, authorizer in open_to:
                    if authorizer == "AWS_IAM" and re.fullmatch(pattern, f"{properties['StageName']}/{method}{path}"):
                        yield f"{label} {name}: everybody may {method} {path}, which IAM alone guards"
        if not properties.get("Auth", {}).get("DefaultAuthorizer"):
            yield f"{label} {name}: no default authorizer"
        throttled = {
            (settings["HttpMethod"], settings["ResourcePath"])
            for settings in properties.get("MethodSettings", [])
            if settings.get("ThrottlingRateLimit", 0) > 0 and settings.get("ThrottlingBurstLimit", 0) > 0
        }
        for method, path, authorizer in open_to:
            if authorizer != "NONE" or method == "OPTIONS":
                continue
            if (label, method, path) not in OPEN_ROUTES:
                yield f"{label} {name}: {method} {path} asks for no token"
            elif (method, "/" + path.replace("/", "~1")) not in throttled:
                yield f"{label} {name}: {method} {path} asks for no token and has no throttle of its own"


def routes(stack, api):
    for _, resource in stack.template["Resources"].items():
        for event in resource.get("Properties", {}).get("Events", {}).values() if isinstance(resource.get("Properties"), dict) else []:
            properties = event.get("Properties", {})
            if event["Type"] == "Api" and properties.get("RestApiId") == {"Ref": api}:
                yield properties["Method"].upper(), properties["Path"], properties.get("Auth", {}).get("Authorizer")


# What the tokens of a client tell, where that is not all.
TOLD = {"ControlPlaneClient": {CLAIMS["tenant"], CLAIMS["role"]}}


@check
def users_cannot_choose_their_tenant(project):
    """Nor their tier, nor what they may do in it."""
    theirs_to_read = set(CLAIMS.values())
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
        for attribute in TOLD.get(name, theirs_to_read) - set(properties.get("ReadAttributes", [])):
            yield f"{label} {name}: a token lacks {attribute}"
        if "implicit" in properties.get("AllowedOAuthFlows", []):
            yield f"{label} {name}: tokens come back in an address"


@check
def the_user_pool_asks_a_function_that_answers(project):
    """Cognito fails whoever adds a user if it may not invoke the function that it asks what to mail, or waits for it for more than five seconds.
    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html"""
    for label, stack, pool, properties in project.resources("AWS::Cognito::UserPool"):
        asked = properties.get("LambdaConfig", {})
        if "CustomMessage" not in asked:
            yield f"{label} {pool}: its mails name no company"
        allowed = {
            permission["FunctionName"]
            for _, permission in stack.resources("AWS::Lambda::Permission")
            if permission["Action"] == "lambda:InvokeFunction" and permission["Principal"] == "cognito-idp.amazonaws.com"
            and permission.get("SourceArn") == stack.arn(pool) and permission.get("SourceAccount") == stack.account
        }
        limits = {stack.arn(name): int(function.get("Timeout", 10)) for name, function in stack.resources("AWS::Serverless::Function")}
        for trigger, function in asked.items():
            if function not in allowed:
                yield f"{label} {pool}: it alone, of this account, is to invoke {function} for {trigger}"
            if limits.get(function, 0) > 5:
                yield f"{label} {pool}: nobody waits for {function} for {limits[function]} s"
    for label, stack, name, permission in project.resources("AWS::Lambda::Permission"):
        pools = {stack.arn(pool) for pool, body in stack.resources("AWS::Cognito::UserPool") if permission["FunctionName"] in body.get("LambdaConfig", {}).values()}
        if permission["Principal"] == "cognito-idp.amazonaws.com" and permission.get("SourceArn") not in pools:
            yield f"{label} {name}: lets in a user pool that does not ask"


@check
def a_sign_in_with_a_code_tells_who_it_was(project):
    """A client that signs in by code gets an ID token with the custom attributes for `profile` alone, and comes back to where it was given.
    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html"""
    for label, _, name, properties in project.resources("AWS::Cognito::UserPoolClient"):
        scopes = set(properties.get("AllowedOAuthScopes", []))
        if not {"openid", "profile"} <= scopes:
            yield f"{label} {name}: its ID tokens lack the custom attributes"
        if "aws.cognito.signin.user.admin" in scopes:
            yield f"{label} {name}: an access token can change its user"
        for address in properties.get("CallbackURLs", []):
            if not address.startswith("https://"):
                yield f"{label} {name}: a code comes back in the clear to {address}"
    for label, _, name, _ in project.resources("AWS::Cognito::UserPoolClient", parameters=LEAST):
        if name == "ControlPlaneClient":
            yield f"{label} {name}: there without a control plane"


@check
def apis_let_in_the_portal_alone(project):
    origin = "https://portal.example.com"
    for label, _, name, properties in project.resources("AWS::ApiGateway::GatewayResponse", parameters={**LEAST, "AllowedOrigin": origin}):
        if properties["ResponseParameters"].get("gatewayresponse.header.Access-Control-Allow-Origin") != f"'{origin}'":
            yield f"{label} {name}: browsers at the portal cannot read it"
    for label, _, name, properties in project.resources("AWS::ApiGateway::GatewayResponse", "AWS::Serverless::Function", parameters=LEAST):
        if re.search(r"(Access-Control-Allow-Origin|CORS_ALLOWED_ORIGIN)\W+\*", json.dumps(properties)):
            yield f"{label} {name}: lets in every origin"


@check
def policies_name_actions_and_resources(project):
    for label, _, name, properties in project.resources("AWS::Serverless::Function", "AWS::IAM::Role", "AWS::IAM::Policy"):
        found = list(function_statements(properties)) + list(statements(properties.get("PolicyDocument", {})))
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
