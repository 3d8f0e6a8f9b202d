"""project.toml: what several tools need to know about the project."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FACTS = tomllib.loads((ROOT / "project.toml").read_text())
# Name -> path from the top level.
TEMPLATES = FACTS["templates"]
# Name -> `account` and `template`, in the order of deployment.
STACKS = FACTS["stacks"]
# Those of them that `make new-service` made, each with a template of its own name.
SERVICES = [name for name, stack in STACKS.items() if stack.get("service")]
# What their log groups are named after: the API, and its function.
LOGGED_SERVICES = [each for name in SERVICES for each in (name, f"{name}-api")]
# Name -> `template`, `resource`, `main`, and `versions` where there are some.
FUNCTIONS = FACTS["functions"]
# `tenant`, `tier` and `role` -> the claim's name.
CLAIMS = FACTS["claims"]


def functions_of(template):
    """The functions of a template, in the file's order."""
    return [name for name, function in FUNCTIONS.items() if function["template"] == template]


def versioned(template):
    """The functions of a template that callers reach by the alias `live`."""
    return [name for name in functions_of(template) if FUNCTIONS[name].get("versions")]
