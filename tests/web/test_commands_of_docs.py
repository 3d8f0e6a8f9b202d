"""Every command in README and docs does what its page says. The blocks of a page run one after the other in a fresh copy of the project, and find what the
page assumes: programs on the PATH, a control plane that knows the demo's story, and the local cloud in the place of AWS. The configuration there starts a
server."""

import json
import os
import re
import shlex
import shutil
import subprocess

import botocore.session
import pytest
from botocore import xform_name

import story
from commands import EXEMPT, LANGUAGES, PAGES, PROJECT, blocks, commands, elsewhere, inline, of_aws, reason
from control_plane import BINARY, ControlPlane

BLOCKS = [(page.name, block) for page in PAGES for language, block in blocks(page.read_text()) if language == "sh"]
SENTENCES = sorted({(page.name, command) for page in PAGES for command in inline(page.read_text())})
# What was set up or built here and is in no commit.
LINKED = ("target", ".local/venv", "portal/dist")
# Programs whose answer is what the reader wants.
ANSWERS = re.compile(r"(target/debug/)?(control-plane|operator|local) ")


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory):
    """A control plane that knows the demo's story, and asks nobody who they are."""
    server = ControlPlane(tmp_path_factory.mktemp("commands"), story.PRICES)
    try:
        with story.told(server):
            yield server
    finally:
        server.stop()


