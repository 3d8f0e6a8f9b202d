"""A collector with a layer's components, run on a configuration of infra/collector as the layer runs it."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "infra/collector"
# Of a function: the collector signs with its credentials.
CREDENTIALS = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "a-session",
}


def program(layer):
    return ROOT / "target/collector" / layer / "collector"


class Collector:
    """Runs until it is stopped. What `settings` name is set on top of the configuration, which stays as it is: the port, which
    another test may have, and where a stub is that no variable names."""

    def __init__(self, layer, folder, config=None, env=None, settings=None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        settings = {"receivers.otlp.protocols.http.endpoint": self.address, **(settings or {})}
        command = [program(layer), "--config", config or CONFIGS / f"{layer}.yaml"]
        command += [f"--set={name}={value}" for name, value in settings.items()]
        self._log = folder / f"{layer}.log"
        with self._log.open("w") as log:
            environment = {"PATH": os.environ["PATH"], **CREDENTIALS, **(env or {})}
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)

    @property
    def log(self):
        return self._log.read_text()

    def wait(self):
        """Until it has ended by itself; the exit code."""
        return self._process.wait(timeout=30)

    def wait_until_it_listens(self):
        host, port = self.address.split(":")
        for _ in range(600):
            assert self._process.poll() is None, self.log
            try:
                socket.create_connection((host, int(port))).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise AssertionError(f"it does not listen at {self.address}\n{self.log}")

    def send(self, body, signal="traces"):
        """An OTLP request over HTTP, as a function sends it; fails unless it is taken."""
        headers = {"Content-Type": "application/x-protobuf"}
        request = urllib.request.Request(f"http://{self.address}/v1/{signal}", body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200

    def stop(self):
        """Ends it as Lambda does, after it has sent what it has; nothing more is sent from here on."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=30)
        finally:
            self._process.kill()
