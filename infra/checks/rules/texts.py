"""Text inside templates: JSON, queries, filter expressions."""

import json

import filter_expressions
import insights_queries

from .reading import as_json, widgets
from .registered import check


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


@check
def contributor_insights_rules_are_complete(project):
    operators = {"In", "NotIn", "StartsWith", "GreaterThan", "LessThan", "EqualTo", "NotEqualTo", "IsPresent"}
    for label, _, name, properties in project.resources("AWS::CloudWatch::InsightRule"):
        where, body = f"{label} {name}", as_json(properties["RuleBody"])
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
    for label, name, widget in widgets(project):
        if widget["type"] == "log":
            yield label, f"{name} {widget['properties']['title']!r}", widget["properties"]["query"]


@check
def a_query_joins_logs_to_a_trace(project):
    joins = [q for _, _, q in _queries(project) if "coalesce(traceId, trace_id)" in q and "filter trace" in q]
    if not joins:
        yield "no saved query puts a trace's spans and log lines together"


@check
def filter_expressions_parse(project):
    for label, _, name, properties in project.resources("AWS::XRay::Group"):
        try:
            filter_expressions.parse(properties["FilterExpression"])
        except filter_expressions.Refused as reason:
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
