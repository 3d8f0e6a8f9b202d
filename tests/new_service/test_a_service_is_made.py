"""`make new-service NAME=offers` in a copy of this checkout: what it made builds, passes its test on the Lambda host and the checks of its
template, is deployed to the local cloud, and its first request is a span with its tenant.

The copy has a target folder of its own, that begins with what this checkout's has built of others' crates: to cargo the crates of both
checkouts are the same ones, so in one folder either would take the other's for its own.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What was set up or built here, and is in no commit.
LINKED = (".local", "portal/dist", "infra/iam/node_modules")
BUILT = ROOT / "target/debug"
TARGET = ROOT / "target/new-service"
ENVIRONMENT = {**os.environ, "CARGO_INCREMENTAL": "0"}
PYTHON = [".local/venv-infra/bin/python", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]


def run(copy, *command):
    """What a command says, which is to succeed."""
    done = subprocess.run(command, cwd=copy, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}"
    return done.stdout


def link(path, to):
    """Large files are replaced where they are built anew, small ones may be written over: those are copied, with their times, by which cargo goes."""
    os.link(path, to) if os.stat(path).st_size > 1_000_000 else shutil.copy2(path, to)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy with the service, built."""
    to = tmp_path_factory.mktemp("copy")
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True)
    for path in filter(None, listed.stdout.split("\0")):
        # One that was deleted is still listed until it is committed.
        if (ROOT / path).is_file():
            (to / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, to / path)
    for path in LINKED:
        if (ROOT / path).exists() and not (to / path).exists():
            (to / path).symlink_to((ROOT / path).resolve())
    shutil.rmtree(TARGET, ignore_errors=True)
    for folder in filter(Path.exists, (BUILT / name for name in ("build", "deps", ".fingerprint"))):
        shutil.copytree(folder, TARGET / "debug" / folder.name, copy_function=link, symlinks=True)
    TARGET.mkdir(parents=True, exist_ok=True)
    (to / "target").symlink_to(TARGET)
    run(to, "make", "--silent", "new-service", "NAME=offers")
    run(to, "cargo", "build", "--locked", "--workspace", "--bins")
    yield to
    shutil.rmtree(TARGET)


def test_it_is_formatted(copy):
    run(copy, "cargo", "fmt", "--all", "--check")


def test_its_own_test_passes_on_the_lambda_host(copy):
    said = run(copy, "cargo", "test", "--locked", "--workspace", "--test", "each_request_has_its_tenant", "--test", "crates_know_what_they_may")
    assert "a_token_makes_a_tenant_of_the_request_and_of_its_span ... ok" in said


def test_its_template_passes_the_checks_and_is_deployed_with_the_others(copy):
    run(copy, ".local/venv-infra/bin/cfn-lint", "infra/offers/template.yaml")
    run(copy, *PYTHON, "infra/checks/test_templates.py", "infra/checks/test_deploy.py", "infra/checks/test_deploy_plan.py")


def test_its_role_may_what_it_asks_for_and_nothing_else(copy):
    run(copy, *PYTHON, "infra/iam/test_iam.py", "-k", "must_be_allowed or change_of_any_statement")


def test_its_first_request_is_a_span_with_its_tenant(copy):
    said = run(copy, "target/debug/local", "demo", "--once", "--port", "0", "--control-plane-port", "0")
    assert "✔ the first request of offers: a span with its tenant" in said, said[-6000:]
    assert any(line.startswith("GET /offers  SERVER") and "acme  basic" in line for line in said.splitlines()), said[-6000:]
