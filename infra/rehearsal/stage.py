"""The accounts of a rehearsal, and `infra/deploy.py` run against them as a user runs it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3

import tree
from probe import Probe

ACCOUNTS = {"booking": "111111111111", "mileage": "222222222222", "observability": "333333333333"}
REGION = "us-east-1"
VENV = tree.ROOT / ".local/venv-infra"
EMULATOR = tree.ROOT / ".local/venv/bin/python"
STARTS_WITHIN = 60


class Run:
    """What a run of `deploy.py` printed, and how it ended."""

    def __init__(self, action, code, output, seconds):
        self.action, self.code, self.output, self.seconds = action, code, output, seconds

    def succeeded(self):
        """This run, if it did; else an AssertionError with its last words."""
        assert self.code == 0, f"{self.action} ended with {self.code}:\n{self.tail()}"
        return self

    def failed(self, *words):
        """This run, if it failed and said these words."""
        assert self.code != 0, f"{self.action} went on where it should have stopped:\n{self.tail()}"
        for word in words:
            assert word in self.output, f"{self.action} does not say {word!r}:\n{self.tail()}"
        return self

    def tail(self, lines=60):
        """The last lines."""
        return "\n".join(self.output.splitlines()[-lines:])


class Rehearsal(Probe):
    """A copied tree and an emulator with three empty accounts."""

    def __init__(self, name, infra=tree.ROOT / "infra"):
        self.folder = tree.ROOT / f".local/rehearsal-{os.getpid()}-{name}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.tree = self.folder / "tree"
        (self.folder / "tmp").mkdir(parents=True)
        tree.copy(self.tree, infra)
        self.port, self.held = _free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.running = []
        self.write_profiles()
        self.emulator = self.start_emulator()

    def start_emulator(self):
        """Waits until it answers."""
        schemas = next(VENV.glob("lib/python3*/site-packages/cfnlint/data/schemas"))
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder), "TMPDIR": str(self.folder / "tmp"),
            "STATE_DIR": str(self.folder / "state"), "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_ACCOUNT_ID": ACCOUNTS["booking"], "MINISTACK_REGION": REGION, "IOT_MTLS_ENABLED": "0", "AUTH": "true",
            "LOG_LEVEL": "WARNING", "AWS_ENDPOINT_URL": self.endpoint, "CFN_SCHEMAS": str(schemas), "REHEARSAL": str(self.folder),
        }  # fmt: skip
        program = [str(EMULATOR), "-B", str(Path(__file__).parent / "emulator")]
        log = (self.folder / "emulator.log").open("w")
        process = subprocess.Popen(program, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder, start_new_session=True)
        self.running.append(process)
        started = time.monotonic()
        while time.monotonic() - started < STARTS_WITHIN and process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5):
                return process
            time.sleep(0.1)
        raise RuntimeError(f"the emulator did not start:\n{(self.folder / 'emulator.log').read_text()[-3000:]}")

    def write_profiles(self):
        """As a user's ~/.aws/config, but for the endpoint. An access key of twelve digits is the account."""
        profiles = [
            f"[profile airline-{stage}-{name}]\nregion = {REGION}\nendpoint_url = {self.endpoint}\n"
            f"aws_access_key_id = {account}\naws_secret_access_key = local\n"
            for stage in tree.STAGES for name, account in ACCOUNTS.items()
        ]  # fmt: skip
        (self.folder / "aws-config").write_text("\n".join(profiles))

    def deploy_py(self, action, stage="dev", **variables):
        """Runs `deploy.py` of the copied tree."""
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder), "TMPDIR": str(self.folder / "tmp"), "LANG": "C.UTF-8",
            "AWS_CONFIG_FILE": str(self.folder / "aws-config"), "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "none"),
            "AWS_EC2_METADATA_DISABLED": "true", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
            "SAM_CLI_POLL_DELAY": "0.3", "SAM_CLI_TELEMETRY": "0", "POLL_SECONDS": "0.5", **variables,
        }  # fmt: skip
        command = [str(VENV / "bin/python"), "infra/deploy.py", action, stage]
        started = time.monotonic()
        process = subprocess.Popen(
            command, env=environment, cwd=self.tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.running.append(process)
        output, _ = process.communicate()
        self.running.remove(process)
        run = Run(f"deploy.py {action} {stage}", process.returncode, output, time.monotonic() - started)
        with (self.folder / "runs.log").open("a") as log:
            log.write(f"--- {run.action} {variables}: {run.code}, {run.seconds:.1f} s\n{output}\n")
        return run

    def client(self, account, service):
        """An SDK client in one of the accounts."""
        session = boto3.Session(aws_access_key_id=ACCOUNTS[account], aws_secret_access_key="local", region_name=REGION)
        return session.client(service, endpoint_url=self.endpoint)

    def wants(self, **wishes):
        """What is to go wrong from now on: `faults`, `note_only`, `link_delay_seconds`. Nothing if nothing is given."""
        (self.folder / "control.json").write_text(json.dumps(wishes))

    def journal(self, since=0, **fields):
        """Lines of the emulator's journal that have these fields."""
        path = self.folder / "journal.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()[since:]] if path.exists() else []
        return [line for line in lines if all(line.get(key) == value for key, value in fields.items())]

    def mark(self):
        """Where the journal is now."""
        return len(self.journal())

    def close(self):
        """Ends what was started and removes the folder."""
        for process in reversed(self.running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                pass
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        self.held.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_leftovers():
    """Folders of rehearsals that were killed."""
    for folder in (tree.ROOT / ".local").glob("rehearsal-*-*"):
        if not Path(f"/proc/{folder.name.split('-')[1]}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _free_port():
    """A port, and a socket that keeps it from other processes. On Linux the emulator may listen there all the same: both say SO_REUSEADDR."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port = held.getsockname()[1]
    if sys.platform != "linux":
        held.close()
    return port, held
