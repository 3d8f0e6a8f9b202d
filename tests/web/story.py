"""The demo's story, as `local simulate` sends it: eight tenants, of whom two hurt and one is dear, and what they hurt by."""

import subprocess
import time
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# What the local cloud's control plane has.
PRICES = (PROJECT / "local/prices.toml").read_text()

FAILING, TABLE, VERSION = "cirrus", "seats-2", "2.4.1"
SLOW, OPERATION, REGION = "borealis", "GET /seatmaps", "eu-south-2"
DEAR, EXPORTS = "gemini", "POST /exports"
STRANDED, DEAD_LETTERS = "P1KR9N43", "mileage-bookings-dlq-simulated"


def send(control_plane):
    """Sends it, and waits until both tenants are alerted on."""
    command = [PROJECT / "target/debug/local", "simulate", "--once", "--url", control_plane.url]
    sent = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert sent.returncode == 0, sent.stderr
    for _ in range(150):
        alerted = {alert["tenant"] for alert in control_plane.get("/api/alerts")}
        if {FAILING, SLOW} <= alerted:
            return
        time.sleep(0.2)
    raise AssertionError(f"alerts on {alerted}, and not on {FAILING} and {SLOW}")
