"""Everything the checks look at, read once: templates, collector configurations, Rust sources, stages and what deploys them."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import yaml

import project_file
from cloudformation import PSEUDO, Stack, load

ROOT = Path(__file__).resolve().parents[2]
REGION = PSEUDO["AWS::Region"]
STAGE = "dev"
BOOKING, MILEAGE, OBSERVABILITY = "111111111111", "222222222222", "333333333333"

# The bootstrap is no part of a stage; its own tests are in test_deploy_bootstrap.py.
TEMPLATES = {name: path for name, path in project_file.TEMPLATES.items() if name != "bootstrap"}
CLAIM_READERS = ("shared/tenant-auth/src/claims.rs", "booking/src/user_pool.rs", "local/src/users.rs", "portal/src/session/user.ts")
COLLECTORS = {"adot": "infra/collector/adot.yaml", "community": "infra/collector/community.yaml"}
LAYERS = "infra/collector/layers.yaml"
# Each function: its template, its logical name there, and where its `main` is.
FUNCTIONS = {name: (each["template"], each["resource"], each["main"]) for name, each in project_file.FUNCTIONS.items()}

VERSIONED = {name for name, each in project_file.FUNCTIONS.items() if each.get("versions")}

COMMON = {
    "Stage": STAGE,
    "BookingAccountId": BOOKING,
    "MileageAccountId": MILEAGE,
    "SourceAccountIds": f"{BOOKING},{MILEAGE}",
    "SinkArn": f"arn:aws:oam:{REGION}:{OBSERVABILITY}:sink/1",
    "UserPoolArn": f"arn:aws:cognito-idp:{REGION}:{BOOKING}:userpool/{REGION}_1",
    "NoticesTopicArn": f"arn:aws:sns:{REGION}:{OBSERVABILITY}:notices-{STAGE}",
    "PagesTopicArn": f"arn:aws:sns:{REGION}:{OBSERVABILITY}:pages-{STAGE}",
}
# Every condition true, and every condition that can be false.
EVERYTHING = {
    **COMMON,
    "AlarmTopicArn": COMMON["NoticesTopicArn"],
    "LogDestinationArn": f"arn:aws:logs:{REGION}:{OBSERVABILITY}:destination:logs-at-rest-{STAGE}",
    "ControlPlaneIntakeUrl": "https://control-plane.example.com",
    # Of each account its own.
    "AccessLogsStreamArn": f"arn:aws:firehose:{REGION}:<account>:deliverystream/access-logs-{STAGE}",
    "MoreServices": ",".join(project_file.LOGGED_SERVICES),
    # One of another account by mistake, whom the role must not take.
    "ReaderArns": f"arn:aws:iam::{OBSERVABILITY}:role/on-call,arn:aws:iam::999999999999:role/on-call",
    "OrganizationId": "o-abcdefghij",
    "AlertEmail": "someone@example.com",
    "BookingApiUrl": "https://booking.example.com",
    "MileageApiUrl": "https://mileage.example.com",
    "SourceAccountsLinked": "true",
    "MetricsExporter": "otlp,emf",
    "FunctionMetrics": "true",
    "EmailFromArn": f"arn:aws:ses:{REGION}:{BOOKING}:identity/airline.example.com",
    "EmailFrom": "Airline <no-reply@airline.example.com>",
    "ReservedConcurrency": 10,
    "DebugTracing": "true",
    "PasswordSignIn": "true",
    "PortalUrl": "https://portal.example.com",
    "HostedLoginDomainPrefix": "airline-dev",
    "ControlPlaneUrl": "https://control-plane.example.com",
    "HostedLoginUrl": f"https://airline-dev.auth.{REGION}.amazoncognito.com",
    "DomainName": "portal.example.com",
    "CertificateArn": f"arn:aws:acm:us-east-1:{BOOKING}:certificate/1",
    "WebAclArn": f"arn:aws:wafv2:us-east-1:{BOOKING}:global/webacl/portal/1",
    "TraceLink": "https://traces.example.com/{trace_id}",
    "TenantsReaderRoleArn": f"arn:aws:iam::{BOOKING}:role/tenants-reader",
}
# What the portal's stack is always told; where the others have it as an option, it is one of EVERYTHING.
PORTAL = {
    "BookingApiUrl": "https://booking.example.com",
    "MileageApiUrl": "https://mileage.example.com",
    "UserPoolId": f"{REGION}_1",
    "UserPoolClientId": "1",
}
LEAST = {**COMMON, "AccountWide": "false", "Tracing": "PassThrough", "AccessLogs": "false", "WebAcl": "false"}


# Each template as it is deployed, in every account that gets it: a label, the template, the account, and parameters of its own.
DEPLOYED = (
    ("booking", "booking", BOOKING, {}),
    ("mileage", "mileage", MILEAGE, {}),
    ("portal", "portal", BOOKING, PORTAL),
    ("observability", "observability", OBSERVABILITY, {}),
    ("logs", "logs", OBSERVABILITY, {}),
    ("mileage-account", "mileage-account", OBSERVABILITY, {"AccountId": MILEAGE}),
    *((name, name, BOOKING, PORTAL) for name in project_file.SERVICES),
    ("source-account (booking)", "source-account", BOOKING, {"ApiName": "booking"}),
    ("source-account (mileage)", "source-account", MILEAGE, {"ApiName": "mileage"}),
)


# The crate that names what accounts tell each other.
EVENTS = "shared/airline-events"


@dataclass
class Project:
    """What is checked. Mutations change a copy of it."""

    templates: dict
    collectors: dict
    layers: dict = field(default_factory=dict)
    sources: dict = field(default_factory=dict)
    local_cloud: str = ""
    # Files that name the claims and cannot read project.toml.
    claim_readers: dict = field(default_factory=dict)
    workflows: dict = field(default_factory=dict)
    samconfig: dict = field(default_factory=dict)
    deployed: tuple = DEPLOYED

    @classmethod
    def read(cls):
        return cls(
            templates={name: load((ROOT / path).read_text()) for name, path in TEMPLATES.items()},
            collectors={name: yaml.safe_load((ROOT / path).read_text()) for name, path in COLLECTORS.items()},
            layers=yaml.safe_load((ROOT / LAYERS).read_text()),
            sources={
                crate: {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / crate / "src").rglob("*.rs"))}
                for crate in sorted({main.split("/src/")[0] for _, _, main in FUNCTIONS.values()} | {EVENTS})
            },
            local_cloud=(ROOT / "local/src/cloud.rs").read_text(),
            claim_readers={path: (ROOT / path).read_text() for path in CLAIM_READERS},
            workflows={path.name: yaml.safe_load(path.read_text()) for path in sorted((ROOT / ".github/workflows").glob("*.yml"))},
            samconfig=tomllib.loads((ROOT / "infra/samconfig.toml").read_text()),
        )

    def stacks(self, parameters=None):
        """Label and stack of each template that is deployed."""
        parameters = EVERYTHING if parameters is None else parameters
        for label, template, account, own in self.deployed:
            given = {name: value.replace("<account>", account) if isinstance(value, str) else value for name, value in {**parameters, **own}.items()}
            yield label, Stack(self.templates[template], given, account)

    def resources(self, *types, parameters=None):
        """Label, stack, logical name and resolved properties of each deployed resource of these types."""
        for label, stack in self.stacks(parameters):
            for name, properties in stack.resources(*types):
                yield label, stack, name, properties
