"""The order of a deployment, what each stack is given, and what comes of a run that is repeated or cut off."""

import pytest
import tomllib

from deployment import adopt, links, packages, people, rollout, versions
from deployment.config import CONFIG
from deployment.steps import order
from project import Project
from project_file import SERVICES
from stand_in import OUTPUTS, CutOff, Memory

# As a user adds a mileage account for a tier: three sections.
PREMIUM = CONFIG.read_text() + "".join(
    f'\n[dev-{name}.deploy.parameters]\nstack_name = "airline-dev-{name}"\nprofile = "airline-dev-{profile}"\n'
    for name, profile in (
        ("mileage-premium", "mileage-premium"), ("source-mileage-premium", "mileage-premium"), ("mileage-account-premium", "observability"),
    )
)  # fmt: skip
STEPS = ["observability", "logs", "source-booking", "source-mileage", "booking", "mileage", "portal", *SERVICES, "booking", "mileage", "observability"]


@pytest.fixture(autouse=True)
def around(monkeypatch):
    """What goes with the steps only leaves a line in the journal."""
    monkeypatch.setattr(versions, "code_digest", lambda function: function)
    monkeypatch.setattr(adopt, "adopt", lambda *_: [])
    monkeypatch.setattr(people, "canary", lambda cloud, known: cloud.journal.append("canary's user"))
    monkeypatch.setattr(packages, "upload", lambda client, bucket: client.journal.append(f"files into {bucket}"))
    monkeypatch.setattr(links, "wait_for_links", lambda cloud, accounts: cloud.journal.append(("links work", *accounts)))
    for name in ("ROLLOUT", "SKIP_PORTAL"):
        monkeypatch.delenv(name, raising=False)


def deploy(cloud, **how):
    rollout.deploy(cloud, cloud.found(), **how)
    return cloud


def test_each_stack_gets_what_the_ones_before_know():
    cloud = deploy(Memory())
    assert [name for name, _ in cloud.calls] == STEPS
    assert cloud.stacks["booking"]["MileageApiId"] == "bi" and cloud.stacks["mileage"]["UserPoolArn"] == "arn"
    assert cloud.stacks["observability"]["BookingApiUrl"] == "a" and cloud.stacks["source-mileage"]["SinkArn"] == "sink"


def test_nothing_needs_a_link_before_it_works():
    cloud = deploy(Memory())
    first, last = (given for name, given in cloud.calls if name == "observability")
    assert "SourceAccountsLinked" not in first and "BookingApiUrl" not in first
    assert last["SourceAccountsLinked"] == "true"
    probed = cloud.journal.index(("links work", "1" * 12, "2" * 12))
    linked = [at for at, each in enumerate(cloud.journal) if each in ("source-booking", "source-mileage")]
    alarms = max(at for at, each in enumerate(cloud.journal) if each == "observability")
    assert max(linked) < probed < alarms


def test_the_canary_never_runs_before_its_user_is_there():
    cloud = deploy(Memory())
    with_canary = next(at for at, (name, given) in enumerate(cloud.calls) if name == "observability" and "BookingApiUrl" in given)
    assert with_canary == len(STEPS) - 1 and "canary's user" in cloud.journal[: len(cloud.journal) - 2]


@pytest.mark.parametrize("fail_at", range(len(STEPS)))
def test_nor_after_a_run_that_was_cut_off(fail_at):
    cloud = Memory(fail_at)
    with pytest.raises(CutOff):
        deploy(cloud)
    cloud.fail_at = None
    cloud.calls.clear()
    deploy(cloud)
    assert all(("BookingApiUrl" in given) == (at == len(cloud.calls) - 1) for at, (name, given) in enumerate(cloud.calls) if name == "observability")


def test_the_portal_knows_the_apis_and_they_let_in_it_alone():
    cloud = deploy(Memory())
    given = {"Stage": "dev", "BookingApiUrl": "a", "MileageApiUrl": "b", "UserPoolId": "id", "UserPoolClientId": "client"}
    assert cloud.stacks["portal"] == given
    for name in ("booking", "mileage", *SERVICES):
        assert cloud.stacks[name]["AllowedOrigin"] == "https://portal.example"
    assert cloud.stacks["booking"]["PortalUrl"] == "https://portal.example"
    assert cloud.redeployed == dict.fromkeys(("ai", "bi", *(f"{name}-id" for name in SERVICES)), "https://portal.example")
    assert "files into files" in cloud.journal


def test_the_portal_can_be_left_out(monkeypatch):
    monkeypatch.setenv("SKIP_PORTAL", "1")
    cloud = deploy(Memory())
    assert "portal" not in cloud.stacks and "AllowedOrigin" not in cloud.stacks["booking"]
    monkeypatch.delenv("SKIP_PORTAL")
    deploy(cloud)
    monkeypatch.setenv("SKIP_PORTAL", "1")
    assert deploy(cloud).stacks["booking"]["AllowedOrigin"] == "https://portal.example", "one that is there is not forgotten"


