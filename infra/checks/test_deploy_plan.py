"""What preflight refuses, what it only says, and the plan: before anything changes."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from deployment import plan, preflight, readiness
from deployment.config import Config
from deployment.preflight import Found
from project_file import SERVICES, STACKS
from stand_in import ACCOUNTS, Memory


class Accounts:
    """A cloud of which only the calls that a test gives are known; every other one is refused."""

    def __init__(self, answers=None, regions=None, accounts=None, parameters=None, samconfig=None):
        self.config, self.stage = Config("dev", samconfig), "dev"
        self.answers, self.regions, self.by_name, self.by_stack = answers or {}, regions or {}, accounts or ACCOUNTS, parameters or {}

    def region(self, name):
        return self.regions.get(name, "eu-west-1")

    def parameters(self, name):
        return self.by_stack.get(name, {})

    def find(self, name):
        return {"StackStatus": "UPDATE_COMPLETE"} if name in self.by_stack else None

    def bootstrap_bucket(self, name):
        return None

    def client(self, name, service):
        if service == "sts":
            return SimpleNamespace(get_caller_identity=lambda: {"Account": self.by_name[name], "Arn": f"arn:aws:iam::{self.by_name[name]}:user/somebody"})
        return Client(self.answers, service)


class Client:
    def __init__(self, answers, service):
        self.answers, self.service = answers, service

    def __getattr__(self, call):
        def asked(**given):
            if (self.service, call) not in self.answers:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": f"may not {call}"}}, call)
            return self.answers[self.service, call]

        return asked


def found(**more):
    return Found(accounts={name: ACCOUNTS[name] for name in ("observability", "booking", "mileage")}, region="eu-west-1", **more)


@pytest.mark.parametrize(("cloud", "said"), [
    (Accounts(accounts={**ACCOUNTS, "mileage": ACCOUNTS["booking"]}), "not different ones"),
    (Accounts(regions={"mileage": "us-east-1"}), "different regions"),
    (Accounts(regions={"observability": None}), "no region in airline-dev-observability"),
])  # fmt: skip
def test_three_accounts_and_one_region_or_nothing(cloud, said):
    with pytest.raises(SystemExit, match=said):
        preflight.look(cloud)


def test_what_it_may_not_look_at_it_says_and_goes_on(monkeypatch):
    monkeypatch.setattr(preflight, "what_was_left", lambda *_: None)
    looked = preflight.look(Accounts())
    assert looked.stops == []
    unknown = [note for note in looked.notes if note.startswith("could not check")]
    assert any("sink" in note for note in unknown) and any("Transaction Search" in note for note in unknown) and any("concurrency" in note for note in unknown)


def test_a_second_stage_goes_without_what_an_account_has_once():
    answers = {("oam", "list_sinks"): {"Items": [{"Arn": "sink", "Name": "observability"}]}, ("oam", "list_links"): {"Items": [{"SinkArn": "sink"}]}}
    second = found()
    preflight.account_wide(Accounts(answers), second)
    assert second.sink == "sink" and second.stops == []
    assert second.parameters == {name: {"AccountWide": "false"} for name in ("observability", "source-booking", "source-mileage")}
    owner = found()
    preflight.account_wide(Accounts(answers, parameters={name: {"AccountWide": "true"} for name in second.parameters}), owner)
    assert owner.parameters == {}


@pytest.mark.parametrize(("destination", "there", "stops"), [("XRay", {}, 0), ("CloudWatchLogs", {}, 3), ("CloudWatchLogs", {"observability": "", "source-booking": ""}, 1)])
def test_transaction_search_must_be_off_where_a_stack_turns_it_on(destination, there, stops):
    looked = found(stacks=there)
    readiness.transaction_search(Accounts({("xray", "get_trace_segment_destination"): {"Destination": destination}}), looked)
    assert len(looked.stops) == stops
    assert all("update-trace-segment-destination --destination XRay --profile airline-dev-" in stop for stop in looked.stops)


@pytest.mark.parametrize(("reserved", "free", "stops"), [(0, 10, 0), (50, 1000, 0), (50, 200, 0), (51, 200, 1), (1, 10, 1)])
def test_a_hundred_executions_stay_unreserved(reserved, free, stops):
    samconfig = _with("booking", f"ReservedConcurrency={reserved}")
    looked = found()
    limits = {"AccountLimit": {"ConcurrentExecutions": free, "UnreservedConcurrentExecutions": free}}
    readiness.concurrency(Accounts({("lambda", "get_account_settings"): limits}, samconfig=samconfig), looked)
    assert len(looked.stops) == stops


def test_rights_that_are_denied_for_sure_stop_it_and_others_are_said():
    def decided(decision, missing=()):
        return {"EvaluationResults": [{"EvalActionName": "iam:CreateRole", "EvalDecision": decision, "MissingContextValues": list(missing)}]}

    for answer, stops, notes in ((decided("allowed"), 0, 0), (decided("implicitDeny"), 3, 0), (decided("implicitDeny", ["iam:PermissionsBoundary"]), 0, 3)):
        looked = found()
        readiness.rights(Accounts({("iam", "simulate_principal_policy"): answer}), looked)
        assert (len(looked.stops), len(looked.notes)) == (stops, notes)


def test_mail_comes_from_a_verified_identity():
    samconfig = _with("booking", "EmailFromArn=arn:aws:ses:eu-west-1:111111111111:identity/example.com")
    for verified, production, stops, notes in ((True, True, 0, 0), (False, True, 1, 0), (True, False, 0, 1)):
        looked = found()
        answers = {("sesv2", "get_account"): {"ProductionAccessEnabled": production}, ("sesv2", "get_email_identity"): {"VerifiedForSendingStatus": verified}}
        readiness.mail(Accounts(answers, samconfig=samconfig), looked)
        assert (len(looked.stops), len(looked.notes)) == (stops, notes)


def test_an_account_that_is_not_told_where_the_control_plane_is_is_said():
    samconfig = _with("source-booking", "ControlPlaneIntakeUrl=https://control-plane.example")
    looked, cloud = found(), Memory(samconfig=samconfig)
    readiness.refusals(cloud, looked)
    (note,) = looked.notes
    assert note.startswith("airline-dev-source-mileage has no ControlPlaneIntakeUrl")
    assert "refused requests on the control plane" in plan.text(cloud, found()) and "refused requests" not in plan.text(Memory(), found())
    readiness.refusals(Memory(), looked := found())
    assert looked.notes == []


def test_a_plan_names_every_step_with_its_time_and_what_costs():
    text = plan.text(Memory(), found())
    steps = 10 + len(SERVICES)
    created, linked = f"7/{steps} create", f"{steps}/{steps} update, once the links work"
    for line in (f"1/{steps} create", "airline-dev-source-mileage", created, linked, "min", "AWS WAF", "smoke test"):
        assert line in text
    again = plan.text(Memory(), found(stacks=dict.fromkeys(STACKS, "")))
    assert "create" not in again.split("Steps")[1].split("Each month")[0] and "links" not in again


def test_a_plan_counts_what_is_turned_off(monkeypatch):
    cloud = Memory(samconfig=_with("booking", "WebAcl=false"))
    assert "booking API: an ACL" not in plan.text(cloud, found()) and "mileage API: an ACL" in plan.text(cloud, found())


def test_a_stop_is_in_the_plan():
    stopped = found()
    stopped.stop("the bucket is somebody else's")
    assert "STOP  the bucket is somebody else's" in plan.text(Memory(), stopped)


def _with(stack, override):
    from deployment.config import CONFIG

    head, text = f'[dev-{stack}.deploy.parameters]\n', CONFIG.read_text()
    before, after = text.split(head, 1)
    return before + head + after.replace('parameter_overrides = [', f'parameter_overrides = ["{override}", ', 1)
