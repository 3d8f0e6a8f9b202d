"""An hour of three tenants as the functions would have told of it: one is well, one failed for a while and two of its users are turned away now and then,
one is slow."""

import json
import time
import urllib.request
import uuid

from bookings import BOOKING, KINDS, TENANTS, attributes

# Of so many requests in five minutes.
REQUESTS = 30
SLOT = 300
# Between so many seconds before the end and so many.
FAILING = (3_000, 2_100)
SLOW = 700
# Who is turned away in each five minutes, and why: user, status, code.
TURNED_AWAY = {7: ("eve", 404, "no_such_booking"), 17: ("eve", 404, "no_such_booking"), 22: ("ben", 403, "not_an_admin")}


def request_span(tenant: str, tier: str, number: int, end: int, ago: int) -> dict:
    """A request that was answered so many seconds before `end`."""
    failed = tenant == "globex" and FAILING[1] <= ago < FAILING[0] and number % 4 == 0
    refused = TURNED_AWAY.get(number % REQUESTS) if tenant == "globex" else None
    start = (end - ago) * 10**9
    took = (SLOW if tenant == "oceanic" and number % 20 == 0 else 40 + number % 50) * 10**6
    status = 500 if failed else refused[1] if refused else 201
    served = {"faas.trigger": "http", "http.request.method": "POST", "http.response.status_code": status}
    if refused:
        served |= {"enduser.id": refused[0], "problem.code": refused[2]}
    own = {"tenant.id": tenant, "tenant.tier": tier, "cloud.account.id": BOOKING, "aws.xray.annotations": ["tenant.id", "tenant.tier"]}
    return {
        "traceId": uuid.uuid4().hex,
        "spanId": uuid.uuid4().hex[:16],
        "name": "POST /bookings",
        "kind": KINDS["SERVER"],
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + took),
        "attributes": attributes(own | served),
        "status": {"code": 2, "message": "the table did not answer"} if failed else {},
    }


def send(url: str):
    """Tells a control plane of the hour before the last five minutes that have closed."""
    end = int(time.time()) // SLOT * SLOT - SLOT
    spans = [
        request_span(tenant, tier, number, end, 3_600 - number * SLOT // REQUESTS)
        for tenant, tier in TENANTS
        for number in range(REQUESTS * 3_600 // SLOT)
    ]
    resource = {"attributes": attributes({"service.name": "booking-api"})}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
    request = urllib.request.Request(f"{url}/v1/traces", json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer) == {}