def test_the_portal_knows_the_hosted_login_and_the_control_plane_where_there_are():
    urls = {"HostedLoginUrl": "https://login.example", "ControlPlaneUrl": "https://control-plane.example"}
    booking = {**OUTPUTS["booking"], **urls}
    portal = deploy(Memory(outputs={**OUTPUTS, "booking": booking})).stacks["portal"]
    assert {name: portal[name] for name in urls} == urls


def test_refused_requests_go_by_the_stream_of_their_own_account_and_nowhere_once_it_is_gone():
    streams = {f"source-{account}": {"AccessLogsStreamArn": f"stream of {account}"} for account in ("booking", "mileage")}
    cloud = deploy(Memory(outputs={**OUTPUTS, **streams}))
    assert {name: cloud.stacks[name]["AccessLogsStreamArn"] for name in ("booking", "mileage", *SERVICES)} == {
        "booking": "stream of booking", "mileage": "stream of mileage", **dict.fromkeys(SERVICES, "stream of booking"),
    }  # fmt: skip
    assert all(cloud.stacks[source]["AlarmTopicArn"] == "notices" for source in streams)
    cloud.given_outputs = OUTPUTS
    # Said, not left out: a parameter that is left out keeps its value.
    assert deploy(cloud).stacks["booking"]["AccessLogsStreamArn"] == ""


def test_spans_are_kept_as_long_in_every_account():
    cloud = deploy(Memory())
    kept = [given for service, call, given in (each for each in cloud.journal if isinstance(each, tuple)) if call == "put_retention_policy"]
    assert kept == [{"logGroupName": "aws/spans", "retentionInDays": 30}] * 3


def test_repeating_it_takes_nothing_back_and_changes_nothing():
    cloud = deploy(Memory())
    first = dict(cloud.stacks)
    cloud.calls.clear()
    deploy(cloud)
    assert all(given == first[name] for name, given in cloud.calls)
    assert [name for name, _ in cloud.calls] == STEPS[:-3], "nor is a stack deployed twice that learns nothing"


@pytest.mark.parametrize("fail_at", range(len(STEPS)))
def test_a_run_that_was_cut_off_is_finished_by_the_next(fail_at):
    whole, cloud = deploy(Memory()), Memory(fail_at)
    with pytest.raises(CutOff):
        deploy(cloud)
    cloud.fail_at = None
    assert deploy(cloud).stacks == whole.stacks


@pytest.mark.parametrize("samconfig", [None, PREMIUM], ids=["one mileage account", "premium has its own"])
def test_parameters_are_the_templates_own(monkeypatch, samconfig):
    monkeypatch.setenv("ROLLOUT", "Canary10Percent5Minutes")
    cloud, templates = deploy(Memory(samconfig=samconfig)), Project.read().templates
    for name, given in cloud.stacks.items():
        declared = templates[template_of(name)]["Parameters"]
        assert given.keys() <= declared.keys()
        assert {p for p, d in declared.items() if "Default" not in d} <= given.keys(), f"{name} lacks parameters"


def test_a_tier_with_an_account_of_its_own_is_three_sections():
    cloud = deploy(Memory(samconfig=PREMIUM))
    names = [name for name, _ in cloud.calls]
    assert names.index("source-mileage-premium") < names.index("mileage-premium") and names[-1] == "mileage-account-premium"
    assert cloud.stacks["mileage-premium"]["Tiers"] == "premium" and cloud.stacks["mileage"]["Tiers"] == "basic,standard"
    assert cloud.stacks["booking"]["TierAccountIds"] == "4" * 12
    assert cloud.stacks["observability"]["SourceAccountIds"] == ",".join(("1" * 12, "2" * 12, "4" * 12))
    assert cloud.stacks["mileage-account-premium"] == {"Stage": "dev", "AccountId": "4" * 12, "NoticesTopicArn": "notices", "PagesTopicArn": "pages"}


def test_every_section_of_samconfig_is_complete():
    sections = tomllib.loads(CONFIG.read_text())
    templates = Project.read().templates
    stages = {name.split("-", 1)[0] for name in sections if isinstance(sections[name], dict)}
    assert stages == {"dev", "staging", "prod"}
    for stage in stages:
        from deployment.config import Config

        config = Config(stage)
        assert config.spans_retention_days == 30
        for step in order(config):
            section = config.sections[step.name]
            assert section["stack_name"] == f"airline-{stage}-{step.name}"
            assert section["profile"] == f"airline-{stage}-{config.stacks[step.name][0]}"
            assert config.given(step.name).keys() <= templates[template_of(step.name)]["Parameters"].keys()


def test_a_stage_that_is_not_there_is_refused_by_name():
    from deployment.config import Config

    with pytest.raises(SystemExit, match=r"\[qa-observability.deploy.parameters\]"):
        Config("qa")


def template_of(name):
    if name.startswith("mileage-account"):
        return "mileage-account"
    if name in SERVICES:
        return name
    return "source-account" if name.startswith("source-") else name.split("-")[0]
