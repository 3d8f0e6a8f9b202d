"""The faults that commit a4f343f had, put back one after the other: each must stop the rehearsal where AWS would have stopped or failed, with
the reason; taken out again, the next run gets past that place. Numbers are those of the reading that found them."""

import contextlib

import pytest

import stage
import tree

BOOKING, MILEAGE, STEPS = "infra/booking/template.yaml", "infra/mileage/template.yaml", "infra/deployment/steps.py"
TENANTS = "TableName: !Sub tenants-${Stage}\n"
UNREADABLE = (BOOKING, TENANTS, f"{TENANTS}      SSESpecification: {{ SSEEnabled: true }}\n")


@pytest.fixture(scope="module")
def old():
    """Three accounts of their own, in which no deployment ever succeeds before the last act but one."""
    rehearsal = stage.Rehearsal("old-faults")
    yield rehearsal
    rehearsal.close()


@contextlib.contextmanager
def fault(rehearsal, *changes):
    """The copied tree with each (file, what is there, what was there) changed back."""
    files = {file: (rehearsal.tree / file).read_text() for file, _, _ in changes}
    for change in changes:
        tree.replace(rehearsal.tree, *change)
    yield
    for file, text in files.items():
        (rehearsal.tree / file).write_text(text)


def test_finding_1_alarms_before_links(old):
    with fault(old, (STEPS, "if known.linked else parameters", 'if known.linked else {**parameters, "SourceAccountsLinked": "true"}')):
        old.deploy_py("deploy").failed("Forbidden", "airline-dev-observability")
    assert old.stops()[-1]["rule"] == "alarms_need_a_working_link"


def test_finding_3_a_registry_that_the_other_account_cannot_decrypt(old):
    with fault(old, UNREADABLE):
        old.deploy_py("deploy").failed("AWS-managed key", "tenants-dev")
    assert old.stops()[-1]["rule"] == "tables_for_others_need_another_key"


NOBODY = (STEPS, 'after=("answers", "canary_user")', 'after=("answers",)')


def test_finding_2_versions_that_do_not_move(old):
    """Nobody makes the canary's user either, so that the next act finds none."""
    with fault(old, (BOOKING, "AutoPublishCodeSha256: !Ref BookingApiVersionHash", "MemorySize: !Ref MemorySize"), NOBODY):
        old.deploy_py("deploy").failed("BookingApiAliaslive", "stays on version 1", "not-deployed-yet.invalid")
    assert old.stops()[-1]["rule"] == "aliases_follow_their_functions"


def test_finding_8_a_canary_before_its_user(old):
    with fault(old, NOBODY):
        old.deploy_py("deploy").failed("the canary's user")
    assert old.stops()[-1]["rule"] == "canaries_need_their_user"


def test_finding_3_seen_in_use(old):
    """Where the row is only noted, the other account's read itself is denied, and the smoke test says so. Later a function would go by what
    the registry said last, for five minutes."""
    with fault(old, UNREADABLE, ("infra/deployment/smoke.py", "WITHIN_SECONDS = 120", "WITHIN_SECONDS = 5")):
        old.wants(note_only=["tables_for_others_need_another_key"])
        old.deploy_py("deploy").failed("smoke test", "503")
    old.wants()
    assert old.journal(rule="aws_managed_key_across_accounts")


def test_without_the_faults_it_is_deployed(old):
    old.deploy_py("deploy").succeeded()
    assert old.behind() == {}


def test_finding_6_drift_of_a_clean_deployment(old):
    with fault(old, ("infra/deployment/drift.py", "EXCUSES = (redeployed, same_policy, standard_attributes, blocked_by_command)", "EXCUSES = (redeployed,)")):
        old.deploy_py("deploy").failed("changed by hand", "UserPool/Schema", "/Policy")


def test_a_change_by_hand_stops_it(old):
    """Also in a stack of a later step (finding 21)."""
    queue = old.client("mileage", "sqs").get_queue_url(QueueName="mileage-bookings-dev")["QueueUrl"]
    attributes = old.client("mileage", "sqs").set_queue_attributes
    attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "7"})
    old.deploy_py("deploy").failed("changed by hand", "BookingQueue", "VisibilityTimeout")
    attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "180"})


def test_finding_11_names_of_what_was_kept(old):
    old.deploy_py("destroy", YES="1").succeeded()
    with fault(old, ("infra/deployment/adopt.py", "    if found:\n", "    found = {}\n    if found:\n")):
        # The emulator, as AWS does, looks for some of the names before it begins, and for the others when it comes to them.
        old.deploy_py("deploy").failed("already exist", "airline-dev-observability")