class Reader:
    """Somebody who types what pages say, in a copy of the project or, to adopt its crates, in a package beside it."""

    def __init__(self, home, control_plane, cloud):
        self.home, self.control_plane, self.cloud = home, control_plane.url, cloud.outputs
        self.project, self.package = home / "airline", home / "shop"
        self.page, self.folder = None, self.project
        trace = control_plane.get("/api/traces?window=7d&limit=1")["traces"][0]["trace_id"]
        without = ("MAKE", "MFLAGS", "AWS_", "CONTROL_PLANE_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(without)} | {
            "PATH": f"{self.project}/target/debug:{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(home),
            "CARGO_NET_OFFLINE": "true",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "CONTROL_PLANE_URL": control_plane.url,
            "TRACE_ID": trace,
            "AWS_ENDPOINT_URL": self.cloud["aws_endpoint_url"],
            "AWS_CONFIG_FILE": str(self.profiles()),
            **{f"GIT_{who}_{what}": f"reader@{what}.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        copy(self.project)
        self.do("git init --quiet && git add --all && git commit --quiet --message first && git commit --quiet --allow-empty --message second && git tag read")
        # For the package, which is not in the project's folder.
        shutil.copy(PROJECT / "rust-toolchain.toml", home)
        subprocess.run(["cargo", "init", "--quiet", "--vcs", "none", self.package], env=self.environment, check=True)
        self.before = self.environment

    def open(self, page):
        """Begins with another page: what the one before changed is as it was."""
        if page != self.page:
            self.folder, self.environment = self.project, self.before
            self.do("git checkout --quiet --force -B reading read && git clean --quiet --force -d")
            self.page, self.folder = page, self.package if page == "adopt.md" else self.project
        return self

    def profiles(self):
        """The profiles of docs/deploy.md; the emulator's access keys are ids of accounts."""
        accounts = {name: self.cloud[f"{name}_account"] for name in ("booking", "mileage")}
        region = self.cloud["region"]
        sections = (
            f"[profile airline-local-{name}]\naws_access_key_id={id}\naws_secret_access_key=secret\nregion={region}\n" for name, id in accounts.items()
        )
        file = self.home / "aws.ini"
        file.write_text("".join(sections))
        return file

    def sign_in(self):
        """Credentials of the booking account, as `aws configure export-credentials` would give them."""
        self.environment |= {"AWS_ACCESS_KEY_ID": self.cloud["booking_account"], "AWS_SECRET_ACCESS_KEY": "secret"}

    def here(self, command):
        """The command with what differs on this machine: addresses, the stage, the region, and that everything is built already."""
        command = re.sub(r"http://127\.0\.0\.1:\d+", self.control_plane, command)
        command = re.sub(r"(?<![/\w])dev\b(?!/)", "local", command).replace("eu-central-1", self.cloud["region"])
        return re.sub(r"^make demo\b", "make -o build -o portal demo ONCE=1", command)

    def do(self, command):
        """Runs it as one shell would after those before: variables that they set are there."""
        variables = self.home / "variables"
        options = dict(cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300)
        done = subprocess.run(["bash", "-aeo", "pipefail", "-c", f"trap 'env -0 > {variables}' EXIT\n{command}"], **options)
        self.environment = dict(line.split("=", 1) for line in variables.read_text().split("\0") if "=" in line)
        return done

    def put_aside(self, command):
        """Of what goes on until it is stopped one runs already; a reader has its output, and the program knows every word of the command."""
        command, _, file = command.removesuffix("&").partition(">")
        understood(command)
        if file:
            (self.folder / file.strip()).write_text(json.dumps(self.cloud))


def copy(to):
    """The project as a commit would have it, with what was built here."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=PROJECT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        # One that was deleted is still listed until it is committed.
        if (PROJECT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, to / name)
    (to / ".git/info").mkdir(parents=True)
    (to / ".git/info/exclude").write_text("".join(f"/{name}\n" for name in LINKED))
    for name in LINKED:
        (to / name).parent.mkdir(exist_ok=True)
        (to / name).symlink_to((PROJECT / name).resolve())


def understood(command):
    """A program knows every word of a command that is not run: it then prints its help."""
    words = shlex.split(command, comments=True)
    words = ["make", "--dry-run", *words[1:]] if words[0] == "make" else [PROJECT / "target/debug" / words[0].split("/")[-1], *words[1:], "--help"]
    asked = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 0, f"{command}: {asked.stderr}"


@pytest.fixture(scope="module")
def somebody(control_plane, cloud, tmp_path_factory):
    """Who reads one page after the other."""
    home = tmp_path_factory.mktemp("reader")
    yield Reader(home, control_plane, cloud)
    shutil.rmtree(home)


@pytest.mark.parametrize(("document", "block"), BLOCKS, ids=[f"{page}: {commands(block)[0][0]}" for page, block in BLOCKS])
def test_a_block_does_what_its_page_says(somebody, document, block):
    """Each command ends with 0, or as its comment says with 1, and answers where it has an answer."""
    reader = somebody.open(document)
    for written, comment in commands(block):
        if reason(document, written):
            if re.match("make|operator", written):
                understood(written)
            elif "export-credentials" in written:
                reader.sign_in()
        elif written.endswith("&"):
            reader.put_aside(written)
        else:
            command = reader.here(written)
            done = reader.do(command)
            said = done.stdout + done.stderr
            assert done.returncode in ((0, 1) if "exits with 1" in comment else (0,)), f"{document}: {command}: {done.returncode}\n{said}"
            assert said or ">" in command or not ANSWERS.match(command), f"{document}: {command} says nothing"


def test_profiles_go_before_the_keys_of_the_environment(somebody):
    """Those of an account that has no stage."""
    reader = somebody.open("reliability.md")
    command = "AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=999999999999 AWS_SECRET_ACCESS_KEY=secret operator reconcile --stage local"
    assert reader.do(command).returncode == 2
    done = reader.do(f"{command} --booking-profile airline-local-booking --mileage-profile airline-local-mileage")
    # What other tests booked may be under way.
    assert done.returncode in (0, 1), done.stderr


@pytest.mark.parametrize(("document", "command"), [*SENTENCES, *sorted({*elsewhere()})], ids=lambda text: text)
def test_a_command_that_is_not_run_is_one_that_its_program_knows(document, command):
    understood(command)


@pytest.mark.parametrize(("document", "service", "operation", "options"), sorted({*of_aws()}), ids=str)
def test_a_command_of_aws_is_one_that_its_service_has(document, service, operation, options):
    """By the models of AWS's services that the emulator brings along; what needs an account is not run."""
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in operations, f"{document}: aws {service} has no {operation}"
    parameters = model.operation_model(operations[operation]).input_shape.members
    assert set(options) <= {xform_name(name, "-") for name in parameters} | {"profile", "region", "query", "output"}, document


def configuration():
    """What control-plane.md and slo.md configure, in one file: spans stay in the data folder, and what a page leaves out of a hash is there."""
    pages = [(PROJECT / "docs" / name).read_text() for name in ("control-plane.md", "slo.md")]
    shown = "\n".join(block for page in pages for language, block in blocks(page) if language == "toml")
    return re.sub(r"^store = .*\n", "", shown, flags=re.MULTILINE).replace('sha256 = "…"', f'sha256 = "{"a" * 64}"')


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


@pytest.mark.parametrize("document", PAGES, ids=lambda document: document.name)
def test_every_block_says_what_it_holds(document):
    """A block in another shell's name, or in none, would run nowhere."""
    assert [language for language, _ in blocks(document.read_text()) if language not in LANGUAGES] == []


def test_no_exemption_is_left_over_and_ci_runs_what_it_is_said_to():
    told = [(page, command) for page, block in BLOCKS for command, _ in commands(block)] + SENTENCES
    reasons = {command: reason(page, command) for page, command in told}
    assert EXEMPT.keys() - reasons.values() == set()
    ci, makefile = (PROJECT / ".ci/run").read_text(), (PROJECT / "Makefile").read_text()
    steps = re.findall(r"^make ([\w-]+)$", ci, re.MULTILINE)
    steps += [needed for step in steps for needed in re.search(rf"^{step}:([^#\n]*)", makefile, re.MULTILINE)[1].split()]
    assert [command for command, why in reasons.items() if why == "is what CI runs" and command.split()[1] not in steps] == []
    assert "tests/new_service" in re.search(r"^test-long:.*?\n\n", makefile, re.DOTALL | re.MULTILINE)[0]


def test_a_comment_is_no_part_of_a_command():
    block = "# nothing\nslo   # exits with 1\na \\\n  b\n"
    assert blocks(f"```sh\n{block}```\n\n```\nc\n```\n") == [("sh", block), ("", "c\n")]
    assert commands(block) == [("slo", "exits with 1"), ("a b", "")]
    assert inline("`make demo ONCE=1` in `control-plane/` and `operator`\n```sh\n`make test`\n```\n") == ["make demo ONCE=1"]
    assert [reason("a.md", command) for command in ("make package deploy", "make demo", "operator reconcile")] == ["package", None, None]
