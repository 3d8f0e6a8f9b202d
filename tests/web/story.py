"""The demo's story, as `local simulate` sends it: eight tenants, of whom two hurt, one is dear and one is turned away, and by what."""

import contextlib
import signal
import subprocess
import time
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# What the local cloud's control plane has.
NAMES = '[accounts]\n444444444444 = "simulated booking"\n555555555555 = "simulated mileage"\n'
PRICES = (PROJECT / "local/prices.toml").read_text() + NAMES

FAILING, TABLE, VERSION = "cirrus", "seats-2", "2.4.1"
SLOW, OPERATION, REGION = "borealis", "GET /seatmaps", "eu-south-2"
DEAR, EXPORTS = "gemini", "POST /exports"
GUESSED, GUESSER = "halley", "user-07.halley"
STRANDED, DEAD_LETTERS = "P1KR9N43", "mileage-bookings-dlq-simulated"


@contextlib.contextmanager
def told(control_plane):
    """Sends it, waits until all three tenants are alerted on, and goes on: five minutes that close meanwhile are judged with all of their requests."""
    command = [PROJECT / "target/debug/local", "simulate", "--url", control_plane.url]
    simulation = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = simulation.stderr.readline()
        assert "eight tenants simulated" in line, line
        wait_for_alerts(control_plane)
        yield
        assert simulation.poll() is None, "it ended by itself"
    finally:
        simulation.send_signal(signal.SIGINT)
        _, complaints = simulation.communicate(timeout=120)
    assert simulation.returncode == 0 and not complaints, complaints


def wait_for_alerts(control_plane):
    """Waits until all three tenants are alerted on."""
    for _ in range(300):
        alerted = {alert["tenant"] for alert in control_plane.get("/api/alerts")}
        if {FAILING, SLOW, GUESSED} <= alerted:
            return
        time.sleep(0.2)
    raise AssertionError(f"alerts on {alerted}, and not on {FAILING}, {SLOW} and {GUESSED}")
