"""A step that fails says which resource, why, and which alarm; links are waited for; a smoke test that fails has its trace."""

import datetime

import pytest
from botocore.exceptions import ClientError

from deployment import links, rollback, smoke
from stand_in import Memory

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
REASON = "CodeDeploy deployment d-4XKQ2M7PA failed: the deployment was stopped and rolled back."
ACTIVE = (
    "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected deployments have been"
    " stopped. Activated alarms: <booking-server-errors-dev>"
)


def event(minute, resource, status, reason="", kind="AWS::Lambda::Alias"):
    return {
        "Timestamp": NOW + datetime.timedelta(minutes=minute), "LogicalResourceId": resource, "ResourceType": kind, "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }  # fmt: skip


class Failing(Memory):
    """A stack whose step failed, and CodeDeploy's word on it."""

    def __init__(self, events, message=ACTIVE, status="UPDATE_ROLLBACK_COMPLETE"):
        super().__init__()
        self.events, self.message, self.status = events, message, status

    def find(self, name):
        return {"StackStatus": self.status}

    def client(self, name, service):
        return self

    class exceptions:
        ClientError = ClientError

    def describe_stack_events(self, **_):
        return {"StackEvents": list(reversed(self.events))}

    def get_deployment(self, deploymentId):
        assert deploymentId == "d-4XKQ2M7PA"
        return {"deploymentInfo": {"errorInformation": {"code": "ALARM_ACTIVE", "message": self.message}}}


def test_a_rollback_names_the_alarm_the_resource_and_what_to_do():
    events = [
        event(-60, "Old", "UPDATE_FAILED", "of a run before this one"),
        event(1, "BookingApiAliaslive", "UPDATE_FAILED", REASON),
        event(2, "RegistrationApiAliaslive", "UPDATE_FAILED", "Resource update cancelled"),
        event(3, "airline-dev-booking", "UPDATE_ROLLBACK_COMPLETE", kind="AWS::CloudFormation::Stack"),
    ]
    said = rollback.explain(Failing(events), "booking", NOW)
    assert "Alarm: booking-server-errors-dev." in said and "BookingApiAliaslive" in said and "run the same command again" in said
    assert "Old" not in said and "RegistrationApiAliaslive" not in said


def test_another_failure_names_no_alarm():
    said = rollback.explain(Failing([event(1, "ReservationsTable", "CREATE_FAILED", "Rate exceeded")]), "booking", NOW)
    assert "ReservationsTable" in said and "Rate exceeded" in said and "Alarm" not in said


def test_sams_own_words_are_said_where_cloudformation_has_none():
    said = rollback.explain(Failing([]), "booking", NOW, "Error: Unable to upload artifact")
    assert "Unable to upload artifact" in said and "target/deploy/airline-dev-booking.log" in said


def test_what_is_not_valid_is_said_though_no_resource_was_begun():
    class Invalid(Failing):
        def describe_events(self, **_):
            error = {"EventType": "VALIDATION_ERROR", "Timestamp": NOW + datetime.timedelta(minutes=1), "LogicalResourceId": "CanaryArtifacts"}
            return {"OperationEvents": [{**error, "ValidationStatusReason": "Resource of type 'AWS::S3::Bucket' already exists."}]}

    counted = event(1, "airline-dev-booking", "CREATE_FAILED", "Validation failed with 1 error(s)", "AWS::CloudFormation::Stack")
    said = rollback.explain(Invalid([{**counted, "DetailedStatus": "VALIDATION_FAILED"}]), "booking", NOW)
    assert "CanaryArtifacts" in said and "already exists" in said


class CloudWatch:
    """Takes an alarm on another account's metrics after some refusals."""

    class exceptions:
        ClientError = ClientError

    def __init__(self, refusals, message="One or more metrics in your request are Forbidden"):
        self.refusals, self.message, self.made, self.deleted = refusals, message, [], []

    def put_metric_alarm(self, **given):
        if self.refusals:
            self.refusals -= 1
            raise ClientError({"Error": {"Code": "ValidationError", "Message": self.message}}, "PutMetricAlarm")
        self.made.append(given)

    def delete_alarms(self, AlarmNames):
        self.deleted += AlarmNames


def probing(monkeypatch, cloudwatch):
    cloud, pauses = Memory(), []
    monkeypatch.setattr(links, "pause", lambda: pauses.append(1))
    cloud.client = lambda name, service: cloudwatch if (name, service) == ("observability", "cloudwatch") else None
    links.wait_for_links(cloud, ["111111111111", "222222222222"])
    return pauses


def test_links_are_waited_for_and_the_alarm_that_asked_is_deleted(monkeypatch):
    cloudwatch = CloudWatch(3)
    assert len(probing(monkeypatch, cloudwatch)) == 3
    assert [alarm["Metrics"][0]["AccountId"] for alarm in cloudwatch.made] == ["111111111111", "222222222222"]
    assert cloudwatch.deleted == [alarm["AlarmName"] for alarm in cloudwatch.made]


def test_another_answer_than_forbidden_is_not_waited_for(monkeypatch):
    with pytest.raises(ClientError, match="AccessDenied"):
        probing(monkeypatch, CloudWatch(1, "AccessDenied: may not"))


def test_a_link_that_never_works_ends_it(monkeypatch):
    monkeypatch.setattr(links, "WITHIN_MINUTES", -1)
    with pytest.raises(SystemExit, match="after 111111111111 was linked, account C still may not"):
        probing(monkeypatch, CloudWatch(10))


# --- The smoke test -----------------------------------------------------------------------------------------------------

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Deployed(Memory):
    def __init__(self):
        super().__init__()
        self.stacks = {name: {"TenantsCacheSeconds": "1"} for name in ("booking", "mileage", "portal")}


def answered(status, text, allowed=None):
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "access-control-allow-origin": allowed}
    return lambda method, url, *_, **__: smoke.Answer(f"{method} {url}", status, headers, text)


