"""Deliberate mistakes, each made in a copy in memory: the check named beside it catches it."""

import copy
import json

import pytest

import mistakes
from mistakes.made import properties
from project import Project
from rules import CHECKS

PROJECT = Project.read()
CAUGHT = []


def booking_topic_open_to_all(project):
    properties(project, "booking", "BookingEventsPolicy")["PolicyDocument"]["Statement"][1]["Principal"] = "*"


def sink_open_to_all(project):
    del properties(project, "observability", "Sink")["Policy"]["Statement"][0]["Condition"]["StringEquals"]


def queue_policy_without_source(project):
    del properties(project, "mileage", "QueuePolicy")["PolicyDocument"]["Statement"][0]["Condition"]


def topic_policy_without_source(project):
    del properties(project, "observability", "TopicPolicy")["PolicyDocument"]["Statement"][0]["Condition"]


def spans_policy_without_source(project):
    policy = properties(project, "source-account", "TransactionSearchAccess")["PolicyDocument"]
    document = json.loads(policy["Fn::Sub"])
    del document["Statement"][0]["Condition"]
    policy["Fn::Sub"] = json.dumps(document)


def user_may_write_tenant(project):
    properties(project, "booking", "UserPoolClient")["WriteAttributes"].append("custom:tenant-id")


def user_may_write_role(project):
    properties(project, "booking", "UserPoolClient")["WriteAttributes"].append("custom:role")


def token_without_role(project):
    properties(project, "booking", "UserPoolClient")["ReadAttributes"].remove("custom:role")


def attribute_nobody_thought_about(project):
    properties(project, "booking", "UserPool")["Schema"].append({"Name": "tenant", "AttributeDataType": "String"})


def write_attributes_left_out(project):
    del properties(project, "booking", "UserPoolClient")["WriteAttributes"]


def users_sign_up(project):
    del properties(project, "booking", "UserPool")["AdminCreateUserConfig"]


def every_origin_by_default(project):
    project.templates["booking"]["Parameters"]["AllowedOrigin"]["Default"] = "*"


def refusal_for_another_origin(project):
    parameters = properties(project, "mileage", "UnauthorizedResponse")["ResponseParameters"]
    parameters["gatewayresponse.header.Access-Control-Allow-Origin"] = "'https://elsewhere.example'"


def distance_open_to_all(project):
    properties(project, "mileage", "Api")["Policy"]["Statement"][1]["Resource"].append("execute-api:/*/GET/*")


def route_without_token(project):
    events = properties(project, "booking", "BookingApi")["Events"]
    events["ListBookings"]["Properties"]["Auth"] = {"Authorizer": "NONE"}


def invitations_without_token(project):
    events = properties(project, "booking", "RegistrationApi")["Events"]
    events["Invite"]["Properties"]["Auth"] = {"Authorizer": "NONE"}


def open_route_without_throttle(project):
    settings = properties(project, "booking", "Api")["MethodSettings"]
    settings.remove(next(s for s in settings if s["ResourcePath"] == "/~1registrations"))


def queue_without_dlq(project):
    del properties(project, "mileage", "BookingQueue")["RedrivePolicy"]


def stream_without_destination(project):
    del properties(project, "booking", "ReservationsStream")["DestinationConfig"]


def schedule_without_dlq(project):
    del properties(project, "observability", "SloEvaluatorEveryFiveMinutes")["Targets"][0]["DeadLetterConfig"]


def failed_run_forgotten(project):
    del project.templates["observability"]["Resources"]["SloEvaluatorInvocations"]


def filter_expression_unbalanced(project):
    properties(project, "observability", "PremiumTier")["FilterExpression"] = 'annotation[tenant.tier = "premium"'


def filter_expression_of_sql(project):
    group = properties(project, "observability", "SlowOrFailedBookings")
    group["FilterExpression"] = 'service("booking-dev/dev") AND duration IS > 2'


def rule_for_another_api(project):
    rule = properties(project, "source-account", "CriticalRule")["SamplingRule"]
    rule["ServiceName"] = {"Fn::Sub": "${ApiName}/${Stage}"}


