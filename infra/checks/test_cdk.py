"""What `cdk synth` made of the templates: the same resources with every property, deployed in the same order, and every check passes on
them. Skipped before a synthesis."""

import json
from dataclasses import replace
from functools import cache

import pytest

import project_file
from cloudformation import load
from deployment.steps import order
from project import ROOT, TEMPLATES, Project
from rules import CHECKS

OUT = ROOT / "infra/cdk/cdk.out"
# Those of project.toml: one that the app lacks is not found in what it made.
STACKS = {name: stack["template"] for name, stack in project_file.STACKS.items()}
# Each stack by what the checks call it.
LABELS = {**{stack: stack for stack in STACKS}, "source-account (booking)": "source-booking", "source-account (mileage)": "source-mileage"}
# What is asked of the first run, before accounts are linked; everything else is asked of the second.
FIRST_RUN = {"nothing_needs_a_link_before_it_works", "the_canarys_sign_in_is_there_before_the_canary"}
ELSEWHERE = {
    "functions_are_binaries_of_this_workspace": "code is an asset here: test_cdk_deploys_the_template",
    "functions_are_those_of_project_toml": "code is an asset here, of the functions that the template has",
    "versions_move_with_what_functions_read": "the hash is the app's: test_versions_move_with_parameters",
    "without_a_hash_code_alone_decides": "there always is a hash",
    "without_a_destination_lines_stay": "the app always names one",
    "without_a_control_plane_refusals_stay": "the app is told where it is here",
    "nothing_of_the_logs_stack_is_of_another_stage": "a synthesis is of one stage",
    "every_alias_moves_by_a_hash": "its value, not a parameter: test_versions_move_with_parameters",
}


@cache
def synthesized(run=""):
    """The stacks' templates, of the first run or of the one in a folder of `cdk.out`."""
    if not (OUT / "linked/manifest.json").exists():
        pytest.skip("nothing synthesized: make lint-cdk")
    return {stack: with_lists(json.loads((OUT / run / f"airline-{stack}.template.json").read_text())) for stack in STACKS}


def with_lists(value):
    """CDK writes some `Fn::GetAtt` as text with a dot."""
    if isinstance(value, list):
        return [with_lists(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: item.split(".", 1) if key == "Fn::GetAtt" and isinstance(item, str) else with_lists(item) for key, item in value.items()}


@cache
def project(run):
    """What the checks look at, with CDK's templates for SAM's. The one of further mileage accounts is no part of the app."""
    given, made = Project.read(), synthesized(run)
    templates = {**given.templates, **{label: made[stack] for label, stack in LABELS.items()}, "source-account": made["source-booking"]}
    deployed = tuple((label, label if label in LABELS else template, account, own) for label, template, account, own in given.deployed)
    return replace(given, templates=templates, deployed=deployed)


def lost(given, made, path):
    """Where something of the template is missing."""
    if isinstance(given, dict) and isinstance(made, dict) and not any(key.startswith("Fn::") or key == "Ref" for key in given):
        for key, value in given.items():
            if key not in made:
                yield f"{path}.{key}"
            else:
                yield from lost(value, made[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(made, list):
        if len(given) != len(made):
            yield f"{path}: {len(given)} became {len(made)}"
        for index, (one, other) in enumerate(zip(given, made)):
            yield from lost(one, other, f"{path}[{index}]")
    elif "[object Object]" in json.dumps(made):
        yield f"{path}: no longer text"


@pytest.mark.parametrize("stack", STACKS)
def test_cdk_deploys_the_template(stack):
    made = synthesized()[stack]
    given = load((ROOT / TEMPLATES[STACKS[stack]]).read_text())
    assert made.get("Transform") == given.get("Transform")
    assert made["Resources"].keys() == given["Resources"].keys()
    problems = []
    for name, resource in given["Resources"].items():
        for of_resource in ("Type", "Condition", "DeletionPolicy", "UpdateReplacePolicy"):
            assert made["Resources"][name].get(of_resource) == resource.get(of_resource), name
        problems += lost(resource.get("Properties", {}), made["Resources"][name].get("Properties", {}), name)
        code = made["Resources"][name].get("Properties", {}).get("CodeUri")
        if code is not None and not {"Bucket", "Key"} <= code.keys():
            problems.append(f"{name}: its code is no asset")
    assert problems == []


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in ELSEWHERE])
def test_checks_pass_on_what_cdk_made(name):
    assert CHECKS[name](project("" if name in FIRST_RUN else "linked")) == []


def test_no_check_is_left_out_by_mistake():
    assert FIRST_RUN | ELSEWHERE.keys() <= CHECKS.keys()


class NoTiers:
    tiers = ()


def test_cdk_deploys_in_the_order_of_make_deploy():
    steps = [step.name for step in order(NoTiers)]
    first, second = steps[: len(STACKS)], steps[len(STACKS) :]
    synthesized()
    assert chain("") == first
    again = chain("linked")
    assert [stack for stack in again if stack in second] == second


def chain(run):
    """The stacks as their dependencies order them, each after the one before it."""
    artifacts = json.loads((OUT / run / "manifest.json").read_text())["artifacts"]
    after = {stack: [d.removeprefix("airline-") for d in artifacts[f"airline-{stack}"]["dependencies"] if not d.endswith(".assets")] for stack in STACKS}
    found = [stack for stack, before in after.items() if not before]
    while following := [stack for stack, before in after.items() if before == found[-1:]]:
        found += following
    assert sorted(found) == sorted(STACKS), f"not one after the other: {after}"
    return found


def test_versions_move_with_parameters():
    """The second run knows the mileage API's URL, which both functions of booking's stack are told or are deployed beside."""
    first, second = synthesized()["booking"]["Resources"], synthesized("linked")["booking"]["Resources"]
    for function in ("BookingApi", "RegistrationApi"):
        before, after = (made[function]["Properties"]["AutoPublishCodeSha256"] for made in (first, second))
        assert len(before) == 64 and before != after, function
        assert first[function]["Properties"]["CodeUri"] == second[function]["Properties"]["CodeUri"]
