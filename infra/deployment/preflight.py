"""What has to be so before anything changes. It reads only, and what it cannot read it says.

A finding is a STOP (a deployment would fail or do harm), a note (good to know), or something that could not be checked, which stops nothing.
"""

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field

from . import leftovers, readiness


@dataclass
class Found:
    """What preflight learnt: `stops` and `notes` are for people, the rest is for the steps."""

    accounts: dict = field(default_factory=dict)
    region: str = ""
    # Stack -> its status, of those that are there.
    stacks: dict = field(default_factory=dict)
    # Stack -> parameters that follow from what else is in its account.
    parameters: dict = field(default_factory=dict)
    sink: str = ""
    # What is there without a stack, and is taken over.
    taken_over: list = field(default_factory=list)
    stops: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def stop(self, text):
        self.stops.append(text)

    def note(self, text):
        self.notes.append(text)

    @contextmanager
    def looking_at(self, what):
        """A look that may fail without stopping a deployment: an account may not let it, an emulator may not know the call."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError, KeyError, NotImplementedError) as error:
            self.note(f"could not check {what}: {str(error).splitlines()[0][:200]}")


def look(cloud):
    """All of it. Exits at once where nothing more could be found out: no credentials, accounts that are one, regions that differ."""
    found = Found()
    identities(cloud, found)
    if found.stops:
        sys.exit("\n".join(f"STOP  {each}" for each in found.stops))
    for name in cloud.config.stacks:
        if stack := cloud.find(name):
            found.stacks[name] = stack["StackStatus"]
    account_wide(cloud, found)
    what_was_left(cloud, found)
    for each in (
        readiness.rights, readiness.transaction_search, readiness.concurrency, readiness.mail, readiness.refusals, readiness.portal, readiness.bootstrap,
        readiness.tiers,
    ):  # fmt: skip
        each(cloud, found)
    return found


def identities(cloud, found):
    from botocore.exceptions import BotoCoreError, ClientError

    regions = {}
    for name in cloud.config.accounts:
        profile = cloud.config.sections[name]["profile"]
        try:
            regions[profile] = cloud.region(name)
            if regions[profile]:
                found.accounts[name] = cloud.client(name, "sts").get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            found.stop(f"profile {profile} has no credentials that work ({error}): `aws sso login --profile {profile}`, or `aws configure sso`")
    if without := [profile for profile, region in regions.items() if not region]:
        found.stop(f"no region in {', '.join(without)}: `aws configure set region <region> --profile {without[0]}`")
    elif len(set(regions.values())) > 1:
        listed = ", ".join(f"{profile} {region}" for profile, region in regions.items())
        found.stop(f"the profiles name different regions ({listed}): links, sinks and X-Ray are regional, so use one region")
    elif not found.stops:
        found.region = next(iter(regions.values()))
    if not found.stops and len(set(found.accounts.values())) < len(found.accounts):
        listed = ", ".join(f"{name} {account}" for name, account in found.accounts.items())
        found.stop(f"the accounts are not different ones ({listed}): each profile needs its own account")


def account_wide(cloud, found):
    """A sink, a link and Transaction Search are there once per account and region: the first stage has them, another goes without."""
    with found.looking_at("account C's sink"):
        sinks = cloud.client("observability", "oam").list_sinks()["Items"]
        if sinks:
            found.sink = sinks[0]["Arn"]
        if sinks and not owns(cloud, "observability"):
            beside(cloud, found, "observability", f"there is a sink already ({sinks[0]['Name']})")
    for name in (name for name in cloud.config.stacks if name.startswith("source-")):
        with found.looking_at(f"the link of {found.accounts[cloud.config.stacks[name][0]]}"):
            links = cloud.client(name, "oam").list_links()["Items"]
            if any(link["SinkArn"] == found.sink for link in links) and not owns(cloud, name):
                beside(cloud, found, name, "its account is linked already")


def owns(cloud, name):
    """Whether the stack is there and holds what an account has once."""
    return cloud.parameters(name).get("AccountWide", "false") == "true"


def beside(cloud, found, name, why):
    found.parameters[name] = {"AccountWide": "false"}
    if cloud.config.given(name).get("AccountWide", "false") != "true":
        found.note(f"{cloud.config.stack_name(name)} gets AccountWide=false: {why}, as another stage has it; do not destroy that one first")
    else:
        found.stop(f"{cloud.config.stack_name(name)} has AccountWide=true in samconfig.toml, and {why}: remove it, and the other stage's is used")


def what_was_left(cloud, found):
    """Resources under the names that a new stack would use. What holds data is taken over; a secret that is being deleted is in the way."""
    for left in leftovers.of_stage(cloud.config, found.accounts):
        if left.stack in found.stacks:
            continue
        with found.looking_at(f"whether {left.name} is there already"):
            ids = leftovers.identify(cloud, left)
            if not ids:
                continue
            if left.kind == "AWS::SecretsManager::Secret":
                profile = cloud.config.sections[left.stack]["profile"]
                found.stop(
                    f"the secret {left.name} is there without its stack:"
                    f" `aws secretsmanager delete-secret --secret-id {left.name} --force-delete-without-recovery --profile {profile}`"
                )
            elif len(ids) > 1:
                found.stop(f"{len(ids)} user pools are named {left.name} ({', '.join(ids)}): keep the one whose users you want, delete the others")
            else:
                found.taken_over.append(left)
    tables = [left for left in found.taken_over if left.kind == "AWS::DynamoDB::Table" and left.name.startswith("reservations-")]
    if tables and not any(left.kind == "AWS::Cognito::UserPool" for left in found.taken_over):
        found.note(f"{tables[0].name} was kept and its user pool was not: bookings in it belong to users who no longer exist. `make purge` deletes it")
