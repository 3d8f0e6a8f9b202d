"""The order of a deployment, and what each stack gets of the accounts and of the stacks before it."""

import os
from dataclasses import dataclass, field
from typing import Callable

from project_file import LOGGED_SERVICES, SERVICES

# What the first run of each takes on AWS, in minutes: an estimate, and no more until somebody has seen one.
MINUTES = {"observability": 4, "logs": 2, "source-account": 1, "booking": 5, "mileage": 4, "portal": 6, "mileage-account": 1, "service": 4}
AGAIN = 2


@dataclass
class Known:
    """What is known by the time of a step."""

    accounts: dict
    outputs: dict = field(default_factory=dict)
    # Whether CloudWatch takes alarms on the source accounts' metrics; once it does, it keeps doing so.
    linked: bool = False
    # Tiers with a mileage account of their own.
    tiers: list = field(default_factory=list)
    # Parameters of a stack that preflight found, such as AccountWide=false beside another stage.
    decided: dict = field(default_factory=dict)
    # Account C's sink, where another stage's stack has it.
    sink: str = ""
    # Stack -> what it was given in this run.
    given: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A stack to deploy."""

    name: str
    parameters: Callable[[Known], dict]
    minutes: int
    # What the deployment does before or after it; `rollout` has a function for each.
    before: tuple = ()
    after: tuple = ()


def order(config, portal=True):
    """A stage's steps. A stack that comes twice then learns what was not known the first time."""
    tiers = config.tiers
    steps = [
        Step("observability", observability, MINUTES["observability"]),
        Step("logs", logs, MINUTES["logs"]),
        Step("source-booking", source("booking"), MINUTES["source-account"]),
        Step("source-mileage", source("mileage"), MINUTES["source-account"]),
        *(Step(f"source-mileage-{tier}", source("mileage"), MINUTES["source-account"]) for tier in tiers),
        Step("booking", booking, MINUTES["booking"], after=("answers", "canary_user")),
        Step("mileage", mileage(), MINUTES["mileage"], after=("answers",)),
        *(Step(f"mileage-{tier}", mileage(tier), MINUTES["mileage"], after=("answers",)) for tier in tiers),
    ]
    if portal:
        steps.append(Step("portal", portal_parameters, MINUTES["portal"], after=("upload",)))
    # Where the portal is known, so that they need not come again.
    steps += [Step(name, service, MINUTES["service"], after=("answers",)) for name in SERVICES]
    steps += [
        Step("booking", booking, AGAIN, after=("answers",)),
        Step("mileage", mileage(), AGAIN, after=("answers",)),
        *(Step(f"mileage-{tier}", mileage(tier), AGAIN, after=("answers",)) for tier in tiers),
        Step("observability", observability, MINUTES["observability"], before=("wait_for_links",), after=("keep_spans",)),
        *(Step(f"mileage-account-{tier}", mileage_account(tier), MINUTES["mileage-account"]) for tier in tiers),
    ]
    return steps


def wants_portal():
    """SKIP_PORTAL=1 is for accounts that CloudFront has not verified yet."""
    return os.environ.get("SKIP_PORTAL") != "1"


def source_accounts(known):
    """Every account but C."""
    return ",".join([known.accounts["booking"], known.accounts["mileage"], *(known.accounts[f"mileage-{tier}"] for tier in known.tiers)])


def observability(known):
    parameters = {
        "BookingAccountId": known.accounts["booking"],
        "MileageAccountId": known.accounts["mileage"],
        "SourceAccountIds": source_accounts(known),
    }
    # Not before: without a link AWS refuses the alarms, and the canary must not run before its user is there.
    return parameters | {"SourceAccountsLinked": "true"} | where_things_are(known) if known.linked else parameters


def logs(known):
    parameters = {"SourceAccountIds": source_accounts(known), "AlarmTopicArn": known.outputs["observability"]["NoticesTopicArn"]}
    return parameters | {"MoreServices": ",".join(LOGGED_SERVICES)} if LOGGED_SERVICES else parameters


def source(api):
    def parameters(known):
        watched = known.outputs["observability"]
        return {"ApiName": api, "SinkArn": watched.get("SinkArn") or known.sink, "AlarmTopicArn": watched["NoticesTopicArn"]}

    return parameters


def booking(known):
    parameters = {
        "MileageAccountId": known.accounts["mileage"],
        "TierAccountIds": ",".join(known.accounts[f"mileage-{tier}"] for tier in known.tiers),
        **what_it_sends(known, "source-booking"), **traffic(),
    }  # fmt: skip
    if "mileage" in known.outputs:
        parameters |= {"MileageApiUrl": known.outputs["mileage"]["ApiUrl"], "MileageApiId": known.outputs["mileage"]["ApiId"]}
    if "portal" in known.outputs:
        parameters["PortalUrl"] = known.outputs["portal"]["PortalUrl"]
    return parameters | allowed_origin(known)


def mileage(tier=None):
    def parameters(known):
        rest = [each for each in ("basic", "standard", "premium") if each not in known.tiers]
        return {
            "BookingAccountId": known.accounts["booking"],
            "Tiers": tier or ",".join(rest),
            **what_it_sends(known, f"source-mileage-{tier}" if tier else "source-mileage"), **user_pool(known), **traffic(), **allowed_origin(known),
        }  # fmt: skip

    return parameters


def service(known):
    """What `make new-service` made, in account A."""
    return {**what_it_sends(known, "source-booking"), **user_pool(known), **traffic(), **allowed_origin(known)}


def what_it_sends(known, source):
    """Where a stack's alarms, log lines and refused requests go; `source` is the source stack of its account."""
    return {
        "AlarmTopicArn": known.outputs["observability"]["NoticesTopicArn"],
        "LogDestinationArn": known.outputs["logs"]["LogDestinationArn"],
        "AccessLogsStreamArn": known.outputs[source].get("AccessLogsStreamArn", ""),
    }


def user_pool(known):
    return {name: known.outputs["booking"][name] for name in ("UserPoolArn", "UserPoolId", "UserPoolClientId")}


def portal_parameters(known):
    # Only if the booking stack has them.
    has = {name: url for name, url in known.outputs["booking"].items() if name in ("HostedLoginUrl", "ControlPlaneUrl")}
    return where_things_are(known) | has


def mileage_account(tier):
    def parameters(known):
        topics = {name: known.outputs["observability"][name] for name in ("NoticesTopicArn", "PagesTopicArn")}
        return {"AccountId": known.accounts[f"mileage-{tier}"], **topics}

    return parameters


def where_things_are(known):
    booking, mileage = known.outputs["booking"], known.outputs["mileage"]
    return {
        "BookingApiUrl": booking["ApiUrl"],
        "MileageApiUrl": mileage["ApiUrl"],
        "UserPoolId": booking["UserPoolId"],
        "UserPoolClientId": booking["UserPoolClientId"],
    }


def allowed_origin(known):
    return {"AllowedOrigin": known.outputs["portal"]["PortalUrl"]} if "portal" in known.outputs else {}


def traffic():
    """Whether CodeDeploy moves traffic, and how: ROLLOUT is AllAtOnce or one of its preferences."""
    how = os.environ.get("ROLLOUT", "")
    return {"ShiftTraffic": "true", "Rollout": how} if how not in ("", "AllAtOnce") else {}
