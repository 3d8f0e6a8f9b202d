"""A deployment from its first step to its smoke test. Every step can be repeated, and a run that was cut off is finished by the next."""

import datetime
import subprocess
import sys

from . import adopt, drift, links, packages, people, rollback, versions
from .progress import clock, say, timed
from .steps import Known, order, wants_portal

SPANS = "aws/spans"


def known_so_far(cloud, found):
    """What a run before this one brought about, so that a repeated first step takes nothing back."""
    outputs = {name: known for name in cloud.config.stacks if (known := cloud.outputs(name))}
    linked = outputs.get("observability", {}).get("SourceAccountsLinked") == "true" and {"booking", "mileage"} <= outputs.keys()
    return Known(found.accounts, outputs, linked, cloud.config.tiers, found.parameters, found.sink)


def refuse_drift(cloud):
    """Before any step, since what a step finds decides what the next one gets."""
    if changed := drift.differences(cloud, cloud.config.stacks):
        listed = "\n".join(f"  {each}" for each in changed)
        sys.exit(f"changed by hand since the last deployment:\n{listed}\nPut it into the template, or add ACCEPT_DRIFT=1 to overwrite it.")


def deploy(cloud, found, accept_drift=False):
    """All steps, with what preflight found; what is known after them. Exits with the reason where one fails."""
    if not accept_drift:
        refuse_drift(cloud)
    known, accounts = known_so_far(cloud, found), found.accounts
    steps = order(cloud.config, wants_portal())
    for number, step in enumerate(steps, 1):
        account = cloud.config.stacks[step.name][0]
        with timed(f"{number}/{len(steps)} {cloud.config.stack_name(step.name)} in {accounts[account]}") as line:
            for each in step.before:
                AROUND[each](cloud, step, known)
            run(cloud, step, known, line)
            for each in step.after:
                AROUND[each](cloud, step, known)
    return known


def run(cloud, step, known, line=None):
    began = datetime.datetime.now(datetime.timezone.utc)
    given = parameters(cloud, step, known)
    if known.given.get(step.name) == given:
        # It comes twice for what was not known the first time, which a repeated deployment knew.
        return
    if cloud.settle(step.name):
        forget_versions(cloud, step.name)
    else:
        adopt.adopt(cloud, step.name, given, known.accounts[cloud.config.stacks[step.name][0]])
    try:
        cloud.deploy(step.name, given, line)
    except subprocess.CalledProcessError as error:
        sys.exit(rollback.explain(cloud, step.name, began, error.output or ""))
    known.outputs[step.name], known.given[step.name] = cloud.outputs(step.name), given


def parameters(cloud, step, known):
    """All that a stack is given: by its section, by preflight, by the stacks before it; and the hashes of what follows from those."""
    own = step.parameters(known)
    given = {"Stage": cloud.stage, **known.decided.get(step.name, {}), **cloud.config.given(step.name)}
    # A person's list of tiers stands; whatever else two say, the deployment knows better.
    merged = {**given, **own, **({"Tiers": given["Tiers"]} if "Tiers" in given else {})}
    account, template = cloud.config.stacks[step.name]
    kind = template.split("/")[0]
    if kind in versions.HASHES:
        merged |= versions.hashes(kind, merged, known.accounts[account])
    return merged


def forget_versions(cloud, name):
    """Deletes versions that a rolled back step left: `live` never came to them, and Lambda would not publish the same again."""
    stack = cloud.find(name)
    if stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE":
        for function in versions.HASHES.get(cloud.config.stacks[name][1].split("/")[0], {}).values():
            versions.forget_after_live(cloud.client(name, "lambda"), f"{function[1]}-{cloud.stage}")


def answers(cloud, step, known):
    cloud.redeploy(step.name, known.outputs[step.name]["ApiId"])


def canary_user(cloud, step, known):
    people.canary(cloud, known)
    say("  the canary's tenant and user are there")


def upload(cloud, step, known):
    packages.upload(cloud.client(step.name, "s3"), known.outputs[step.name]["FilesBucket"])


def keep_spans(cloud, step, known):
    """How long spans are kept is said by nobody's template: the log group is X-Ray's, and comes with Transaction Search. In every account."""
    days, without = cloud.config.spans_retention_days, []
    for name in cloud.config.accounts:
        client = cloud.client(name, "logs")
        try:
            client.put_retention_policy(logGroupName=SPANS, retentionInDays=days)
        except client.exceptions.ResourceNotFoundException:
            without.append(known.accounts[name])
    if without:
        say(f"  {SPANS} is not there yet in {', '.join(without)}: the next deployment lets it keep spans for {days} days")


def wait_for_links(cloud, step, known):
    if not known.linked:
        links.wait_for_links(cloud, [known.accounts[name] for name in cloud.config.accounts if name != "observability"])
        known.linked = True


AROUND = {each.__name__: each for each in (answers, canary_user, upload, keep_spans, wait_for_links)}


def destroy(cloud):
    """The stacks in the opposite order; what they retain stays, until `purge`."""
    names = list(dict.fromkeys(step.name for step in order(cloud.config)))
    began = datetime.datetime.now()
    # Alarms on linked metrics go with their stack; a sink goes only once nothing is linked to it.
    first = [name for name in names if name.startswith("mileage-account")]
    last = ["observability"]
    between = [name for name in reversed(names) if name not in first + last]
    for name in first + between + last:
        if cloud.wait(name) is None:
            say(f"{cloud.config.stack_name(name)}: not there")
            continue
        with timed(cloud.config.stack_name(name) + " deleted"):
            cloud.delete(name)
    say(f"all stacks of {cloud.stage} are gone, after {clock((datetime.datetime.now() - began).total_seconds())}. `make purge` shows what they kept.")
