"""Drift as AWS reports it: what a service gives back is not always what a template wrote. The emulator compares ten types; here every type
is at least asked for, and the differences that a clean deployment has on AWS are there."""

import copy
import re

from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway_v1, cloudwatch_logs, cognito
from ministack.services.cloudformation import drift, handlers, provisioners
from ministack.services.cloudformation.helpers import _p

import registry
from state import resources

# Cognito Developer Guide, user pool attributes: a pool has these whatever its template says, and DescribeUserPool lists them.
STANDARD_ATTRIBUTES = (
    "sub", "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "email",
    "email_verified", "gender", "birthdate", "zoneinfo", "locale", "phone_number", "phone_number_verified", "address", "updated_at",
)  # fmt: skip
# Detections whose result was not asked for yet: the first answer is that it is under way.
_unread = set()


class _Readable:
    """The properties of a type that can be read back: all that are not write-only."""

    def __init__(self, kind):
        self.hidden = set(registry.names(kind, "writeOnlyProperties"))

    def __contains__(self, name):
        return name not in self.hidden


def install():
    """After handlers are wrapped."""
    for kind in provisioners._RESOURCE_HANDLERS:
        # As on AWS, types without a schema cannot be checked.
        if registry.schema(kind):
            drift._DRIFT_READERS.setdefault(kind, (_as_deployed(kind), _Readable(kind)))
    # The emulator looks for a subscription in the account of its owner.
    drift._DRIFT_READERS["AWS::SNS::Subscription"] = (_as_deployed("AWS::SNS::Subscription"), _Readable("AWS::SNS::Subscription"))
    drift._DRIFT_READERS["AWS::ApiGateway::RestApi"] = (_rest_api, _Readable("AWS::ApiGateway::RestApi"))
    drift._DRIFT_READERS["AWS::ApiGateway::Stage"] = (_stage, _Readable("AWS::ApiGateway::Stage"))
    drift._DRIFT_READERS["AWS::Cognito::UserPool"] = (_user_pool, _Readable("AWS::Cognito::UserPool"))
    kind = "AWS::Logs::SubscriptionFilter"
    drift._DRIFT_READERS[kind] = (_subscription_filter, _Readable(kind))
    detect, status = handlers._ACTION_HANDLERS["DetectStackDrift"], handlers._ACTION_HANDLERS["DescribeStackDriftDetectionStatus"]

    def detected(parameters):
        answer = detect(parameters)
        _unread.update(re.findall(rb"<StackDriftDetectionId>([^<]+)<", answer[2]))
        return answer

    def described(parameters):
        code, headers, body = status(parameters)
        detection = _p(parameters, "StackDriftDetectionId").encode()
        if detection in _unread:
            _unread.discard(detection)
            body = re.sub(rb"<DetectionStatus>[A-Z_]+<", b"<DetectionStatus>DETECTION_IN_PROGRESS<", body)
        return code, headers, body

    handlers._ACTION_HANDLERS["DetectStackDrift"] = detected
    handlers._ACTION_HANDLERS["DescribeStackDriftDetectionStatus"] = described


def _as_deployed(kind):
    """For types whose store nobody changes behind CloudFormation's back here: as they were deployed, and gone if they are gone."""

    return lambda physical, properties: copy.deepcopy(resources(kind).get(physical))


def _subscription_filter(physical, properties):
    """A filter is known by its log group and its name: filters of several groups may have the same name."""
    group = cloudwatch_logs._log_groups.get(properties["LogGroupName"]) or {}
    found = (group.get("subscriptionFilters") or {}).get(properties["FilterName"])
    return found and {**copy.deepcopy(properties), "FilterPattern": found["filterPattern"], "DestinationArn": found["destinationArn"]}


def _rest_api(physical, properties):
    if physical not in apigateway_v1._rest_apis:
        return None
    deployed = copy.deepcopy(resources("AWS::ApiGateway::RestApi")[physical])
    return {**deployed, **({"Policy": in_full(deployed["Policy"], physical, get_account_id())} if "Policy" in deployed else {})}


def in_full(policy, api, account):
    """API Gateway expands `execute-api:/…` to ARNs when it stores a policy. Source: API Gateway Developer Guide, resource policy examples."""
    if isinstance(policy, dict):
        return {key: in_full(value, api, account) for key, value in policy.items()}
    if isinstance(policy, list):
        return [in_full(value, api, account) for value in policy]
    if isinstance(policy, str) and policy.startswith("execute-api:/"):
        return f"arn:aws:execute-api:{get_region()}:{account}:{api}/{policy.removeprefix('execute-api:/')}"
    return policy


def _stage(physical, properties):
    stage = (apigateway_v1._stages_v1.get(properties["RestApiId"]) or {}).get(properties["StageName"])
    return stage and {**copy.deepcopy(resources("AWS::ApiGateway::Stage").get(physical, {})), "DeploymentId": stage.get("deploymentId")}


def _user_pool(physical, properties):
    if physical not in cognito._user_pools:
        return None
    standard = [{"Name": name, "AttributeDataType": "String", "Mutable": name != "sub", "Required": name == "sub"} for name in STANDARD_ATTRIBUTES]
    deployed = copy.deepcopy(resources("AWS::Cognito::UserPool")[physical])
    return {**deployed, "Schema": standard + deployed.get("Schema", [])}
