"""The order of a deployment, and what it does when repeated, cut off or drifted: against a cloud that only remembers."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import deploy  # noqa: E402
from project import Project  # noqa: E402

OUTPUTS = {
    "observability": {"SinkArn": "sink", "NoticesTopicArn": "notices"},
    "booking": {"ApiUrl": "a", "ApiId": "ai", "UserPoolArn": "arn", "UserPoolId": "id", "UserPoolClientId": "client"},
    "mileage": {"ApiUrl": "b", "ApiId": "bi"},
    "portal": {"PortalUrl": "https://portal.example", "FilesBucket": "files"},
}


class Memory:
    """Stands in for `deploy.Cloud`."""

    def __init__(self, fail_at=None):
        self.stage, self.fail_at = "dev", fail_at
        self.config = {step.name: {"stack_name": f"airline-dev-{step.name}"} for step in deploy.STEPS}
        self.stacks, self.calls, self.drift = {}, [], []
        # What follows a step: which API was deployed anew with which origin, and where files went.
        self.redeployed, self.uploads = {}, []

    def accounts(self):
        return {"observability": "3" * 12, "booking": "1" * 12, "mileage": "2" * 12}

    def settle(self, name):
        return name in self.stacks

    def drifted(self, name):
        return self.drift

    def outputs(self, name):
        return OUTPUTS.get(name, {"LinkArn": "link"}) if name in self.stacks else {}

    def deploy(self, step, parameters):
        if len(self.calls) == self.fail_at:
            raise RuntimeError("cut off")
        self.calls.append((step.name, parameters))
        self.stacks[step.name] = parameters

    def redeploy(self, name, api_id):
        self.redeployed[api_id] = self.stacks[name].get("AllowedOrigin")

    def upload(self, name, bucket):
        self.uploads.append((name, bucket))


def test_each_stack_gets_what_the_ones_before_know():
    cloud = Memory()
    deploy.deploy(cloud)
    names = [name for name, _ in cloud.calls]
    assert names == [
        "observability", "booking", "mileage", "portal", "booking", "mileage", "source-booking", "source-mileage", "observability",
    ]  # fmt: skip
    assert cloud.stacks["booking"]["MileageApiId"] == "bi" and cloud.stacks["mileage"]["UserPoolArn"] == "arn"
    assert cloud.stacks["observability"]["BookingApiUrl"] == "a" and cloud.stacks["source-mileage"]["SinkArn"] == "sink"


def test_the_portal_knows_the_apis_and_they_let_in_it_alone():
    cloud = Memory()
    deploy.deploy(cloud)
    given = {"BookingApiUrl": "a", "MileageApiUrl": "b", "UserPoolId": "id", "UserPoolClientId": "client"}
    assert cloud.stacks["portal"] == given
    for name in ("booking", "mileage"):
        assert cloud.stacks[name]["AllowedOrigin"] == "https://portal.example"
    assert cloud.stacks["booking"]["PortalUrl"] == "https://portal.example"
    assert cloud.redeployed == {"ai": "https://portal.example", "bi": "https://portal.example"}
    assert cloud.uploads == [("portal", "files")]


def test_the_portal_signs_in_by_the_hosted_login_where_there_is_one(monkeypatch):
    monkeypatch.setitem(OUTPUTS, "booking", {**OUTPUTS["booking"], "HostedLoginUrl": "https://login.example"})
    cloud = Memory()
    deploy.deploy(cloud)
    assert cloud.stacks["portal"]["HostedLoginUrl"] == "https://login.example"


def test_the_page_is_uploaded_after_what_it_names(monkeypatch, tmp_path):
    for name in ("index.html", "icon.svg", "assets/index-1.js", "assets/index-1.css"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(deploy, "PORTAL", tmp_path)
    uploaded = []

    class Bucket:
        def upload_file(self, file, bucket, key, ExtraArgs):
            assert Path(file).read_text() == key
            uploaded.append((bucket, key, ExtraArgs["ContentType"]))

    cloud = deploy.Cloud.__new__(deploy.Cloud)
    monkeypatch.setattr(cloud, "client", lambda name, service: {("portal", "s3"): Bucket()}[name, service], raising=False)
    cloud.upload("portal", "files")
    assert uploaded[-1] == ("files", "index.html", "text/html")
    assert sorted(uploaded[:-1]) == [
        ("files", "assets/index-1.css", "text/css"),
        ("files", "assets/index-1.js", "text/javascript"),
        ("files", "icon.svg", "image/svg+xml"),
    ]


def test_an_api_that_was_deployed_anew_is_not_taken_for_changed_by_hand():
    def differing(*paths):
        return {"LogicalResourceId": "ApiStage", "PropertyDifferences": [{"PropertyPath": path} for path in paths]}

    assert deploy.is_redeployment(differing("/DeploymentId"))
    assert not deploy.is_redeployment(differing("/DeploymentId", "/TracingEnabled"))
    assert not deploy.is_redeployment(differing())
    assert not deploy.is_redeployment({"LogicalResourceId": "Reservations", "StackResourceDriftStatus": "DELETED"})


def test_repeating_it_takes_nothing_back():
    cloud = Memory()
    deploy.deploy(cloud)
    cloud.calls.clear()
    deploy.deploy(cloud)
    assert all("BookingApiUrl" in given for name, given in cloud.calls if name == "observability"), "the canary stays"
    assert all("MileageApiUrl" in given for name, given in cloud.calls if name == "booking"), "quotes stay"
    assert all("AllowedOrigin" in given for name, given in cloud.calls if name in ("booking", "mileage")), "the portal stays"


def test_the_deployment_of_an_api_is_one_call():
    calls = []

    class ApiGateway:
        def create_deployment(self, **given):
            calls.append(given)

    cloud = deploy.Cloud.__new__(deploy.Cloud)
    cloud.stage, cloud.client = "dev", lambda name, service: ApiGateway() if (name, service) == ("booking", "apigateway") else None
    cloud.redeploy("booking", "ai")
    assert calls == [{"restApiId": "ai", "stageName": "dev"}]


@pytest.mark.parametrize("fail_at", range(len(deploy.STEPS)))
def test_a_run_that_was_cut_off_is_finished_by_the_next(fail_at):
    whole, cloud = Memory(), Memory(fail_at)
    deploy.deploy(whole)
    with pytest.raises(RuntimeError):
        deploy.deploy(cloud)
    cloud.fail_at = None
    deploy.deploy(cloud)
    assert cloud.stacks == whole.stacks


def test_drift_stops_it_unless_accepted():
    cloud = Memory()
    deploy.deploy(cloud)
    cloud.drift = ["Reservations"]
    with pytest.raises(SystemExit, match="Reservations"):
        deploy.deploy(cloud)
    deploy.deploy(cloud, accept_drift=True)


def test_parameters_are_the_templates_own(monkeypatch):
    monkeypatch.setenv("ROLLOUT", "Canary10Percent5Minutes")
    cloud, templates = Memory(), Project.read().templates
    deploy.deploy(cloud)
    for name, given in cloud.stacks.items():
        declared = templates["source-account" if name.startswith("source-") else name]["Parameters"]
        assert given.keys() <= declared.keys()
        assert {p for p, d in declared.items() if "Default" not in d} <= given.keys(), f"{name} lacks parameters"


def test_every_section_of_samconfig_is_complete():
    import tomllib

    sections = tomllib.loads(deploy.CONFIG.read_text())
    stages = {name.split("-", 1)[0] for name in sections if isinstance(sections[name], dict)}
    templates = Project.read().templates
    for stage in stages:
        for step in deploy.STEPS:
            parameters = sections[f"{stage}-{step.name}"]["deploy"]["parameters"]
            assert parameters["stack_name"] == f"airline-{stage}-{step.name}"
            assert parameters["profile"] == f"airline-{stage}-{step.account}"
            declared = templates["source-account" if step.name.startswith("source-") else step.name]["Parameters"]
            for override in parameters.get("parameter_overrides", []):
                assert override.split("=")[0] in declared