def test_a_smoke_test_fails_with_the_step_the_answer_and_the_trace(monkeypatch, capsys):
    monkeypatch.setattr(smoke.Journey, "signs_in", lambda self: setattr(self, "token", "t"))
    monkeypatch.setattr(smoke, "STEPS", [("signs in by SRP", smoke.Journey.signs_in), ("books", smoke.Journey.books)])
    monkeypatch.setattr(smoke, "ask", answered(500, '{"code":"internal_error"}'))
    with pytest.raises(SystemExit) as failed:
        smoke.smoke(Deployed())
    said = str(failed.value)
    assert "books: FAILED" in said and "500" in said and "internal_error" in said and TRACE in said
    assert "signs in by SRP: 00:00" in capsys.readouterr().out


@pytest.mark.parametrize(("allowed", "wrong"), [("https://portal.example", None), (None, "allows None"), ("*", "allows \\*")])
def test_an_api_lets_in_the_portal_and_nobody_else(monkeypatch, allowed, wrong):
    monkeypatch.setattr(smoke, "ask", answered(204, "", allowed))
    journey = smoke.Journey(Deployed())
    if wrong:
        with pytest.raises(smoke.Failed, match=wrong):
            journey.lets_in_the_portal_alone()
    else:
        journey.lets_in_the_portal_alone()


def test_a_tenant_is_let_in_again_whatever_happens(monkeypatch):
    statuses = []
    monkeypatch.setattr(smoke, "ask", answered(500, "broken"))
    monkeypatch.setattr(smoke, "pause", lambda: None)
    monkeypatch.setattr(smoke.time, "monotonic", iter(range(0, 1000, 10)).__next__)
    journey = smoke.Journey(Deployed())
    journey.token, journey.sets = "t", statuses.append
    with pytest.raises(smoke.Failed):
        journey.is_suspended_and_let_in_again()
    assert statuses == ["suspended", "active"]