def debug_uncapped(project):
    project.templates["source-account"]["Parameters"]["DebugTracesPerSecond"]["Default"] = 1000


def processor_in_adot(project):
    project.collectors["adot"]["processors"] = {"batch": None}
    project.collectors["adot"]["service"]["pipelines"]["traces"]["processors"] = ["batch"]


def xray_exporter_in_community(project):
    project.collectors["community"]["exporters"]["awsxray"] = None


def decouple_before_batch(project):
    processors = project.collectors["community"]["service"]["pipelines"]["traces/xray"]["processors"]
    processors.remove("decouple")
    processors.insert(0, "decouple")


def hash_that_does_not_exist(project):
    group = project.collectors["community"]["processors"]["transform/pseudonyms"]["trace_statements"][0]
    group["statements"][0] = group["statements"][0].replace("SHA256", "HMAC")


def hashing_errors_ignored(project):
    project.collectors["community"]["processors"]["transform/pseudonyms"]["error_mode"] = "ignore"


def vendor_gets_plain_tenant(project):
    processors = project.collectors["community"]["service"]["pipelines"]["traces/vendor"]["processors"]
    processors.remove("transform/pseudonyms")


def vendor_gets_plain_booking(project):
    group = project.collectors["community"]["processors"]["transform/pseudonyms"]["trace_statements"][0]
    group["statements"] = [statement for statement in group["statements"] if "booking.number" not in statement]


def vendor_gets_plain_network(project):
    group = project.collectors["community"]["processors"]["transform/pseudonyms"]["trace_statements"][0]
    group["statements"] = [statement for statement in group["statements"] if "client.network" not in statement]


def booking_not_indexed(project):
    project.collectors["adot"]["exporters"]["awsxray"]["indexed_attributes"].remove("booking.number")


def alarm_without_action(project):
    del properties(project, "mileage", "DeadLettersAlarm")["AlarmActions"]


def alarm_on_missing_queue(project):
    metric = properties(project, "observability", "DeadLettersAlarm")["Metrics"][0]["MetricStat"]["Metric"]
    metric["Dimensions"][0]["Value"] = {"Fn::Sub": "mileage-dlq-${Stage}"}


def objective_of_ten_seconds(project):
    project.templates["observability"]["Parameters"]["P99ObjectiveMs"]["Default"] = 10000


def composite_of_missing_alarm(project):
    alarm = properties(project, "observability", "BookingBudgetAlarm")
    alarm["AlarmRule"] = {"Fn::Sub": 'ALARM("booking-burn-${Stage}")'}


def topic_renamed(project):
    properties(project, "booking", "BookingEvents")["TopicName"] = {"Fn::Sub": "bookings-${Stage}"}


def subscription_to_another_topic(project):
    topic = properties(project, "mileage", "Subscription")["TopicArn"]
    topic["Fn::Sub"] = topic["Fn::Sub"].replace("booking-events", "booking-event")


def policy_of_all_tables(project):
    properties(project, "booking", "BookingApi")["Policies"][0]["Statement"][0]["Resource"] = "*"


def tenant_statement(project, template):
    return properties(project, template, "TenantRole")["Policies"][0]["PolicyDocument"]["Statement"][0]


def trust(project, template):
    return properties(project, template, "TenantRole")["AssumeRolePolicyDocument"]["Statement"][0]


def fence_without_the_last_hash(project):
    condition = tenant_statement(project, "booking")["Condition"]
    condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] = ["TENANT#${aws:PrincipalTag/tenant_id}*"]


def fence_gone(project):
    del tenant_statement(project, "mileage")["Condition"]["ForAllValues:StringLike"]


def fence_without_null_check(project):
    del tenant_statement(project, "mileage")["Condition"]["Null"]["dynamodb:LeadingKeys"]


