"""Drift as AWS reports it: what a service gives back is not always what a template wrote. The emulator compares ten types; here every type
is at least asked for, and the differences that a clean deployment has on AWS are there."""

import copy
import re

from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway_v1, cognito
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
    drift._DRIFT_READERS["AWS::ApiGateway::RestApi"] = (_rest_api, _Readable("AWS::ApiGateway::RestApi"))
    drift._DRIFT_READERS["AWS::ApiGateway::Stage"] = (_stage, _Readable("AWS::ApiGateway::Stage"))
    drift._DRIFT_READERS["AWS::Cognito::UserPool"] = (_user_pool, _Readable("AWS::Cognito::UserPool"))
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

    def read(physical, properties):
        return copy.deepcopy(properties) if physical in resources(kind) else None

    return read


def _rest_api(physical, properties):
    if physical not in apigateway_v1._rest_apis:
        return None
    return {**copy.deepcopy(properties), **({"Policy": _in_full(properties["Policy"], physical)} if "Policy" in properties else {})}


def _in_full(policy, api):
    """API Gateway expands `execute-api:/…` to ARNs when it stores a policy. Source: API Gateway Developer Guide, resource policy examples."""
    if isinstance(policy, dict):
        return {key: _in_full(value, api) for key, value in policy.items()}
    if isinstance(policy, list):
        return [_in_full(value, api) for value in policy]
    if isinstance(policy, str) and policy.startswith("execute-api:/"):
        return f"arn:aws:execute-api:{get_region()}:{get_account_id()}:{api}/{policy.removeprefix('execute-api:/')}"
    return policy


def _stage(physical, properties):
    stage = (apigateway_v1._stages_v1.get(properties["RestApiId"]) or {}).get(properties["StageName"])
    return stage and {**copy.deepcopy(properties), "DeploymentId": stage.get("deploymentId")}


def _user_pool(physical, properties):
    if physical not in cognito._user_pools:
        return None
    standard = [{"Name": name, "AttributeDataType": "String", "Mutable": name != "sub", "Required": name == "sub"} for name in STANDARD_ATTRIBUTES]
    return {**copy.deepcopy(properties), "Schema": standard + copy.deepcopy(properties.get("Schema", []))}
