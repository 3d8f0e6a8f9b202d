"""What each account has, and what it sends to the others."""

import json

from .reading import as_json, condition_values, principals, resource_statements
from .registered import check


@check
def every_account_has_transaction_search(project):
    accounts = {}
    for _, stack, _, properties in project.resources("AWS::XRay::TransactionSearchConfig"):
        accounts[stack.account] = properties.get("IndexingPercentage")
    policies = set()
    for label, stack, name, properties in project.resources("AWS::Logs::ResourcePolicy"):
        text = json.dumps(as_json(properties["PolicyDocument"]))
        if "xray.amazonaws.com" in text and "logs:PutLogEvents" in text and "log-group:aws/spans:*" in text:
            policies.add(stack.account)
    for account in {stack.account for _, stack in project.stacks()}:
        if accounts.get(account) is None:
            yield f"account {account}: Transaction Search is off, or indexes by default"
        if account not in policies:
            yield f"account {account}: X-Ray may not write spans"


@check
def links_send_what_the_sink_takes(project):
    taken = set()
    for _, _, statement in resource_statements(project):
        taken |= {kind for kind in condition_values(statement, "oam:ResourceTypes")}
    for needed in ("AWS::CloudWatch::Metric", "AWS::Logs::LogGroup", "AWS::XRay::Trace"):
        if needed not in taken:
            yield f"the sink does not take {needed}"
    for label, _, name, properties in project.resources("AWS::Oam::Link"):
        for kind in set(properties["ResourceTypes"]) - taken:
            yield f"{label} {name}: the sink does not take {kind}"
        for needed in taken - set(properties["ResourceTypes"]):
            yield f"{label} {name}: does not send {needed}"


@check
def sns_may_send_segments(project):
    topic = next(stack.arn(name) for label, stack, name, _ in project.resources("AWS::SNS::Topic") if label == "booking")
    sources = {source for label, where, statement in resource_statements(project)
               if ("Service", "sns.amazonaws.com") in principals(statement) and "xray:PutTraceSegments" in statement["Action"]
               for source in condition_values(statement, "aws:SourceArn")}
    if topic not in sources:
        yield f"X-Ray takes no segments from {topic}"
