"""What somebody changed by hand: as CloudFormation finds it, without what differs after every clean deployment."""

import json
from dataclasses import dataclass

from .progress import pause

# Statuses in which CloudFormation can look for drift.
SETTLED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
# Every user pool has these, whether its template names them or not (Cognito Developer Guide, "Working with user attributes").
STANDARD_ATTRIBUTES = {
    "sub", "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "email",
    "email_verified", "gender", "birthdate", "zoneinfo", "locale", "phone_number", "phone_number_verified", "address", "updated_at", "identities",
}  # fmt: skip


@dataclass
class Difference:
    """A property that is not as its stack's template has it; all of the resource if `path` is empty."""

    stack: str
    resource: str
    path: str = ""
    expected: str = ""
    actual: str = ""

    def __str__(self):
        if not self.path:
            return f"{self.stack}: {self.resource} was deleted"
        return f"{self.stack}: {self.resource}{self.path}\n    expected {short(self.expected)}\n    actual   {short(self.actual)}"


def differences(cloud, names):
    """Of all these stacks: looked for at the same time, since a stack takes a minute."""
    under_way = {}
    for name in names:
        stack = cloud.wait(name)
        if stack and stack["StackStatus"] in SETTLED:
            client = cloud.client(name, "cloudformation")
            under_way[name] = client.detect_stack_drift(StackName=cloud.config.stack_name(name))["StackDriftDetectionId"]
    found = []
    for name, detection in under_way.items():
        client, stack_name = cloud.client(name, "cloudformation"), cloud.config.stack_name(name)
        while client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)["DetectionStatus"] == "DETECTION_IN_PROGRESS":
            pause()
        for drift in drifts(client, stack_name):
            found += unexcused(stack_name, drift)
    return found


def drifts(client, stack_name):
    more = {}
    while True:
        page = client.describe_stack_resource_drifts(StackName=stack_name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"], **more)
        yield from page["StackResourceDrifts"]
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def unexcused(stack_name, drift):
    """The differences of one resource that nobody but a person can have made."""
    resource, kind = drift["LogicalResourceId"], drift.get("ResourceType", "")
    if drift.get("StackResourceDriftStatus") == "DELETED":
        return [Difference(stack_name, resource)]
    return [
        Difference(stack_name, resource, each["PropertyPath"], each.get("ExpectedValue", ""), each.get("ActualValue", ""))
        for each in drift.get("PropertyDifferences", [])
        if not any(excuse(kind, each, drift) for excuse in EXCUSES)
    ]


def redeployed(kind, difference, _):
    """`Cloud.redeploy` deploys an API once more after its stack, so the stage names another deployment than the template."""
    return kind == "AWS::ApiGateway::Stage" and difference["PropertyPath"] == "/DeploymentId"


def same_policy(kind, difference, _):
    """API Gateway writes the resource `execute-api:/…` of an API's policy out as an ARN (API Gateway Developer Guide, "API Gateway resource
    policy examples"); drift compares the texts. Seen as such in aws-cdk's cdk-real-drift, issue 676."""
    path = difference["PropertyPath"]
    if kind != "AWS::ApiGateway::RestApi" or not (path == "/Policy" or path.startswith("/Policy/")):
        return False
    expected, actual = value(difference.get("ExpectedValue")), value(difference.get("ActualValue"))
    return normal(expected) == normal(actual)


def standard_attributes(kind, difference, _):
    """A user pool's schema comes back with every standard attribute, its own in any order and with what they have by default."""
    path = difference["PropertyPath"]
    if kind != "AWS::Cognito::UserPool" or not (path == "/Schema" or path.startswith("/Schema/")):
        return False
    expected, actual = own_attributes(difference.get("ExpectedValue")), own_attributes(difference.get("ActualValue"))
    return all(name in actual and within(wanted, actual[name]) for name, wanted in expected.items()) and actual.keys() <= expected.keys()


def blocked_by_command(kind, difference, _):
    """`operator firewall` writes the addresses of an IP set, of which the template names none."""
    path = difference["PropertyPath"]
    return kind == "AWS::WAFv2::IPSet" and (path == "/Addresses" or path.startswith("/Addresses/"))


EXCUSES = (redeployed, same_policy, standard_attributes, blocked_by_command)


def value(text):
    """A property's value, which CloudFormation gives as JSON in a string."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def normal(policy):
    """A policy, or a part of one, without what differs between a short and a long way to write the same."""
    if isinstance(policy, dict):
        return {key: normal(each) for key, each in policy.items()}
    if isinstance(policy, list):
        each = [normal(item) for item in policy]
        return each[0] if len(each) == 1 else sorted(each, key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(policy, str):
        return execute_api(policy)
    return policy


def execute_api(resource):
    """`arn:aws:execute-api:<region>:<account>:<api>/dev/GET/x` as `execute-api:/dev/GET/x`."""
    parts = resource.split(":", 5)
    if len(parts) == 6 and parts[0] == "arn" and parts[2] == "execute-api" and "/" in parts[5]:
        return "execute-api:/" + parts[5].split("/", 1)[1]
    return resource


def own_attributes(text):
    """The attributes that are not standard, by name: `custom:tenant-id` is the template's `tenant-id`."""
    found = value(text)
    found = found if isinstance(found, list) else [found] if isinstance(found, dict) and "Name" in found else []
    named = {str(each.get("Name", "")).removeprefix("custom:"): each for each in found}
    own = {name: attribute for name, attribute in named.items() if name not in STANDARD_ATTRIBUTES}
    return {name: {key: each for key, each in attribute.items() if key != "Name"} for name, attribute in own.items()}


def within(wanted, actual):
    """Whether `actual` has all that `wanted` has; numbers and booleans may be written as text."""
    if isinstance(wanted, dict):
        return isinstance(actual, dict) and all(key in actual and within(each, actual[key]) for key, each in wanted.items())
    return str(wanted).lower() == str(actual).lower()


def short(text, most=300):
    text = str(text)
    return text if len(text) <= most else text[: most - 1] + "…"
