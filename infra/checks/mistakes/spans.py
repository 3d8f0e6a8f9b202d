"""Mistakes with what sends spans to X-Ray."""

from .made import properties


def function_without_permission_to_send_spans(project):
    statements = properties(project, "mileage", "MileageAccrual")["Policies"][0]["Statement"]
    statements.remove(next(s for s in statements if "Fn::If" in s))


def half_of_the_permission_to_send_spans(project):
    statements = properties(project, "booking", "BookingPublisher")["Policies"][0]["Statement"]
    next(s for s in statements if "Fn::If" in s)["Fn::If"][1]["Action"].remove("xray:PutSpansForIndexing")


def community_layer_forgotten(project):
    condition = project.templates["mileage"]["Conditions"]["SendsSpansToXRay"]["Fn::Or"]
    condition.remove({"Fn::Equals": [{"Ref": "Exporter"}, "community"]})


def everybody_may_send_spans(project):
    project.templates["booking"]["Conditions"]["SendsSpansToXRay"] = {"Fn::Equals": ["a", "a"]}


MISTAKES = [
    (function_without_permission_to_send_spans, "who_sends_spans_to_xray_may"),
    (half_of_the_permission_to_send_spans, "who_sends_spans_to_xray_may"),
    (community_layer_forgotten, "who_sends_spans_to_xray_may"),
    (everybody_may_send_spans, "who_sends_spans_to_xray_may"),
]
