"""Stages: every one that a workflow deploys is set up, leaves nothing that cannot be found again, and may have a long name."""

import re

from cloudformation import Stack
from deployment import leftovers
from project import EVERYTHING
from project_file import STACKS

from .registered import check

# As long as the templates' Stage allows.
LONGEST = "s" * 16
# What a name may be, by the services' own pages. Patterns where a service takes less than letters, digits, `-` and `_`.
LIMITS = {
    "AWS::Athena::NamedQuery": ("Name", 128),
    "AWS::Athena::WorkGroup": ("Name", 128),
    "AWS::CloudFront::Function": ("Name", 64),
    "AWS::CloudFront::OriginAccessControl": ("OriginAccessControlConfig.Name", 64),
    "AWS::CloudFront::ResponseHeadersPolicy": ("ResponseHeadersPolicyConfig.Name", 128),
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::CloudWatch::InsightRule": ("RuleName", 128),
    "AWS::Cognito::UserPool": ("UserPoolName", 128),
    "AWS::Cognito::UserPoolClient": ("ClientName", 128),
    "AWS::Cognito::UserPoolDomain": ("Domain", 63, r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::Glue::Database": ("DatabaseInput.Name", 255, r"[a-z0-9_]+"),
    "AWS::IAM::Policy": ("PolicyName", 128),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamName", 64),
    "AWS::Logs::Destination": ("DestinationName", 512, r"[^:*]+"),
    "AWS::Logs::LogGroup": ("LogGroupName", 512, r"[A-Za-z0-9/_.#-]+"),
    "AWS::Logs::MetricFilter": ("FilterName", 512),
    "AWS::Logs::QueryDefinition": ("Name", 255, r"[^:*]+"),
    "AWS::Logs::ResourcePolicy": ("PolicyName", 255),
    "AWS::Logs::SubscriptionFilter": ("FilterName", 512, r"[^:*]+"),
    "AWS::Oam::Sink": ("Name", 255),
    "AWS::S3::Bucket": ("BucketName", 63, r"[a-z0-9][a-z0-9.-]*[a-z0-9]"),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::SecretsManager::Secret": ("Name", 512),
    "AWS::Serverless::Api": ("Name", 128),
    "AWS::Serverless::Function": ("FunctionName", 64),
    "AWS::Synthetics::Canary": ("Name", 255, r"[0-9a-z_-]+"),
    "AWS::WAFv2::IPSet": ("Name", 128),
    "AWS::WAFv2::WebACL": ("Name", 128),
    "AWS::XRay::Group": ("GroupName", 32),
    "AWS::XRay::ResourcePolicy": ("PolicyName", 128),
    "AWS::XRay::SamplingRule": ("SamplingRule.RuleName", 32),
}
# Properties that name a resource; one of them without a limit above is a limit that nobody has looked up.
NAMING = re.compile(r"(?:Name|[A-Z][a-z]+Name)")
# Of others than the resource itself.
OTHERS = {"StageName", "FunctionName", "LogGroupName", "MetricName", "ApiName", "ClientName", "UserPoolName"}


@check
def names_fit_the_longest_stage(project):
    parameters = {**EVERYTHING, "Stage": LONGEST, "TenantIsolationMode": "function"}
    for label, stack in project.stacks(parameters):
        for name, properties in stack.resources():
            kind, where = stack.template["Resources"][name]["Type"], f"{label} {name}"
            if kind not in LIMITS:
                for own in properties:
                    if NAMING.fullmatch(own) and own not in OTHERS and LONGEST in str(properties[own]):
                        yield f"{where}: nobody has looked up how long {kind}'s {own} may be"
                continue
            path, most, *pattern = LIMITS[kind]
            value = properties
            for part in path.split("."):
                value = value.get(part, {})
            if not value:
                continue
            if len(value) > most:
                yield f"{where}: {value} has {len(value)} characters, {kind} takes {most}"
            if not re.fullmatch(pattern[0] if pattern else r"[A-Za-z0-9._-]+", value):
                yield f"{where}: {kind} does not take {value}"


# What CloudFormation adds to a role's name, `-<logical id>-<12 or 13 characters>`, and the length from which on it cuts.
ROLE_NAME = 64
# Roles that a policy of the other account knows by their logical id in their name.
KNOWN_BY_NAME = {"booking": "BookingApiRole", "mileage": "MileageApiRole"}


@check
def roles_that_policies_know_keep_their_names(project):
    """Of a stack with a long name CloudFormation cuts the role's name, and `role/*MileageApiRole*` would match it no longer."""
    for section, settings in project.samconfig.items():
        stack = settings.get("deploy", {}).get("parameters", {}).get("stack_name", "") if isinstance(settings, dict) else ""
        template = next((part for part in section.split("-")[1:2] if part in KNOWN_BY_NAME), None)
        if template and "account" not in section and len(f"{stack}-{KNOWN_BY_NAME[template]}-") + 13 > ROLE_NAME:
            yield f"samconfig.toml {section}: of a stack named {stack} the role's name is cut"


@check
def every_stage_of_a_workflow_is_set_up(project):
    """In samconfig.toml, with a section for every stack that the first stage has."""
    sections = {section for section, settings in project.samconfig.items() if isinstance(settings, dict)}
    stages = {}
    for section in sections:
        stage, _, stack = section.partition("-")
        stages.setdefault(stage, set()).add(stack)
    expected = STACKS.keys()
    for name, workflow in project.workflows.items():
        for stage in sorted(_stages(workflow)):
            for missing in sorted(expected - stages.get(stage, set())):
                yield f"{name}: deploys {stage}, and samconfig.toml has no [{stage}-{missing}.deploy.parameters]"
    if not any("prod" in _stages(workflow) for workflow in project.workflows.values()):
        yield "no workflow deploys prod"


def _stages(workflow):
    """What a workflow passes as a stage, or lets somebody choose."""
    found = set()
    # YAML 1.1 reads `on` as true.
    started = workflow.get("on", workflow.get(True)) or {}
    dispatched = (started.get("workflow_dispatch") or {}) if isinstance(started, dict) else {}
    found |= set((dispatched.get("inputs") or {}).get("stage", {}).get("options", []))
    for job in workflow.get("jobs", {}).values():
        stage = (job.get("with") or {}).get("stage", "")
        found |= {stage} if stage and "${{" not in stage else set()
    return found


@check
def what_is_retained_can_be_found_again(project):
    """`make purge` deletes it, and a deployment over it takes it back: by a name that the stage decides, of a type that both know."""
    for label, stack in project.stacks({**EVERYTHING, "TenantIsolationMode": "function"}):
        listed = {found.logical for found in leftovers.of_template(label, stack.template, stack.parameters, stack.account) if found.retained}
        for name, resource in stack.template["Resources"].items():
            retained = [policy for policy in ("DeletionPolicy", "UpdateReplacePolicy") if resource.get(policy, "Delete").startswith("Retain")]
            if not retained:
                continue
            if len(retained) == 1:
                yield f"{label} {name}: kept by its {retained[0]} alone"
            if name not in listed:
                yield f"{label} {name}: stays without its stack, and neither a purge nor a deployment finds it"
            if "Stage" not in stack.parameters:
                continue
            named = Stack(stack.template, {**stack.parameters, "Stage": "other"}, stack.account).resolve(resource["Properties"])
            if named == dict(stack.resources())[name]:
                yield f"{label} {name}: its name is that of every stage"
