"""Mistakes in front of the APIs."""

from .made import properties


def metrics_by_method(project):
    properties(project, "booking", "Api")["MethodSettings"][0]["MetricsEnabled"] = True


def access_log(project, template, api="Api"):
    return properties(project, template, api)["AccessLogSetting"]["Fn::If"][1]


def access_log_with_the_tenant(project):
    setting = access_log(project, "booking")
    setting["Format"] = setting["Format"].replace("{", '{"tenant":"$context.authorizer.claims.custom:tenant-id",', 1)


def access_log_with_the_path(project):
    setting = access_log(project, "mileage")
    setting["Format"] = setting["Format"].replace("$context.resourcePath", "$context.path")


def access_log_without_trace(project):
    setting = access_log(project, "booking", "IsolatedApi")
    setting["Format"] = setting["Format"].replace("$context.xrayTraceId", "$context.requestTime")


def access_log_no_json(project):
    setting = access_log(project, "mileage")
    setting["Format"] = setting["Format"].rstrip("}")


def access_log_that_drifts(project):
    access_log(project, "booking")["DestinationArn"] = {"Fn::GetAtt": ["ApiAccessLogs", "Arn"]}


def role_before_anything_of_api_gateway(project):
    del project.templates["source-account"]["Resources"]["ApiGatewayAccount"]["DependsOn"]


def access_log_gone(project):
    del properties(project, "mileage", "Api")["AccessLogSetting"]


def api_gateway_without_a_role(project):
    del project.templates["source-account"]["Resources"]["ApiGatewayAccount"]


def second_stage_sets_the_role(project):
    project.templates["source-account"]["Resources"]["ApiGatewayAccount"]["Condition"] = "HasTopic"


def isolated_api_without_a_web_acl(project):
    del project.templates["booking"]["Resources"]["EdgeAclOfIsolatedApi"]


def acl_rule(project, template, name):
    return next(rule for rule in properties(project, template, "EdgeAcl")["Rules"] if rule["Name"] == name)


def web_acl_only_counts(project):
    acl_rule(project, "mileage", "requests-per-address")["Action"] = {"Count": {}}


def registrations_as_often_as_anything(project):
    rule = acl_rule(project, "booking", "registrations-per-address")
    rule["Statement"]["RateBasedStatement"]["Limit"] = {"Ref": "RequestsPerAddressPer5Minutes"}


def common_rules_gone(project):
    rules = properties(project, "booking", "EdgeAcl")["Rules"]
    rules.remove(acl_rule(project, "booking", "common-attacks"))


def web_acl_always_there(project):
    del project.templates["mileage"]["Resources"]["EdgeAcl"]["Condition"]


def blocked_networks_after_the_rates(project):
    acl_rule(project, "booking", "blocked-networks")["Priority"] = 9


def blocked_networks_of_one_version(project):
    del acl_rule(project, "mileage", "blocked-networks")["Statement"]["OrStatement"]["Statements"][1]


def blocked_networks_only_counted(project):
    acl_rule(project, "mileage", "blocked-networks")["Action"] = {"Count": {}}


def blocked_networks_by_another_name(project):
    properties(project, "booking", "BlockedIpv6")["Name"] = {"Fn::Sub": "booking-${Stage}-blocked-v6"}


def blocked_networks_in_the_template(project):
    properties(project, "booking", "BlockedIpv4")["Addresses"] = ["203.0.113.0/24"]


def web_acl_counts_the_other_account(project):
    del acl_rule(project, "mileage", "requests-per-address")["Statement"]["RateBasedStatement"]["ScopeDownStatement"]


def programs_without_a_name_refused(project):
    del acl_rule(project, "mileage", "common-attacks")["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]


def missing_signature_answered_as_missing_route(project):
    response = properties(project, "mileage", "MissingRouteResponse")
    response["StatusCode"] = "404"
    response["ResponseTemplates"]["application/json"] = '{"status":404}'


def status_in_the_body_another(project):
    properties(project, "booking", "BlockedResponse")["StatusCode"] = "429"


def blocked_without_a_problem(project):
    del project.templates["mileage"]["Resources"]["BlockedResponse"]


def mails_by_cognito_alone(project):
    del properties(project, "booking", "UserPool")["EmailConfiguration"]


def mails_not_counted(project):
    del project.templates["booking"]["Resources"]["MailsFilter"]


def mail_alarm_too_late(project):
    project.templates["booking"]["Parameters"]["MailsPerDayAlarm"]["Default"] = 50


MISTAKES = [
    (metrics_by_method, "no_metrics_by_method"),
    (access_log_with_the_tenant, "access_logs_lead_to_traces_and_name_nobody"),
    (access_log_with_the_path, "access_logs_lead_to_traces_and_name_nobody"),
    (access_log_without_trace, "access_logs_lead_to_traces_and_name_nobody"),
    (access_log_no_json, "access_logs_lead_to_traces_and_name_nobody"),
    (access_log_that_drifts, "access_logs_lead_to_traces_and_name_nobody"),
    (access_log_gone, "access_logs_lead_to_traces_and_name_nobody"),
    (api_gateway_without_a_role, "api_gateway_may_log"),
    (role_before_anything_of_api_gateway, "api_gateway_may_log"),
    (second_stage_sets_the_role, "api_gateway_may_log"),
    (isolated_api_without_a_web_acl, "every_api_has_a_web_acl"),
    (web_acl_only_counts, "every_api_has_a_web_acl"),
    (registrations_as_often_as_anything, "every_api_has_a_web_acl"),
    (common_rules_gone, "every_api_has_a_web_acl"),
    (web_acl_always_there, "every_api_has_a_web_acl"),
    *(
        (mistake, "networks_are_blocked_for_everybody_by_command")
        for mistake in (
            blocked_networks_after_the_rates,
            blocked_networks_of_one_version,
            blocked_networks_only_counted,
            blocked_networks_by_another_name,
            blocked_networks_in_the_template,
        )
    ),
    (web_acl_counts_the_other_account, "the_web_acl_lets_booking_ask_for_miles"),
    (programs_without_a_name_refused, "the_web_acl_lets_booking_ask_for_miles"),
    (missing_signature_answered_as_missing_route, "refusals_are_problems"),
    (status_in_the_body_another, "refusals_are_problems"),
    (blocked_without_a_problem, "refusals_are_problems"),
    (mails_by_cognito_alone, "mails_are_counted_and_can_be_ones_own"),
    (mails_not_counted, "mails_are_counted_and_can_be_ones_own"),
    (mail_alarm_too_late, "mails_are_counted_and_can_be_ones_own"),
]
