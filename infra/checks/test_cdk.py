"""What `cdk synth` made of the templates: the same resources, with every property. Skipped before a synthesis."""

import json

import pytest

from cloudformation import load
from project import ROOT, TEMPLATES

OUT = ROOT / "infra/cdk/cdk.out"
STACKS = {"observability": "observability", "booking": "booking", "mileage": "mileage", "portal": "portal", "source-booking": "source-account",
          "source-mileage": "source-account"}


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
    synthesized = OUT / f"airline-{stack}.template.json"
    if not synthesized.exists():
        pytest.skip("nothing synthesized: cd infra/cdk && npm run synth")
    made = json.loads(synthesized.read_text())
    given = load((ROOT / TEMPLATES[STACKS[stack]]).read_text())
    assert made.get("Transform") == given.get("Transform")
    assert made["Resources"].keys() == given["Resources"].keys()
    problems = []
    for name, resource in given["Resources"].items():
        assert made["Resources"][name]["Type"] == resource["Type"]
        assert made["Resources"][name].get("Condition") == resource.get("Condition")
        assert made["Resources"][name].get("DeletionPolicy") == resource.get("DeletionPolicy")
        problems += lost(resource.get("Properties", {}), made["Resources"][name].get("Properties", {}), name)
        code = made["Resources"][name].get("Properties", {}).get("CodeUri")
        if code is not None and not {"Bucket", "Key"} <= code.keys():
            problems.append(f"{name}: its code is no asset")
    assert problems == []
