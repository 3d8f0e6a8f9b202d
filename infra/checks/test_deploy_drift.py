"""What somebody changed by hand stops a deployment before its first step, whatever stack it is in; what differs by itself does not."""

import json

import pytest

from deployment import drift, rollout
from stand_in import Memory
from test_deploy import STEPS, around, deploy  # noqa: F401  the fixture

BY_HAND = {
    "LogicalResourceId": "BookingQueue", "ResourceType": "AWS::SQS::Queue", "StackResourceDriftStatus": "MODIFIED",
    "PropertyDifferences": [{"PropertyPath": "/VisibilityTimeout", "ExpectedValue": "180", "ActualValue": "30", "DifferenceType": "NOT_EQUAL"}],
}  # fmt: skip


@pytest.mark.parametrize("stack", sorted(set(STEPS)))
def test_drift_of_any_stack_stops_a_repeated_deployment(stack):
    cloud = deploy(Memory())
    cloud.drift[stack] = [BY_HAND]
    cloud.calls.clear()
    with pytest.raises(SystemExit) as stopped:
        deploy(cloud)
    said = str(stopped.value)
    assert f"airline-dev-{stack}" in said and "BookingQueue/VisibilityTimeout" in said and "180" in said and "30" in said
    assert cloud.calls == []
    deploy(cloud, accept_drift=True)
    assert {name for name, _ in cloud.calls} == set(STEPS)


def test_a_new_stage_has_none():
    cloud = Memory()
    cloud.drift = {stack: [BY_HAND] for stack in STEPS}
    rollout.refuse_drift(cloud)


def differing(kind, path, expected="", actual="", **more):
    difference = {"PropertyPath": path, "ExpectedValue": expected, "ActualValue": actual, "DifferenceType": "NOT_EQUAL"}
    return {"LogicalResourceId": "It", "ResourceType": kind, "StackResourceDriftStatus": "MODIFIED", "PropertyDifferences": [difference], **more}


def paths(found):
    return [each.path for each in drift.unexcused("stack", found)]


def test_an_api_that_was_deployed_anew_is_not_taken_for_changed_by_hand():
    stage = differing("AWS::ApiGateway::Stage", "/DeploymentId", "a", "b")
    assert paths(stage) == []
    stage["PropertyDifferences"].append({"PropertyPath": "/TracingEnabled", "ExpectedValue": "true", "ActualValue": "false"})
    assert paths(stage) == ["/TracingEnabled"]
    assert paths(differing("AWS::ApiGateway::UsagePlan", "/DeploymentId", "a", "b")) == ["/DeploymentId"]


def test_networks_that_a_command_has_blocked_are_not_taken_for_changed_by_hand():
    assert paths(differing("AWS::WAFv2::IPSet", "/Addresses", "[]", '["203.0.113.0/24"]')) == []
    assert paths(differing("AWS::WAFv2::IPSet", "/Description", "a", "b")) == ["/Description"]


def test_a_deleted_resource_is_never_excused():
    deleted = differing("AWS::ApiGateway::Stage", "/DeploymentId", StackResourceDriftStatus="DELETED")
    assert [str(each) for each in drift.unexcused("stack", deleted)] == ["stack: It was deleted"]


def policy(*resources, principal="*"):
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "execute-api:Invoke", "Resource": list(resources)}]})


def test_a_policy_is_the_same_written_short_and_long():
    short = policy("execute-api:/*/GET/miles", "execute-api:/*/OPTIONS/*")
    arn = "arn:aws:execute-api:eu-west-1:222222222222:abc/"
    long = policy(arn + "*/OPTIONS/*", arn + "*/GET/miles")
    assert paths(differing("AWS::ApiGateway::RestApi", "/Policy", short, long)) == []
    assert paths(differing("AWS::ApiGateway::RestApi", "/Policy/Statement/0/Resource/0", "execute-api:/*/GET/miles", arn + "*/GET/miles")) == []
    assert paths(differing("AWS::ApiGateway::RestApi", "/Policy", short, policy(arn + "*/GET/miles"))) == ["/Policy"]
    assert paths(differing("AWS::ApiGateway::RestApi", "/Policy", short, policy(arn + "*/*/*", arn + "*/OPTIONS/*"))) == ["/Policy"]
    assert paths(differing("AWS::ApiGateway::RestApi", "/Policy", policy("execute-api:/*"), policy(arn + "*", principal={"AWS": "1"}))) == ["/Policy"]
    assert paths(differing("AWS::SNS::TopicPolicy", "/Policy", short, long)) == ["/Policy"]


def test_a_user_pools_standard_attributes_come_back_and_its_own_must_be_as_they_were():
    own = [{"Name": "tenant-id", "AttributeDataType": "String", "Mutable": True, "StringAttributeConstraints": {"MinLength": "1", "MaxLength": "64"}}]
    back = [
        {"Name": "sub", "AttributeDataType": "String", "Mutable": False, "Required": True},
        {"Name": "email", "AttributeDataType": "String", "Mutable": True, "Required": False},
        {**own[0], "Name": "custom:tenant-id", "Required": False, "DeveloperOnlyAttribute": False},
    ]

    def schema(actual):
        return paths(differing("AWS::Cognito::UserPool", "/Schema", json.dumps(own), json.dumps(actual)))

    assert schema(back) == []
    assert schema(back[:2]) == ["/Schema"], "its own is gone"
    assert schema([*back[:2], {**back[2], "Mutable": False}]) == ["/Schema"]
    assert schema([*back, {"Name": "custom:admin", "AttributeDataType": "String"}]) == ["/Schema"], "one more of somebody's"
    assert paths(differing("AWS::Cognito::UserPool", "/MfaConfiguration", "ON", "OFF")) == ["/MfaConfiguration"]


def test_drift_is_read_to_its_last_page():
    class Pages:
        def describe_stack_resource_drifts(self, NextToken=None, **_):
            return {"StackResourceDrifts": [BY_HAND]} if NextToken else {"StackResourceDrifts": [], "NextToken": "more"}

    assert list(drift.drifts(Pages(), "stack")) == [BY_HAND]
