"""The tree that is deployed: a copy, so that a rehearsal may change it, with the functions that were built for this machine."""

import re
import shutil
from pathlib import Path

import project_file

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = list(project_file.FUNCTIONS)
LEFT_OUT = shutil.ignore_patterns("cdk", "rehearsal", "checks", "__pycache__", "node_modules")
# Both in the same three accounts.
STAGES = ("dev", "staging")
# A rehearsal does not wait half a minute for a tenant's status to be noticed.
OVERRIDES = {"booking": ["TenantsCacheSeconds=2"], "mileage": ["TenantsCacheSeconds=2"]}
# Where refused requests are brought, from each account by itself.
INTAKE = "https://control-plane.example.com"
OVERRIDES |= {f"source-{account}": [f"ControlPlaneIntakeUrl={INTAKE}"] for account in ("booking", "mileage")}


def copy(to, infra=ROOT / "infra"):
    """Puts the parts of the project that a deployment needs below `to`."""
    shutil.copytree(infra, to / "infra", ignore=LEFT_OUT)
    shutil.copy(ROOT / "project.toml", to)
    portal = ROOT / "portal/dist"
    if not (portal / "index.html").exists():
        raise FileNotFoundError("the portal is not built: run `make portal`")
    shutil.copytree(portal, to / "portal/dist")
    for function in FUNCTIONS:
        write_code(to, function)
    for stage in STAGES:
        override(to, stage, OVERRIDES)


def write_code(to, function, version=1):
    """A bootstrap that becomes the function's debug build, which is too large to be zipped for every step."""
    binary = ROOT / "target/debug" / function
    if not binary.exists():
        raise FileNotFoundError(f"{binary.relative_to(ROOT)} is not built: run `make build`")
    bootstrap = to / "target/lambda" / function / "bootstrap"
    bootstrap.parent.mkdir(parents=True, exist_ok=True)
    bootstrap.write_text(f"#!/bin/sh\n# Version {version}.\nexec {binary}\n")
    bootstrap.chmod(0o755)


def override(to, stage, parameters):
    """Gives parameters of a stage's stacks other values in samconfig.toml, as a user would; later ones win."""
    path = to / "infra/samconfig.toml"
    text = path.read_text()
    for name, values in parameters.items():
        head = f"[{stage}-{name}.deploy.parameters]\n"
        before, section = text.split(head, 1)
        section, *rest = section.split("\n[", 1)
        found = re.search(r"^parameter_overrides = \[(.*?)\]$", section, re.MULTILINE | re.DOTALL)
        keys = [value.split("=")[0] for value in values]
        kept = [each for each in re.findall(r'"([^"]*)"', found[1]) if each.split("=")[0] not in keys] if found else []
        line = "parameter_overrides = [" + ", ".join(f'"{each}"' for each in [*kept, *values]) + "]"
        section = section.replace(found[0], line) if found else f"{section.rstrip()}\n{line}\n"
        text = before + head + "\n[".join([section, *rest])
    path.write_text(text)


def replace(to, file, old, new, count=1):
    """Changes a file of the copied tree; what is to be changed must be there."""
    path = to / file
    text = path.read_text()
    if old not in text:
        raise ValueError(f"{file} has no {old!r}")
    path.write_text(text.replace(old, new, count))