def cancelling_changes_quotas(project):
    statements = properties(project, "booking", "TenantRole")["Policies"][0]["PolicyDocument"]["Statement"]
    cancel = next(statement for statement in statements if statement["Sid"] == "Cancel")
    cancel["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] = ["TENANT#${aws:PrincipalTag/tenant_id}#*"]


def booking_overwrites_quotas(project):
    condition = tenant_statement(project, "booking")["Condition"]["ForAllValues:StringLike"]
    condition["dynamodb:LeadingKeys"] = ["TENANT#${aws:PrincipalTag/tenant_id}#*"]


def reservations_may_be_changed(project):
    tenant_statement(project, "booking")["Action"].append("dynamodb:UpdateItem")


def api_without_quotas(project):
    del properties(project, "mileage", "MileageApi")["Environment"]["Variables"]["TIER_QUOTAS"]


def suspended_tenants_are_served_for_an_hour(project):
    project.templates["mileage"]["Parameters"]["TenantsCacheSeconds"]["MaxValue"] = 3600


def lists_in_force_whenever(project):
    del project.templates["booking"]["Parameters"]["TenantsCacheSeconds"]["MaxValue"]


def registry_asked_seldom(project):
    properties(project, "booking", "RegistrationApi")["Environment"]["Variables"]["TENANTS_CACHE_SECONDS"] = "300"


def quotas_differ_by_account(project):
    project.templates["mileage"]["Parameters"]["TierQuotas"]["Default"] = "basic=1/1/1"


def tenant_role_trusts_the_account(project):
    trust(project, "booking")["Principal"] = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}


def tenant_role_trusts_the_publisher(project):
    trust(project, "booking")["Principal"]["AWS"].append({"Fn::GetAtt": ["BookingPublisherRole", "Arn"]})


def session_without_tenant(project):
    del trust(project, "mileage")["Condition"]["StringLike"]


def session_with_other_tags(project):
    del trust(project, "booking")["Condition"]["ForAllValues:StringEquals"]


def own_role_reads_reservations(project):
    statement = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": {"Fn::GetAtt": ["Reservations", "Arn"]}}
    properties(project, "booking", "BookingApi")["Policies"][0]["Statement"].append(statement)


