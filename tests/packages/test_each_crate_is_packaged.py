"""Every crate of shared/ passes `cargo package` with its verified build, in dependency order, in one target folder: what a team would publish
holds all that it needs, and knows the crates before it by their versions alone.

Cargo gives each crate to those after it by a registry of its own making below the target folder, and takes what was once unpacked of a version, or
built of it, for what it is now. So the target folder begins empty, and so does the place where sources of that registry are unpacked.
"""

import os
import re
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "target/packages"
MEMBERS = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]
CRATES = {path.rpartition("/")[2]: ROOT / path for path in MEMBERS if path.startswith("shared/")}
# An address of the project is for whoever publishes to name.
WARNED = {"manifest has no documentation, homepage or repository"}


def cargo_home(to):
    """Cargo's home with what was downloaded, but nothing unpacked of a registry of files, whose name has no host before the hyphen."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")

    def link(part, but=""):
        (to / part).mkdir(parents=True, exist_ok=True)
        for entry in (home / part).iterdir() if (home / part).is_dir() else ():
            if entry.name != but and not entry.name.startswith("-"):
                (to / part / entry.name).symlink_to(entry)

    link("", but="registry")
    link("registry", but="src")
    link("registry/src")
    return to


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What cargo says as it packages all of them."""
    subprocess.run(["cargo", "fetch", "--quiet", "--locked"], cwd=ROOT, check=True)
    shutil.rmtree(TARGET, ignore_errors=True)
    environment = {**os.environ, "CARGO_HOME": str(cargo_home(tmp_path_factory.mktemp("cargo"))), "CARGO_INCREMENTAL": "0", "CARGO_TERM_COLOR": "never"}
    # A change that is not committed yet is tried too.
    command = ["cargo", "package", "--offline", "--locked", "--allow-dirty", "--target-dir", str(TARGET)]
    for name in CRATES:
        command += ["--package", name]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-6000:]
    yield done.stdout
    shutil.rmtree(TARGET)


def version(name):
    return tomllib.loads((CRATES[name] / "Cargo.toml").read_text())["package"]["version"]


def test_each_is_built_from_its_package_after_those_that_it_knows(said):
    built = re.findall(r"^ +Verifying (\S+) v", said, re.MULTILINE)
    assert sorted(built) == sorted(CRATES)
    for name in built:
        known = tomllib.loads((CRATES[name] / "Cargo.toml").read_text())["dependencies"].keys() & CRATES.keys()
        assert known <= set(built[: built.index(name)]), f"{name} before one of {known}"


def test_cargo_warns_of_nothing_else_than_the_missing_address(said):
    assert set(re.findall(r"^warning: (.*)$", said, re.MULTILINE)) <= WARNED


@pytest.mark.parametrize("name", CRATES)
def test_a_package_holds_what_its_reader_and_its_build_need(said, name):
    inside = f"{name}-{version(name)}"
    with tarfile.open(TARGET / f"package/{inside}.crate") as package:
        files = {member.name.removeprefix(f"{inside}/") for member in package.getmembers()}
        manifest = tomllib.loads(package.extractfile(f"{inside}/Cargo.toml").read().decode())
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=CRATES[name], check=True, capture_output=True, text=True).stdout
    assert files >= set(filter(None, tracked.split("\0"))) | {"README.md", "LICENSE"}
    of_the_manifest = manifest["package"]
    assert of_the_manifest["readme"] == "README.md" and of_the_manifest["license"] == "Apache-2.0" and of_the_manifest["description"]
    # Where a crate comes from is no part of what is published.
    tables = [manifest.get(kind, {}) for kind in ("dependencies", "dev-dependencies", "build-dependencies")]
    assert not [known for table in tables for known, how in table.items() if isinstance(how, dict) and "path" in how]
