"""Calls of services that the emulator lacks, as far as the deployment makes them; and PutMetricAlarm with the refusal of its resource type."""

import json
import re

import ministack.app as app
from ministack.core.responses import get_account_id
from ministack.services import cloudwatch

import refused_telemetry
from refusals import Refused
from state import note, resources, wanted


def install():
    """In front of the emulator's services."""
    dispatch = app._dispatch_service_request

    async def dispatched(method, path, headers, body, query, request_id):
        scope = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([a-z0-9-]+)/aws4_request", headers.get("authorization", ""))
        answer = SERVICES.get(scope[1] if scope else "", lambda *_: None)(method, path, body)
        if answer is not None:
            return 200, {"Content-Type": "application/json", "x-amzn-requestid": request_id}, json.dumps(answer).encode()
        return await dispatch(method, path, headers, body, query, request_id)

    app._dispatch_service_request = dispatched
    put = cloudwatch._put_metric_alarm

    def put_metric_alarm(parameters, data, is_cbor, is_json=False):
        try:
            for account in _accounts(parameters, data):
                if not refused_telemetry.shares_metrics(account):
                    raise Refused(f"One or more metrics in your request are Forbidden: {account} does not share metrics with this account")
        except Refused as refused:
            note("refused", rule="alarms_need_a_working_link", error=str(refused), source="CloudWatch API, PutMetricAlarm")
            return cloudwatch._error("ValidationError", str(refused), 400, is_json, is_cbor)
        return put(parameters, data, is_cbor, is_json)

    cloudwatch._put_metric_alarm = put_metric_alarm


def _accounts(parameters, data):
    """Other accounts whose metrics the alarm is on."""
    found = {each.get("AccountId") for each in (data or {}).get("Metrics", []) if isinstance(each, dict)}
    found |= {value[0] if isinstance(value, list) else value for key, value in (parameters or {}).items() if key.endswith(".AccountId")}
    return found - {None, get_account_id()}


def _xray(method, path, body):
    if path == "/GetTraceSegmentDestination":
        return {"Destination": "CloudWatchLogs" if resources("AWS::XRay::TransactionSearchConfig") else "XRay", "Status": "ACTIVE"}
    if path == "/GetIndexingRules":
        percentage = next((each.get("IndexingPercentage", 1) for each in resources("AWS::XRay::TransactionSearchConfig").values()), 1)
        return {"IndexingRules": [{"Name": "Default", "Rule": {"Probabilistic": {"DesiredSamplingPercentage": float(percentage)}}}]}
    if path == "/GetGroups":
        return {"Groups": [{"GroupName": each["GroupName"], "GroupARN": arn} for arn, each in resources("AWS::XRay::Group").items()]}
    return None


def _oam(method, path, body):
    if path == "/ListSinks":
        return {"Items": [{"Arn": arn, "Id": arn.rsplit("/", 1)[-1], "Name": each["Name"]} for arn, each in resources("AWS::Oam::Sink").items()]}
    if path == "/ListLinks":
        return {"Items": [{"Arn": arn, "SinkArn": each["SinkIdentifier"]} for arn, each in resources("AWS::Oam::Link").items()]}
    return None


def _synthetics(method, path, body):
    if path in ("/canaries", "/canaries/last-run"):
        return {"Canaries": [{"Name": each["Name"]} for each in resources("AWS::Synthetics::Canary").values()]}
    return None


def _codedeploy(method, path, body):
    """The one deployment that failed is the one whose alarm the driver lets ring."""
    request = json.loads(body or b"{}")
    if "deploymentId" not in request:
        return None
    alarm = wanted("alarm", "none")
    activated = "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected"
    error = {"code": "ALARM_ACTIVE", "message": f"{activated}, and the affected deployments have been stopped. Activated alarms: <{alarm}>"}
    return {"deploymentInfo": {"deploymentId": request["deploymentId"], "status": "Stopped", "errorInformation": error}}


SERVICES = {"xray": _xray, "oam": _oam, "synthetics": _synthetics, "codedeploy": _codedeploy}