def own_role_queries_the_ledger_by_a_policy_beside_it(project):
    statement = {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": {"Fn::Sub": "${Ledger.Arn}/index/by-created-at"}}
    properties(project, "mileage", "AssumeTenantRole")["PolicyDocument"]["Statement"].append(statement)


def key_formed_by_hand(project):
    path = "booking/src/reservations.rs"
    project.sources["booking"][path] += 'fn key() -> String { "TENANT#acme#USER#1".into() }'


def client_of_its_own(project):
    project.sources["mileage"]["mileage/src/ledger.rs"] += "fn peek(client: &aws_sdk_dynamodb::Client) {}"


def sandbox_tenant_from_a_header(project):
    paths = properties(project, "booking", "IsolatedApi")["DefinitionBody"]["paths"]
    mapped = paths["/bookings"]["get"]["x-amazon-apigateway-integration"]["requestParameters"]
    mapped["integration.request.header.X-Amz-Tenant-Id"] = "method.request.header.X-Tenant"


def sandbox_without_a_route(project):
    del properties(project, "booking", "IsolatedApi")["DefinitionBody"]["paths"]["/bookings/{number}/cancellation"]


def sandboxes_shared(project):
    del properties(project, "booking", "BookingApiIsolated")["TenancyConfig"]


def sandbox_always_there(project):
    del project.templates["booking"]["Resources"]["BookingApiIsolated"]["Condition"]


def registry_open_to_the_other_account(project):
    del properties(project, "booking", "Tenants")["ResourcePolicy"]["PolicyDocument"]["Statement"][0]["Condition"]


def registry_written_from_the_other_account(project):
    statement = properties(project, "booking", "Tenants")["ResourcePolicy"]["PolicyDocument"]["Statement"][0]
    statement["Action"] = ["dynamodb:GetItem", "dynamodb:PutItem"]


def registry_of_another_name(project):
    variables = properties(project, "mileage", "MileageApi")["Environment"]["Variables"]
    variables["TENANTS_TABLE"]["Fn::Sub"] = variables["TENANTS_TABLE"]["Fn::Sub"].replace("tenants-", "tenant-")


def insight_rule_not_json(project):
    rule = properties(project, "observability", "TenantErrors")["RuleBody"]
    rule["Fn::Sub"] = rule["Fn::Sub"].replace('"AggregateOn": "Count"', '"AggregateOn": "Count",')


def insight_rule_with_two_sources(project):
    rule = properties(project, "observability", "TenantErrors")["RuleBody"]
    rule["Fn::Sub"] = rule["Fn::Sub"].replace('"LogFormat"', '"LogGroupNames": ["aws/spans"], "LogFormat"')


def query_with_unknown_function(project):
    query = properties(project, "observability", "SlowTenantsQuery")
    query["QueryString"] = query["QueryString"].replace("pct(", "percentile(")


def stream_filter_not_json(project):
    filters = properties(project, "booking", "ReservationsStream")["FilterCriteria"]["Filters"]
    filters[0]["Pattern"] = filters[0]["Pattern"].rstrip("}")


def transaction_search_off(project):
    del project.templates["source-account"]["Resources"]["TransactionSearch"]


def link_without_traces(project):
    properties(project, "source-account", "Link")["ResourceTypes"].remove("AWS::XRay::Trace")


def local_cloud_with_its_own_template(project):
    project.local_cloud = project.local_cloud.replace('template("mileage")', 'template("mileage-local")')


def week_widget_gone(project):
    dashboard = properties(project, "observability", "Overview")["DashboardBody"]
    dashboard["Fn::Sub"] = dashboard["Fn::Sub"].replace("-P7D", "-P1D")


MISTAKES = [
    (booking_topic_open_to_all, "no_wildcard_principal_without_condition"),
    (sink_open_to_all, "no_wildcard_principal_without_condition"),
    (queue_policy_without_source, "services_are_held_to_their_source"),
    (topic_policy_without_source, "services_are_held_to_their_source"),
    (spans_policy_without_source, "services_are_held_to_their_source"),
    (user_may_write_tenant, "users_cannot_choose_their_tenant"),
    (user_may_write_role, "users_cannot_choose_their_tenant"),
    (token_without_role, "users_cannot_choose_their_tenant"),
    (attribute_nobody_thought_about, "users_cannot_choose_their_tenant"),
    (write_attributes_left_out, "users_cannot_choose_their_tenant"),
    (users_sign_up, "users_cannot_choose_their_tenant"),
    (every_origin_by_default, "apis_let_in_the_portal_alone"),
    (refusal_for_another_origin, "apis_let_in_the_portal_alone"),
    (distance_open_to_all, "open_api_routes_are_the_authorizers"),
    (route_without_token, "open_api_routes_are_the_authorizers"),
    (invitations_without_token, "open_api_routes_are_the_authorizers"),
    (open_route_without_throttle, "open_api_routes_are_the_authorizers"),
    (queue_without_dlq, "every_queue_and_source_has_a_dead_letter_queue"),
    (stream_without_destination, "every_queue_and_source_has_a_dead_letter_queue"),
    (schedule_without_dlq, "every_queue_and_source_has_a_dead_letter_queue"),
    (failed_run_forgotten, "every_queue_and_source_has_a_dead_letter_queue"),
    (filter_expression_unbalanced, "filter_expressions_parse"),
    (filter_expression_of_sql, "filter_expressions_parse"),
    (rule_for_another_api, "sampling_rules_match_an_api"),
    (debug_uncapped, "debug_rule_is_capped_and_off"),
    (processor_in_adot, "collector_components_are_in_the_layer"),
    (xray_exporter_in_community, "collector_components_are_in_the_layer"),
    (decouple_before_batch, "decouple_is_last"),
    (hash_that_does_not_exist, "collector_statements_parse"),
    (hashing_errors_ignored, "collector_statements_parse"),
    (vendor_gets_plain_tenant, "xray_gets_annotations_and_vendors_get_pseudonyms"),
    (vendor_gets_plain_booking, "xray_gets_annotations_and_vendors_get_pseudonyms"),
    (vendor_gets_plain_network, "xray_gets_annotations_and_vendors_get_pseudonyms"),
    (booking_not_indexed, "xray_gets_annotations_and_vendors_get_pseudonyms"),
    (alarm_without_action, "every_alarm_has_an_action"),
    (alarm_on_missing_queue, "what_is_watched_exists"),
    (objective_of_ten_seconds, "alarms_have_the_objective_and_enough_data"),
    (composite_of_missing_alarm, "composite_alarms_parse"),
    (topic_renamed, "topic_and_queue_names_agree"),
    (subscription_to_another_topic, "topic_and_queue_names_agree"),
    (policy_of_all_tables, "policies_name_actions_and_resources"),
    (fence_without_the_last_hash, "keys_are_fenced_to_the_sessions_tenant"),
    (fence_gone, "keys_are_fenced_to_the_sessions_tenant"),
    (fence_without_null_check, "keys_are_fenced_to_the_sessions_tenant"),
    (booking_overwrites_quotas, "quotas_and_users_items_are_written_apart"),
    (cancelling_changes_quotas, "quotas_and_users_items_are_written_apart"),
    (reservations_may_be_changed, "quotas_and_users_items_are_written_apart"),
    (api_without_quotas, "each_api_of_tenants_has_quotas"),
    (quotas_differ_by_account, "each_api_of_tenants_has_quotas"),
    (suspended_tenants_are_served_for_an_hour, "what_operators_change_is_in_force_within_a_minute"),
    (lists_in_force_whenever, "what_operators_change_is_in_force_within_a_minute"),
    (registry_asked_seldom, "what_operators_change_is_in_force_within_a_minute"),
    (tenant_role_trusts_the_account, "only_functions_assume_the_tenant_role_and_only_for_a_tenant"),
    (tenant_role_trusts_the_publisher, "only_functions_assume_the_tenant_role_and_only_for_a_tenant"),
    (session_without_tenant, "only_functions_assume_the_tenant_role_and_only_for_a_tenant"),
    (session_with_other_tags, "only_functions_assume_the_tenant_role_and_only_for_a_tenant"),
    (own_role_reads_reservations, "functions_own_roles_may_nothing_with_tenants_items"),
    (own_role_queries_the_ledger_by_a_policy_beside_it, "functions_own_roles_may_nothing_with_tenants_items"),
    (key_formed_by_hand, "tenant_keys_are_formed_in_one_place"),
    (client_of_its_own, "tenant_keys_are_formed_in_one_place"),
    (sandbox_tenant_from_a_header, "a_sandbox_gets_its_tenant_from_verified_claims"),
    (sandbox_without_a_route, "a_sandbox_gets_its_tenant_from_verified_claims"),
    (sandboxes_shared, "a_sandbox_gets_its_tenant_from_verified_claims"),
    (sandbox_always_there, "a_sandbox_gets_its_tenant_from_verified_claims"),
    (registry_open_to_the_other_account, "only_mileage_apis_read_the_registry_of_another_account"),
    (registry_written_from_the_other_account, "only_mileage_apis_read_the_registry_of_another_account"),
    (registry_of_another_name, "only_mileage_apis_read_the_registry_of_another_account"),
    (insight_rule_not_json, "embedded_json_parses"),
    (insight_rule_with_two_sources, "contributor_insights_rules_are_complete"),
    (query_with_unknown_function, "queries_parse"),
    (stream_filter_not_json, "embedded_json_parses"),
    (transaction_search_off, "every_account_has_transaction_search"),
    (link_without_traces, "links_send_what_the_sink_takes"),
    (local_cloud_with_its_own_template, "the_local_cloud_deploys_these_templates"),
    (week_widget_gone, "dashboards_show_what_they_promise"),
    *mistakes.MISTAKES,
]


@pytest.mark.parametrize(("mistake", "check"), MISTAKES, ids=[mistake.__name__ for mistake, _ in MISTAKES])
def test(mistake, check):
    project = copy.deepcopy(PROJECT)
    mistake(project)
    assert project != PROJECT, "the mistake was not made"
    problems = CHECKS[check](project)
    assert problems, f"{check} does not see it"
    CAUGHT.append((mistake.__name__, check, problems[0]))
