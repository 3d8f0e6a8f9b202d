"""Stands in for `deployment.cloud.Cloud`: remembers what each stack was given, and has drift where a test puts it."""

from deployment.config import Config
from deployment.preflight import Found
from project_file import SERVICES

ACCOUNTS = {"observability": "3" * 12, "booking": "1" * 12, "mileage": "2" * 12, "mileage-premium": "4" * 12}
OUTPUTS = {
    "observability": {"SinkArn": "sink", "NoticesTopicArn": "notices", "PagesTopicArn": "pages", "CanarySecretArn": "secret"},
    "logs": {"LogDestinationArn": "destination"},
    "booking": {"ApiUrl": "a", "ApiId": "ai", "UserPoolArn": "arn", "UserPoolId": "id", "UserPoolClientId": "client", "TenantsTable": "tenants"},
    "mileage": {"ApiUrl": "b", "ApiId": "bi"},
    "mileage-premium": {"ApiUrl": "c", "ApiId": "ci"},
    "portal": {"PortalUrl": "https://portal.example", "FilesBucket": "files"},
    **{name: {"ApiUrl": name, "ApiId": f"{name}-id"} for name in SERVICES},
}


class CutOff(Exception):
    """The run ends here, as a closed lid ends it."""


class Memory:
    """One stack's parameters stay from one run to the next, as they do in CloudFormation."""

    def __init__(self, fail_at=None, samconfig=None, outputs=OUTPUTS):
        self.config = Config("dev", samconfig)
        self.stage, self.fail_at, self.given_outputs = "dev", fail_at, outputs
        # Stack -> parameters; every deployment in order; stack -> resource drifts as CloudFormation tells them.
        self.stacks, self.calls, self.drift = {}, [], {}
        # What goes with a step: the journal of everything, and API -> the origin that it had when it was deployed anew.
        self.journal, self.redeployed = [], {}

    def found(self):
        """What preflight found."""
        return Found(accounts={name: ACCOUNTS[name] for name in self.config.accounts}, region="eu-west-1")

    def find(self, name):
        return {"StackStatus": "UPDATE_COMPLETE"} if name in self.stacks else None

    wait = find

    def settle(self, name):
        return name in self.stacks

    def parameters(self, name):
        return self.stacks.get(name, {})

    def outputs(self, name):
        if name not in self.stacks:
            return {}
        linked = {"SourceAccountsLinked": self.stacks[name].get("SourceAccountsLinked", "false")} if name == "observability" else {}
        return {**self.given_outputs.get(name, {"LinkArn": "link"}), **linked}

    def deploy(self, name, parameters, line=None):
        if len(self.calls) == self.fail_at:
            raise CutOff
        self.calls.append((name, parameters))
        self.journal.append(name)
        self.stacks[name] = parameters

    def redeploy(self, name, api_id):
        self.redeployed[api_id] = self.stacks[name].get("AllowedOrigin")

    def client(self, name, service):
        return {"cloudformation": lambda: CloudFormation(self, name)}.get(service, lambda: Anything(self.journal, service))()


class CloudFormation:
    """Drift, of the one stack that is asked about."""

    def __init__(self, cloud, name):
        self.cloud, self.name = cloud, name

    def detect_stack_drift(self, StackName):
        assert StackName == f"airline-dev-{self.name}"
        return {"StackDriftDetectionId": self.name}

    def describe_stack_drift_detection_status(self, StackDriftDetectionId):
        assert StackDriftDetectionId == self.name
        return {"DetectionStatus": "DETECTION_COMPLETE"}

    def describe_stack_resource_drifts(self, StackName, **_):
        return {"StackResourceDrifts": self.cloud.drift.get(self.name, [])}


class Anything:
    """A client that only takes note."""

    def __init__(self, journal, service):
        self.journal, self.service = journal, service

    def __getattr__(self, call):
        return lambda **given: self.journal.append((self.service, call, given))
