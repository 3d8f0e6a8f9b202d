"""Every command in README and docs that is marked so does what its page says: blocks that begin with ```sh runs. The configuration there starts a server."""

import os
import re
import subprocess
from pathlib import Path

import pytest

import story
from control_plane import BINARY, ControlPlane

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
RUNS = re.compile(r"^```sh runs\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(text):
    """The commands of the blocks that are marked, with what the comments behind them say."""
    lines = [line for block in RUNS.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    return [(command.strip(), comment) for command, _, comment in (line.partition("  #") for line in lines) if command.strip() and not command.startswith("#")]


COMMANDS = [(page.name, command, comment) for page in PAGES for command, comment in commands(page.read_text())]


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory):
    """A control plane that knows the demo's story, and asks nobody who they are."""
    server = ControlPlane(tmp_path_factory.mktemp("commands"), story.PRICES)
    try:
        with story.told(server):
            yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where commands write their files."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "target/debug").mkdir(parents=True)
    (folder / "target/debug/control-plane").symlink_to(BINARY)
    return folder


@pytest.mark.parametrize(("document", "command", "comment"), COMMANDS, ids=[f"{page}: {command}" for page, command, _ in COMMANDS])
def test_a_command_does_what_its_page_says(control_plane, folder, document, command, comment):
    """It ends with 0, or as its comment says with 1; addresses are those of the control plane that runs here."""
    trace = control_plane.get("/api/traces?window=7d&limit=1")["traces"][0]["trace_id"]
    command = re.sub(r"http://127\.0\.0\.1:\d+", control_plane.url, command).replace("<trace id>", trace)
    environment = {**os.environ, "CONTROL_PLANE_URL": control_plane.url, "PATH": f"{folder}/target/debug:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    ends = (0, 1) if "exits with 1" in comment else (0,)
    assert done.returncode in ends and (done.stdout or ">" in command), f"{document}: {command}: {done.returncode}\n{done.stdout}{done.stderr}"


def configuration():
    """What control-plane.md and slo.md configure, in one file: spans stay in the data folder, and what a page leaves out of a hash is there."""
    pages = [(PROJECT / "docs" / name).read_text() for name in ("control-plane.md", "slo.md")]
    blocks = "\n".join(block for page in pages for block in re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    return re.sub(r"^store = .*\n", "", blocks, flags=re.MULTILINE).replace('sha256 = "…"', f'sha256 = "{"a" * 64}"')


def test_a_server_starts_with_the_configuration_of_the_docs(tmp_path):
    """Every name in it is known, and every value can be used."""
    config = tmp_path / "config.toml"
    config.write_text(configuration())
    secrets = dict.fromkeys(re.findall(r'"\$(\w+)"', config.read_text()), "s" * 40)
    aws = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--data", tmp_path, "--config", config]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, **secrets, **aws}, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        line = server.stdout.readline()
    finally:
        server.kill()
        server.communicate()
    assert line.startswith("listening on "), (tmp_path / "log").read_text()


def test_some_commands_are_marked_and_a_comment_is_no_part_of_one():
    assert {page for page, _, _ in COMMANDS} >= {"README.md", "control-plane.md", "slo.md"}
    assert commands("```sh runs\n# nothing\nslo   # exits with 1\na \\\n  b\n```\n\n```sh\nnot this\n```\n") == [("slo", " exits with 1"), ("a    b", "")]
