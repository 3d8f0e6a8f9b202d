"""What the bootstrap's role may do is what the stacks hold; workflows' sessions last as long as its own, and outlast the longest rollout."""

import fnmatch
import re

import pytest
import yaml

from cloudformation import Stack, as_list, load
from deployment.readiness import ACTIONS
from project import EVERYTHING, PORTAL, ROOT, Project
from sam import transformed

BOOTSTRAP = load((ROOT / "infra/bootstrap/template.yaml").read_text())
GIVEN = {"Subjects": "repo:owner/name:environment:dev", "DeployerArns": "arn:aws:iam::111111111111:role/somebody"}
STACK = Stack(BOOTSTRAP, GIVEN, "111111111111")
ROLE = dict(STACK.resources())["DeployRole"]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/deploy-stage.yml").read_text())
# Services whose permissions have another name than CloudFormation's.
PREFIX = {"cognito": "cognito-idp", "kinesisfirehose": "firehose", "serverless": "lambda"}


def statements():
    return ROLE["Policies"][0]["PolicyDocument"]["Statement"]


def allowed():
    return [action for each in statements() for action in as_list(each["Action"])]


def every_resource():
    for name, template in Project.read().templates.items():
        parameters = {**EVERYTHING, **PORTAL} if name == "portal" else {**EVERYTHING, "ApiName": "booking", "AccountId": "2" * 12}
        stack = transformed(template, parameters)
        for logical, properties in stack.resources():
            yield name, logical, stack.template["Resources"][logical]["Type"], properties


RESOURCES = list(every_resource())


def test_every_service_of_the_stacks_is_among_its_own():
    services = {kind.split("::")[1].lower() for _, _, kind, _ in RESOURCES} - {"iam", "s3"}
    missing = {service for service in services if f"{PREFIX.get(service, service)}:*" not in allowed()}
    assert not missing


def test_every_managed_policy_that_stacks_attach_is_named():
    attach = next(each for each in statements() if each["Sid"] == "PoliciesOfThoseRoles")["Condition"]["ArnEquals"]["iam:PolicyARN"]
    used = {arn for _, _, kind, properties in RESOURCES if kind == "AWS::IAM::Role" for arn in properties.get("ManagedPolicyArns", [])}
    assert used and used <= set(attach)


def test_every_bucket_of_the_stacks_is_named():
    buckets = next(each for each in statements() if each["Sid"] == "Buckets")["Resource"]
    names = {properties["BucketName"] for _, _, kind, properties in RESOURCES if kind == "AWS::S3::Bucket"}
    for name in names:
        arn = f"arn:aws:s3:::{re.sub('[0-9]{12}', '1' * 12, name)}"
        assert any(fnmatch.fnmatchcase(arn, each) for each in buckets) and any(fnmatch.fnmatchcase(f"{arn}/key", each) for each in buckets)


def test_roles_are_given_to_those_services_that_stacks_have_roles_for():
    passed = next(each for each in statements() if each["Sid"] == "GiveRolesToServices")["Condition"]["StringEquals"]["iam:PassedToService"]
    trusted = set()
    for _, _, kind, properties in RESOURCES:
        if kind == "AWS::IAM::Role":
            for statement in properties["AssumeRolePolicyDocument"]["Statement"]:
                principal = statement["Principal"]
                trusted |= set(as_list(principal.get("Service"))) if isinstance(principal, dict) else set()
    assert trusted and trusted <= set(passed)


@pytest.mark.parametrize(("action", "resource"), sorted({each for actions in ACTIONS.values() for each in actions}))
def test_what_preflight_asks_for_the_role_may(action, resource):
    arn = resource.format(region="eu-west-1", account="1" * 12, stage="dev")
    assert any(
        fnmatch.fnmatchcase(action, each) and fnmatch.fnmatchcase(arn, to)
        for statement in statements() for each in as_list(statement["Action"]) for to in as_list(statement["Resource"])
    )  # fmt: skip


@pytest.mark.parametrize("given", [{"Subjects": GIVEN["Subjects"]}, {"DeployerArns": GIVEN["DeployerArns"]}, GIVEN])
def test_it_trusts_those_who_were_named_and_nobody_else(given):
    found = dict(Stack(BOOTSTRAP, given, "111111111111").resources())
    sids = {each["Sid"] for each in found["DeployRole"]["AssumeRolePolicyDocument"]["Statement"]}
    assert sids == {{"Subjects": "WorkflowsOfTheseEnvironments", "DeployerArns": "PeopleByHand"}[name] for name in given}
    assert ("Provider" in found) == ("Subjects" in given)


def test_a_provider_that_is_there_is_not_made_again():
    arn = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"
    found = dict(Stack(BOOTSTRAP, {**GIVEN, "GitHubProvider": arn}, "111111111111").resources())
    assert "Provider" not in found and arn in str(found["DeployRole"]["AssumeRolePolicyDocument"])


def test_the_role_is_bounded_and_cannot_change_itself():
    assert ROLE["PermissionsBoundary"]
    denied = [each for each in dict(STACK.resources())["DeployBoundary"]["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]
    itself = next(each for each in denied if each["Sid"] == "NotItself")
    assert "arn:aws:iam::111111111111:role/airline-deploy" in itself["Resource"] and "iam:PutRolePolicy" not in itself["NotAction"]


def test_sessions_outlast_the_longest_rollout():
    """Two stacks shift traffic, one after the other, and the slowest of CodeDeploy's preferences waits ten minutes ten times."""
    job = WORKFLOW["jobs"]["deploy"]
    asked = int(re.search(r"--duration-seconds (\d+)", str(job["steps"]))[1])
    longest = 2 * 100 * 60
    assert int(BOOTSTRAP["Parameters"]["SessionSeconds"]["Default"]) >= asked >= longest + 3600
    assert job["timeout-minutes"] * 60 >= longest + 3600 and 360 >= job["timeout-minutes"]
