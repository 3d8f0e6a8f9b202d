"""Names that must agree between templates, alarms and dashboards."""

import json
import re

from .alarms import ALARMS
from .reading import condition_values, existing, resource_statements, watched, widgets
from .registered import check


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
    for label, where, statement in resource_statements(project):
        if label.startswith("source-account") and where.startswith("TransactionSearch"):
            continue
        for source in condition_values(statement, "aws:SourceArn"):
            if ":sns:" in source and source not in topics:
                yield f"{label} {where}: no template has the topic {source}"


@check
def what_is_watched_exists(project):
    """Alarms and dashboards name queues, functions and APIs of other accounts by convention."""
    known = existing(project)
    for label, where, account, dimensions in watched(project):
        for dimension, value in dimensions.items():
            if dimension in known and (account, value) not in known[dimension]:
                yield f"{label} {where}: account {account} has no {dimension} {value}"


@check
def dashboards_name_rules_and_alarms_that_exist(project):
    alarms = {stack.arn(name) for _, stack, name, _ in project.resources(*ALARMS)}
    rules = {properties["RuleName"] for _, _, _, properties in project.resources("AWS::CloudWatch::InsightRule")}
    for label, name, widget in widgets(project):
        for arn in widget["properties"].get("alarms", []):
            if arn not in alarms:
                yield f"{label} {name}: no alarm {arn}"
        rule = widget["properties"].get("insightRule", {}).get("ruleName")
        if rule and rule not in rules:
            yield f"{label} {name}: no rule {rule}"


@check
def dashboards_show_what_they_promise(project):
    shown = [widget for _, _, widget in widgets(project)]
    stats = {m[-1].get("stat") for w in shown for m in w["properties"].get("metrics", []) if isinstance(m[-1], dict)}
    for stat in ("p50", "p95", "p99"):
        if stat not in stats:
            yield f"no widget shows {stat}"
    week = [w for w in shown if w["properties"].get("start") == "-P7D"]
    if not any(m[-1].get("stat") == "p99" for w in week for m in w["properties"]["metrics"]):
        yield "no widget shows p99 over 7 days"
    if not any("insightRule" in w["properties"] for w in shown):
        yield "no widget shows the top tenants"
    cells = set()
    for _, name, widget in widgets(project):
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
