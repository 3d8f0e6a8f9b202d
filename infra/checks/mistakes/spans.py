"""Mistakes with what sends spans to X-Ray and metrics to CloudWatch."""

from .made import properties


def function_without_permission_to_send_spans(project):
    statements = properties(project, "mileage", "MileageAccrual")["Policies"][0]["Statement"]
    statements.remove(_where(statements, "SendsSpansToXRay"))


def half_of_the_permission_to_send_spans(project):
    statements = properties(project, "booking", "BookingPublisher")["Policies"][0]["Statement"]
    _where(statements, "SendsSpansToXRay")["Fn::If"][1]["Action"].remove("xray:PutSpansForIndexing")


def community_layer_forgotten(project):
    condition = project.templates["mileage"]["Conditions"]["SendsSpansToXRay"]["Fn::Or"]
    condition.remove({"Fn::Equals": [{"Ref": "Exporter"}, "community"]})


def everybody_may_send_spans(project):
    project.templates["booking"]["Conditions"]["SendsSpansToXRay"] = {"Fn::Equals": ["a", "a"]}


def function_without_permission_to_send_metrics(project):
    statements = properties(project, "booking", "BookingPublisher")["Policies"][0]["Statement"]
    statements.remove(_where(statements, "SendsMetricsToCloudWatch"))


def adot_layer_forgotten(project):
    condition = project.templates["mileage"]["Conditions"]["SendsMetricsToCloudWatch"]["Fn::Or"]
    condition.remove(next(each for each in condition if {"Fn::Equals": [{"Ref": "Exporter"}, "adot"]} in each.get("Fn::And", [])))


def everybody_may_send_metrics(project):
    project.templates["booking"]["Conditions"]["SendsMetricsToCloudWatch"] = {"Fn::Equals": ["a", "a"]}


def metrics_permitted_where_there_are_none(project):
    conditions = project.templates["booking"]["Conditions"]
    conditions["SendsMetricsToCloudWatch"]["Fn::Or"].append({"Fn::Equals": [{"Ref": "Exporter"}, "direct"]})


def no_metrics_only_by_the_custom_exporter(project):
    variables = project.templates["mileage"]["Globals"]["Function"]["Environment"]["Variables"]
    variables["OTEL_METRICS_EXPORTER"]["Fn::If"][0] = "IsCustomExporter"


def log_records_to_a_collector_without_a_log_group(project):
    del _logs_rule(project, "mileage")["Assertions"][0]


def log_records_to_nobody_in_the_sandbox(project):
    del _logs_rule(project, "booking")["Assertions"][1]


def a_collector_has_nobody_log_to_the_console(project):
    del _logs_rule(project, "booking")["RuleCondition"]


def _logs_rule(project, template):
    return project.templates[template]["Rules"]["LogRecordsNeedAReceiver"]


def metrics_held_to_a_namespace(project):
    statements = properties(project, "mileage", "MileageApi")["Policies"][0]["Statement"]
    allowed = _where(statements, "SendsMetricsToCloudWatch")["Fn::If"][1]
    allowed["Condition"] = {"StringEquals": {"cloudwatch:namespace": "mileage"}}


def _where(statements, condition):
    return next(statement for statement in statements if statement.get("Fn::If", [None])[0] == condition)


MISTAKES = [
    (function_without_permission_to_send_spans, "who_sends_spans_to_xray_may"),
    (half_of_the_permission_to_send_spans, "who_sends_spans_to_xray_may"),
    (community_layer_forgotten, "who_sends_spans_to_xray_may"),
    (everybody_may_send_spans, "who_sends_spans_to_xray_may"),
    (function_without_permission_to_send_metrics, "who_sends_metrics_to_cloudwatch_may"),
    (adot_layer_forgotten, "who_sends_metrics_to_cloudwatch_may"),
    (everybody_may_send_metrics, "who_sends_metrics_to_cloudwatch_may"),
    (metrics_held_to_a_namespace, "who_sends_metrics_to_cloudwatch_may"),
    (metrics_permitted_where_there_are_none, "who_sends_metrics_to_cloudwatch_may"),
    (no_metrics_only_by_the_custom_exporter, "who_wants_no_metrics_sends_none"),
    (log_records_to_a_collector_without_a_log_group, "log_records_are_sent_to_somebody_who_takes_them"),
    (log_records_to_nobody_in_the_sandbox, "log_records_are_sent_to_somebody_who_takes_them"),
    (a_collector_has_nobody_log_to_the_console, "log_records_are_sent_to_somebody_who_takes_them"),
]
