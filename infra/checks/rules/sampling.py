"""What X-Ray samples."""

from project import LEAST

from .registered import check


@check
def sampling_rules_match_an_api(project):
    services = {
        f"{properties['Name']}/{properties['StageName']}"
        for _, _, _, properties in project.resources("AWS::Serverless::Api")
    }
    priorities = set()
    for label, stack, name, properties in project.resources("AWS::XRay::SamplingRule"):
        rule, where = properties["SamplingRule"], f"{label} {name}"
        if rule["ServiceName"] not in services:
            yield f"{where}: no API is known as {rule['ServiceName']}"
        if rule["ServiceType"] != "AWS::ApiGateway::Stage":
            yield f"{where}: API Gateway's service type is another"
        if rule["URLPath"] != "*":
            yield f"{where}: API Gateway does not match paths"
        if rule["HTTPMethod"] not in ("*", "GET", "POST", "PUT", "DELETE", "OPTIONS"):
            yield f"{where}: no such method"
        if len(rule.get("Attributes", {})) > 5 or len(rule["RuleName"]) > 32:
            yield f"{where}: at most 5 attributes, at most 32 characters of name"
        if not 0 <= float(rule["FixedRate"]) <= 1:
            yield f"{where}: a rate is between 0 and 1"
        if (stack.account, rule["Priority"]) in priorities:
            yield f"{where}: another rule has its priority"
        priorities.add((stack.account, rule["Priority"]))


@check
def debug_rule_is_capped_and_off(project):
    rules = [(s, n, p["SamplingRule"]) for s, _, n, p in project.resources("AWS::XRay::SamplingRule")
             if "X-Debug" in p["SamplingRule"].get("Attributes", {})]
    if not rules:
        yield "no rule matches X-Debug"
    for label, name, rule in rules:
        if int(rule["ReservoirSize"]) > 5:
            yield f"{label} {name}: {rule['ReservoirSize']} traces a second are no cap"
    for label, _, name, properties in project.resources("AWS::XRay::SamplingRule", parameters=LEAST):
        if properties["SamplingRule"].get("Attributes"):
            yield f"{label} {name}: there without having been asked for"
