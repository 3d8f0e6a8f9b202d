"""In front of the APIs: what is counted, what is logged, what is let through."""

import json
import re

from cloudformation import as_list
from project import EVERYTHING, LEAST

from .reading import kind
from .registered import check

APIS = "AWS::Serverless::Api"
# What API Gateway may write about a request, its address among it, of which the network alone leaves the account. Paths hold booking numbers, claims and identities name people and tenants, and a query or
# a header can hold anything: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
LOGGED = {
    "identity.sourceIp", "requestId", "extendedRequestId", "requestTime", "requestTimeEpoch", "xrayTraceId", "httpMethod", "resourcePath", "stage", "protocol", "status",
    "responseLatency", "responseLength", "integrationLatency", "integrationStatus", "integration.latency", "integration.status",
    "integration.requestId", "error.responseType", "waf.status", "waf.latency", "wafResponseCode", "authorizer.latency", "authorizer.status",
}  # fmt: skip
TRACES = {"xrayTraceId", "requestId", "status", "responseLatency", "resourcePath"}


@check
def no_metrics_by_method(project):
    """`MetricsEnabled` has API Gateway count each method by itself, as custom metrics that cost by the month; every alarm and widget uses
    those by API and stage, which are there without it."""
    for label, _, name, properties in project.resources(APIS, parameters={**EVERYTHING, "TenantIsolationMode": "function"}):
        for settings in properties.get("MethodSettings", []):
            if settings.get("MetricsEnabled"):
                yield f"{label} {name}: {settings['HttpMethod']} {settings['ResourcePath']} has metrics of its own"


@check
def access_logs_lead_to_traces_and_name_nobody(project):
    for label, stack, name, properties in project.resources(APIS, parameters={**EVERYTHING, "TenantIsolationMode": "function"}):
        setting, where = properties.get("AccessLogSetting"), f"{label} {name}"
        if not setting:
            yield f"{where}: no access log"
            continue
        variables = set(re.findall(r"\$context\.([A-Za-z.]+)", setting["Format"]))
        for variable in sorted(variables - LOGGED):
            yield f"{where}: logs {variable}, which may name somebody"
        if "$" in setting["Format"].replace("$context.", ""):
            yield f"{where}: logs something other than the request's context"
        for variable in sorted(TRACES - variables):
            yield f"{where}: its log lacks {variable}"
        if not setting["DestinationArn"].endswith(":log-group:<ApiAccessLogs>"):
            yield f"{where}: API Gateway gives the log group back without :*, so a template that has it drifts"
        if "\n" in setting["Format"]:
            yield f"{where}: API Gateway takes a format on one line"
        try:
            json.loads(setting["Format"])
        except ValueError as error:
            yield f"{where}: its log is no JSON: {error}"
    for label, _, name, properties in project.resources(APIS, parameters=LEAST):
        if properties.get("AccessLogSetting"):
            yield f"{label} {name}: logs without having been asked to"


@check
def api_gateway_may_log(project):
    """Its role is the account's, so the account's own stack sets it: where it is missing, no stage with an access log can be made.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigateway-account.html"""
    may = {stack.account for _, stack, _, _ in project.resources("AWS::ApiGateway::Account")}
    for label, stack, name, properties in project.resources(APIS):
        if properties.get("AccessLogSetting") and stack.account not in may:
            yield f"{label} {name}: no stack gives API Gateway a role to log by in account {stack.account}"
    for label, stack, name, _ in project.resources("AWS::ApiGateway::Account"):
        before = [kind(stack, other) for other in as_list(stack.template["Resources"][name].get("DependsOn"))]
        if not any(of_type.startswith("AWS::ApiGateway::") for of_type in before):
            yield f"{label} {name}: in an account without anything of API Gateway it has nothing to be set on"
    for label, stack, name, _ in project.resources("AWS::ApiGateway::Account", parameters={**EVERYTHING, "AccountWide": "false"}):
        yield f"{label} {name}: a second stage would replace the first one's"


# Requests from one address within five minutes; less than this a person could need.
LEAST_REQUESTS = 100


@check
def every_api_has_a_web_acl(project):
    parameters = {**EVERYTHING, "TenantIsolationMode": "function"}
    for label, stack in project.stacks(parameters):
        resources = dict(stack.resources())
        apis = [name for name in resources if kind(stack, name) == APIS]
        guarded = json.dumps([properties["ResourceArn"] for name, properties in resources.items() if kind(stack, name) == "AWS::WAFv2::WebACLAssociation"])
        for api in apis:
            if f"restapis/<{api}>/stages/" not in guarded and f"restapis/{stack.name(api)}/stages/" not in guarded:
                yield f"{label} {api}: no web ACL in front of it"
    for label, _, name, properties in project.resources("AWS::WAFv2::WebACL", parameters=parameters):
        rules = {rule["Name"]: rule for rule in properties["Rules"]}
        limits = {rule: int(body["Statement"]["RateBasedStatement"]["Limit"]) for rule, body in rules.items() if "RateBasedStatement" in body["Statement"]}
        groups = {body["Statement"]["ManagedRuleGroupStatement"]["Name"] for body in rules.values() if "ManagedRuleGroupStatement" in body["Statement"]}
        if limits.get("requests-per-address", 0) < LEAST_REQUESTS:
            yield f"{label} {name}: no rate for an address that a person would not reach"
        if label == "booking" and not 10 <= limits.get("registrations-per-address", 0) < limits.get("requests-per-address", 0):
            yield f"{label} {name}: registrations have no lower rate of their own"
        if "AWSManagedRulesCommonRuleSet" not in groups:
            yield f"{label} {name}: without AWS's common rules"
        if len({rule["Priority"] for rule in rules.values()}) != len(rules):
            yield f"{label} {name}: two rules have one priority"
        for rule, body in rules.items():
            blocks = "Block" in body.get("Action", {}) or "None" in body.get("OverrideAction", {})
            if not blocks:
                yield f"{label} {name} {rule}: only counts"
    for label, _, name, _ in project.resources("AWS::WAFv2::WebACL", "AWS::WAFv2::WebACLAssociation", parameters=LEAST):
        yield f"{label} {name}: there without having been asked for"


