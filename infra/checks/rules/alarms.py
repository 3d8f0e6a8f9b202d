"""Alarms: whom they tell, what they compare."""

import re

from project import EVERYTHING, LEAST

from .registered import check

ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


@check
def every_alarm_has_an_action(project):
    for parameters in (EVERYTHING, {**LEAST, "AlarmTopicArn": EVERYTHING["AlarmTopicArn"]}):
        for label, _, name, properties in project.resources(*ALARMS, parameters=parameters):
            actions = properties.get("AlarmActions", [])
            if not actions or any(not str(action).startswith("arn:aws:sns:") for action in actions):
                yield f"{label} {name}: tells nobody"
            if properties.get("ActionsEnabled") is False:
                yield f"{label} {name}: its actions are off"


@check
def alarm_actions_are_topics_of_the_observability_account(project):
    topics = {stack.arn(name) for _, stack, name, _ in project.resources("AWS::SNS::Topic")}
    for label, _, name, properties in project.resources(*ALARMS):
        for action in properties.get("AlarmActions", []):
            if action not in topics:
                yield f"{label} {name}: no template has the topic {action}"


@check
def composite_alarms_parse(project):
    for parameters in (EVERYTHING, LEAST):
        by_label = {}
        for label, _, _, properties in project.resources(*ALARMS, parameters=parameters):
            by_label.setdefault(label, set()).add(properties["AlarmName"])
        for label, _, name, properties in project.resources("AWS::CloudWatch::CompositeAlarm", parameters=parameters):
            rule = properties["AlarmRule"]
            for alarm in re.findall(r'"([^"]*)"', rule):
                if alarm not in by_label[label]:
                    yield f"{label} {name}: no alarm is named {alarm}"
            shape = re.sub(r'\b(?:ALARM|OK|INSUFFICIENT_DATA)\("[^"]+"\)', "a", rule)
            while shape != (shorter := re.sub(r"\(\s*a\s*\)|\ba\s+(?:AND|OR)\s+a\b|\bNOT\s+a\b", "a", shape)):
                shape = shorter
            if shape.strip() != "a":
                yield f"{label} {name}: its rule does not parse: {shape.strip()[:60]}"


@check
def alarms_have_the_objective_and_enough_data(project):
    found = set()
    for label, _, name, properties in project.resources("AWS::CloudWatch::Alarm"):
        metrics = {metric["Id"]: metric for metric in properties.get("Metrics", [])}
        returned = [metric for metric in metrics.values() if metric.get("ReturnData", True)]
        if metrics and len(returned) != 1:
            yield f"{label} {name}: one metric is compared, not {len(returned)}"
        for metric in metrics.values():
            for used in re.findall(r"\b[a-z][A-Za-z0-9_]*\b", re.sub(r"'[^']*'|\"[^\"]*\"", "", metric.get("Expression", ""))):
                if used not in metrics:
                    yield f"{label} {name}: its expression uses {used}, which is not there"
            stat = metric.get("MetricStat", {})
            if stat.get("Stat") == "p99" and stat["Metric"]["MetricName"] == "Latency":
                found.add(stat["Metric"]["Dimensions"][0]["Value"])
                if float(properties["Threshold"]) != 2000:
                    yield f"{label} {name}: the objective is 2 s"
                if "requests" not in metrics:
                    yield f"{label} {name}: one slow request would page"
    for _, _, _, api in project.resources("AWS::Serverless::Api"):
        if api["Name"] not in found:
            yield f"{api['Name']}: no alarm watches its p99"
