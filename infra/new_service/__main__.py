"""Adds a service beside booking: `make new-service NAME=offers`. docs/fork.md says what there is then.

Everything in template/ is copied with `new-service` read as the name; what lists services by hand gets a line. Where anything goes wrong,
all is as it was.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent / "template"
ROOT = Path(__file__).resolve().parents[2]
# `<name>-api-<stage>` is a function's name, of 64 characters at most, and `<Name>Api…` begins a role's.
LONGEST = 30
# Paths that the local cloud's front door serves by itself.
TAKEN = {"assets"}
# Sections of samconfig.toml by which other stacks are found.
PREFIXES = ("mileage-", "source-")


class Refused(Exception):
    """A name that cannot be taken, and why."""


def main():
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    try:
        refuse(name, ROOT)
        make(name, ROOT)
    except (Refused, subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"new-service: {error}")
    print(f"{name}/ and infra/{name}/ are there, with a stack in account A that project.toml and infra/samconfig.toml have. Next:")
    print(f"  cargo test --package {name}    its test on the Lambda host")
    print("  make demo                      with its first request, and that request's trace")
    print("  make lint-infra                what the checks say about its template")


def refuse(name, root):
    """Raises `Refused` where this name is none, or somebody has it."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise Refused(f"NAME={name} is not [a-z][a-z0-9-]*, as in `make new-service NAME=offers`")
    if len(name) > LONGEST or name.endswith("-") or "--" in name or name.startswith(PREFIXES):
        raise Refused(f"NAME={name}: at most {LONGEST} characters, each `-` between two others, and not after `mileage` or `source`")
    for folder in (name, f"infra/{name}"):
        if (root / folder).exists():
            raise Refused(f"NAME={name}: {folder} is there already")
    project = tomllib.loads((root / "project.toml").read_text())
    used = {*TAKEN, *project["templates"], *project["stacks"], *project["functions"]}
    if taken := {name, f"{name}-api"} & used:
        raise Refused(f"NAME={name}: {', '.join(sorted(taken))} is used already (project.toml)")
    if {f'name = "{name}"', f'name = "{name}-api"'} & set((root / "Cargo.lock").read_text().splitlines()):
        raise Refused(f"NAME={name}: Cargo.lock has a crate of that name")


def make(name, root):
    """Writes it all, or nothing."""
    changed = edits(name, root)
    before = {path: path.read_bytes() for path in (*changed, root / "Cargo.lock")}
    folders = [root / name, root / "infra" / name]
    try:
        for path in sorted(path for path in TEMPLATE.rglob("*") if path.is_file()):
            to = root / renamed(path.relative_to(TEMPLATE).as_posix(), name)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(renamed(path.read_text(), name))
        for path, text in changed.items():
            path.write_text(text)
        lock(root)
    except BaseException:
        for path, content in before.items():
            path.write_bytes(content)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def renamed(text, name):
    """`new-service` and `NewService`, as CloudFormation's logical names have it."""
    return text.replace("new-service", name).replace("NewService", "".join(part.capitalize() for part in name.split("-")))


def edits(name, root):
    """The files that list services by hand, as they are to be."""
    texts = {}

    def add(file, after, line):
        path = root / file
        text = texts.get(path) or path.read_text()
        found = re.findall(after, text, re.MULTILINE)
        if not found:
            raise Refused(f"{file} has nothing like {after}, after which the service would come")
        texts[path] = text.replace(found[-1], found[-1] + line, 1)

    logical = renamed("NewService", name)
    add("Cargo.toml", r'^members = \[.*"mileage"', f', "{name}"')
    add("project.toml", r"^mileage-account = .*\n", f'{name} = "infra/{name}/template.yaml"\n')
    add("project.toml", r"^[a-z0-9-]+ = \{ account = .*\n", f'{name} = {{ account = "booking", template = "{name}", service = true }}\n')
    function = f'\n[functions.{name}-api]\ntemplate = "{name}"\nresource = "{logical}Api"\nmain = "{name}/src/main.rs"\nversions = true\n'
    add("project.toml", r'^main = ".*"\n(?:versions = true\n)?', function)
    text = (root / "infra/samconfig.toml").read_text()
    for stage in re.findall(r"^\[([a-z0-9]+)-booking\.deploy", text, re.MULTILINE):
        profile = re.search(rf'^\[{stage}-booking\.deploy.parameters\]\nstack_name = "(.*)-booking"\nprofile = "(.*)"\n', text, re.MULTILINE)
        if profile is None:
            raise Refused(f"infra/samconfig.toml: [{stage}-booking.deploy.parameters] does not begin with stack_name and profile")
        section = f'\n[{stage}-{name}.deploy.parameters]\nstack_name = "{profile[1]}-{name}"\nprofile = "{profile[2]}"\n'
        add("infra/samconfig.toml", rf"^\[{stage}-portal\.deploy\.parameters\]\n(?:.+\n)+", section + 'parameter_overrides = ["Exporter=direct"]\n')
    add("infra/checks/checkov.yaml", r"^  - infra/.*/template\.yaml\n", f"  - infra/{name}/template.yaml\n")
    add("tests/tests/crates_know_what_they_may.rs", r'^    \("mileage", SHARED\),\n', f'    ("{name}", SHARED),\n')
    add("tests/tests/tests_keep_to_themselves.rs", r'^        "control-plane/slo-evaluator/tests",\n', f'        "{name}/tests",\n')
    return texts


def lock(root):
    """Cargo.lock with the new crate, every other line as it was: by what is on this machine, else by the registry."""
    update = ["cargo", "update", "--workspace", "--quiet"]
    offline = subprocess.run([*update, "--offline"], cwd=root, capture_output=True)
    if offline.returncode != 0:
        subprocess.run(update, cwd=root, check=True)


if __name__ == "__main__":
    main()