@check
def networks_are_blocked_for_everybody_by_command(project):
    """The first rule refuses what two IP sets name, one for each version of addresses; a set that a template fills would undo
    what `operator firewall` wrote, which finds it by its name."""
    for label, stack, acl, properties in project.resources("AWS::WAFv2::WebACL"):
        if properties["Scope"] != "REGIONAL":
            continue
        sets = {f"<{name}.Arn>": body for name, body in stack.resources("AWS::WAFv2::IPSet")}
        first = min(properties["Rules"], key=lambda rule: int(rule["Priority"]))
        statements = first["Statement"].get("OrStatement", {}).get("Statements", [])
        named = [sets.get(each.get("IPSetReferenceStatement", {}).get("Arn")) for each in statements]
        found = {(body["Name"], body["IPAddressVersion"]) for body in named if body}
        prefix = f"{properties['Name']}-blocked"
        if "Block" not in first.get("Action", {}) or found != {(f"{prefix}-ipv4", "IPV4"), (f"{prefix}-ipv6", "IPV6")}:
            yield f"{label} {acl}: its first rule does not refuse what {prefix}-ipv4 and {prefix}-ipv6 name"
        for name, body in sets.items():
            if body["Addresses"]:
                yield f"{label} {name}: a deployment would undo what `operator firewall` wrote"


@check
def the_web_acl_lets_booking_ask_for_miles(project):
    """booking-api comes from Lambda's few addresses, for everybody, and reqwest says no User-Agent by itself."""
    for label, _, name, properties in project.resources("AWS::WAFv2::WebACL"):
        for rule in properties["Rules"]:
            rate, group = rule["Statement"].get("RateBasedStatement"), rule["Statement"].get("ManagedRuleGroupStatement")
            if label == "mileage" and rate and '"/miles"' not in json.dumps(rate.get("ScopeDownStatement", {}).get("NotStatement", {})):
                yield f"{label} {name} {rule['Name']}: counts account A's own requests"
            counted = {o["Name"] for o in (group or {}).get("RuleActionOverrides", []) if "Count" in o["ActionToUse"]}
            if group and "NoUserAgent_HEADER" not in counted:
                yield f"{label} {name} {rule['Name']}: refuses programs that do not say what they are"


@check
def refusals_are_problems(project):
    """What API Gateway answers by itself: a status of its own in the body, and nothing that misleads."""
    wanted = {"UNAUTHORIZED", "ACCESS_DENIED", "THROTTLED", "MISSING_AUTHENTICATION_TOKEN", "REQUEST_TOO_LARGE", "WAF_FILTERED", "DEFAULT_4XX", "DEFAULT_5XX"}
    found = {}
    for label, _, name, properties in project.resources("AWS::ApiGateway::GatewayResponse"):
        found.setdefault(label, set()).add(properties["ResponseType"])
        for body in map(json.loads, properties["ResponseTemplates"].values()):
            if "status" in body and str(body["status"]) != properties.get("StatusCode"):
                yield f"{label} {name}: answers {properties.get('StatusCode')} and says {body['status']}"
            if properties["ResponseType"] == "MISSING_AUTHENTICATION_TOKEN" and body.get("status") == 404:
                yield f"{label} {name}: a route that wants a signature answers so too, and is there"
    for label in {label for label, _, _, _ in project.resources(APIS)}:
        for missing in sorted(wanted - found.get(label, set())):
            yield f"{label}: {missing} is no problem document"


@check
def mails_are_counted_and_can_be_ones_own(project):
    """Cognito's own sender stops at 50 mails a day for the whole account.
    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-email.html"""
    for label, _, name, properties in project.resources("AWS::Cognito::UserPool"):
        if properties.get("EmailConfiguration", {}).get("EmailSendingAccount") != "DEVELOPER":
            yield f"{label} {name}: cannot send by SES"
    for label, _, name, properties in project.resources("AWS::Cognito::UserPool", parameters=LEAST):
        if "EmailConfiguration" in properties:
            yield f"{label} {name}: sends by SES without having been told which identity"
    counted = {
        (transformation["MetricNamespace"], transformation["MetricName"])
        for _, _, _, properties in project.resources("AWS::Logs::MetricFilter")
        for transformation in properties["MetricTransformations"]
        if all(f'"{route}"' in properties["FilterPattern"] for route in ("/registrations", "/invitations"))
    }
    daily = [
        properties
        for _, _, _, properties in project.resources("AWS::CloudWatch::Alarm")
        if (properties.get("Namespace"), properties.get("MetricName")) in counted and int(properties["Period"]) == 86400
    ]
    if not daily:
        yield "no alarm says that a day's mails run out"
    for alarm in daily:
        if not 0 < int(alarm["Threshold"]) < 50:
            yield f"{alarm['AlarmName']}: rings after Cognito has stopped"
