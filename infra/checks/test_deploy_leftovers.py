"""What a stage leaves is known from its templates; it is purged on three words at most, and taken over by a new deployment."""

import pytest

from deployment import adopt, leftovers, preflight, purge
from deployment.config import Config
from deployment.preflight import Found
from project import Project
from stand_in import ACCOUNTS, Memory

LEFT = {
    "reservations-dev", "tenants-dev", "airline-dev", "booking-stream-failures-dev-111111111111", "mileage-ledger-dev", "slo-state-dev",
    "canary-artifacts-dev-333333333333", "logs-at-rest-dev-333333333333", "portal-dev-111111111111",
    "access-logs-undelivered-dev-111111111111", "access-logs-undelivered-dev-222222222222",
}  # fmt: skip


def test_every_retained_resource_is_in_the_list():
    listed = {(each.stack, each.logical) for each in leftovers.of_stage(Config("dev"), ACCOUNTS) if each.retained}
    kept = {
        (stack, logical) for stack, (_, path) in Config("dev").stacks.items()
        for logical, each in Project.read().templates["source-account" if stack.startswith("source-") else path.split("/")[0]]["Resources"].items()
        if each.get("DeletionPolicy", "Delete") != "Delete"
    }  # fmt: skip
    assert listed == kept and kept


def test_what_is_retained_is_there_from_the_first_step_on():
    """A stack takes over what is left when it is new, and at no other time."""
    for template in Project.read().templates.values():
        assert not [name for name, each in template["Resources"].items() if "DeletionPolicy" in each and "Condition" in each]


def test_each_by_the_name_that_it_has():
    assert {each.name for each in leftovers.of_stage(Config("dev"), ACCOUNTS) if each.retained} == LEFT


def test_log_groups_and_secrets_linger():
    names = {each.name for each in leftovers.of_stage(Config("dev"), ACCOUNTS) if not each.retained}
    assert {"/aws/lambda/booking-api-dev", "/aws/lambda/mileage-accrual-dev", "/aws/lambda/booking-api-isolated-dev", "canary-dev", "access-logs-key-dev", "/aws/kinesisfirehose/access-logs-dev"} <= names


@pytest.mark.parametrize(("stage", "said", "deletes"), [
    ("dev", {}, False),
    ("dev", {"YES": "1"}, False),
    ("dev", {"PURGE": "dev"}, False),
    ("dev", {"YES": "1", "PURGE": "staging"}, False),
    ("dev", {"YES": "1", "PURGE": "dev"}, True),
    ("prod", {"YES": "1", "PURGE": "prod"}, False),
    ("prod", {"YES": "1", "PURGE": "prod", "REALLY": "yes"}, False),
    ("prod", {"YES": "1", "PURGE": "prod", "REALLY": "prod"}, True),
])  # fmt: skip
def test_a_purge_is_asked_for_by_name_and_of_prod_once_more(monkeypatch, capsys, stage, said, deletes):
    gone = []
    monkeypatch.setattr(purge, "inventory", lambda *_: [purge.Item("1" * 12, "table", "reservations", "3 items", lambda: gone.append("table"))])
    for name in ("YES", "PURGE", "REALLY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    run(stage)
    assert gone == (["table"] if deletes else [])
    assert "reservations" in capsys.readouterr().out, "it lists in any case"


def test_nothing_is_purged_under_stacks_that_are_there(monkeypatch):
    gone = []
    monkeypatch.setattr(purge, "inventory", lambda *_: [purge.Item("1" * 12, "table", "reservations", "", lambda: gone.append("table"))])
    for name, value in {"YES": "1", "PURGE": "dev"}.items():
        monkeypatch.setenv(name, value)
    run("dev", stacks={"booking": {}})
    assert gone == []


def run(stage, stacks=()):
    cloud = Memory()
    cloud.config, cloud.stage, cloud.stacks = Config(stage), stage, dict(stacks)
    cloud.client = lambda name, service: type("Sts", (), {"get_caller_identity": staticmethod(lambda: {"Account": ACCOUNTS[name]})})()
    try:
        purge.purge(cloud)
    except SystemExit as ended:
        assert ended.code == 1


# --- Taken over ---------------------------------------------------------------------------------------------------------


class Cloudy(Memory):
    """With a CloudFormation that imports."""

    def __init__(self):
        super().__init__()
        self.imported = None

    def client(self, name, service):
        return self if service == "cloudformation" else super().client(name, service)

    def create_change_set(self, **given):
        self.imported = given
        return {"Id": "change-set"}

    def describe_change_set(self, **_):
        return {"Status": "CREATE_COMPLETE", "ExecutionStatus": "EXECUTE_COMPLETE" if "booking" in self.stacks else "AVAILABLE"}

    def execute_change_set(self, **_):
        self.stacks["booking"] = {}

    def wait(self, name):
        return {"StackStatus": "IMPORT_COMPLETE"}


BOOKING = {"Stage": "dev", "MileageAccountId": "2" * 12}


def test_what_holds_data_is_imported_into_the_new_stack(monkeypatch):
    monkeypatch.setattr(leftovers, "identify", lambda cloud, left: ["eu-west-1_1"] if left.name == "airline-dev" else [left.name] if left.retained else [])
    cloud = Cloudy()
    adopt.adopt(cloud, "booking", BOOKING, "1" * 12)
    assert cloud.imported["ChangeSetType"] == "IMPORT"
    identifiers = {each["LogicalResourceId"]: each["ResourceIdentifier"] for each in cloud.imported["ResourcesToImport"]}
    assert identifiers["UserPool"] == {"UserPoolId": "eu-west-1_1"} and identifiers["Reservations"] == {"TableName": "reservations-dev"}
    body = cloud.imported["TemplateBody"]
    assert "Fn::" not in body and '"Ref"' not in body and body.count('"DeletionPolicy": "Retain"') == 4


def test_nothing_is_imported_where_nothing_is_left(monkeypatch):
    monkeypatch.setattr(leftovers, "identify", lambda *_: [])
    cloud = Cloudy()
    assert adopt.adopt(cloud, "booking", BOOKING, "1" * 12) == [] and cloud.imported is None


def test_two_user_pools_of_one_name_are_for_a_person_to_decide(monkeypatch):
    monkeypatch.setattr(leftovers, "identify", lambda cloud, left: ["a", "b"] if left.name == "airline-dev" else [])
    with pytest.raises(SystemExit, match="keep one"):
        adopt.adopt(Cloudy(), "booking", BOOKING, "1" * 12)
    found = Found(accounts=ACCOUNTS)
    preflight.what_was_left(Memory(), found)
    assert len(found.stops) == 1 and "2 user pools" in found.stops[0]


def test_tables_without_their_users_are_said(monkeypatch):
    monkeypatch.setattr(leftovers, "identify", lambda cloud, left: [left.name] if left.name == "reservations-dev" else [])
    found = Found(accounts=ACCOUNTS)
    preflight.what_was_left(Memory(), found)
    assert [left.name for left in found.taken_over] == ["reservations-dev"] and "users who no longer exist" in found.notes[0]
