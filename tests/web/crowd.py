"""More than fits, and names as long as may be: sixty nodes in three accounts, a thousand tenants, a trace of fifty thousand spans, and one whose names are hostile."""

import time

import bookings
import incident
import waterfalls
from systems import System

TENANTS = 1_000
NODES, ACCOUNTS, SEED = 60, 3, 60
# As long as a tenant's id may be, and as names of companies are elsewhere: spans may name whom they like.
LONG = "transatlantic-and-transpacific-holiday-charter-airways-group-042"
ELSEWHERE = "株式会社東亜国際航空運輸観光開発ホールディングス"


def send(control_plane):
    """Tells a control plane of all of them, and waits until it has judged how the tenants fare."""
    System(NODES, ACCOUNTS, SEED).send(control_plane.url)
    now = incident.end()
    spans = [
        incident.request_span(tenant, "GET /bookings", now - 60 - number % 200, number, 30 + number % 90, failed=number % 97 == 0)
        for number, tenant in enumerate([LONG, ELSEWHERE, *(f"tenant-{number:04}" for number in range(2, TENANTS))])
    ]
    bookings.post(control_plane.url, waterfalls.sent(("booking-api", bookings.BOOKING, spans)))
    waterfalls.send(control_plane.url, waterfalls.booking, waterfalls.linking, waterfalls.large, waterfalls.hostile)
    for _ in range(300):
        # Those of the waterfalls are one more.
        if len(control_plane.get("/api/slo")["tenants"]) > TENANTS:
            return
        time.sleep(0.2)
    raise AssertionError("not all tenants are judged")
