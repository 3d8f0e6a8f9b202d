"""Six tenants as the functions would have told of them: one has been failing for a while, one has been slow for a while, one is dear, the others are well."""

import json
import time
import urllib.request
import uuid

from bookings import BOOKING, KINDS, attributes

# Seconds before the end of the last five minutes that have closed.
FAILING_SINCE, SLOW_SINCE = 900, 600
DEPLOYED = 1_020
HOUR, SLOT, DAY = 3_600, 300, 86_400
# In five minutes.
REQUESTS = 40
TENANTS = ["acme", "borealis", "cirrus", "delos", "fornax", "globex"]
USERS = 7


def end() -> int:
    """The end of the last five minutes that have closed."""
    return int(time.time()) // SLOT * SLOT


def request_span(tenant: str, operation: str, at: int, number: int, took: int, failed: bool = False) -> dict:
    """A request that took so many milliseconds."""
    served = {"faas.trigger": "http", "http.request.method": operation.split()[0], "http.response.status_code": 500 if failed else 200}
    own = {"tenant.id": tenant, "tenant.tier": "standard", "cloud.account.id": BOOKING, "aws.xray.annotations": ["tenant.id", "tenant.tier"]}
    start = at * 10**9
    return {
        "traceId": uuid.uuid4().hex,
        "spanId": uuid.uuid4().hex[:16],
        "name": operation,
        "kind": KINDS["SERVER"],
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + took * 10**6),
        "attributes": attributes(own | served | {"enduser.id": f"{tenant}-user-{number % USERS}"}),
        "status": {"code": 2, "message": "the table did not answer"} if failed else {},
    }


def version_at(at: int, now: int) -> str:
    return "42" if at >= now - DEPLOYED else "41"


def send(url: str) -> int:
    """Tells a control plane of the hour before `end`, of five minutes more in case they close while a test runs, and of requests of thirty days ago; answers with the end."""
    now = end()
    spans = {"41": [], "42": []}
    for tenant in TENANTS:
        for number in range(REQUESTS * (HOUR + SLOT) // SLOT):
            at = now - HOUR + number * SLOT // REQUESTS
            failed = tenant == "cirrus" and at >= now - FAILING_SINCE and number % 5 == 0
            slow = tenant == "borealis" and at >= now - SLOW_SINCE and number % 3 == 0
            operation = "POST /bookings" if number % 2 else "GET /bookings"
            took = 1_900 if slow else 30 + number % 20
            if tenant == "fornax" and operation == "POST /bookings":
                took = 800
            spans[version_at(at, now)].append(request_span(tenant, operation, at, number, took, failed))
    spans["41"] += [request_span(tenant, "GET /bookings", now - 33 * DAY, number, 40) for tenant in TENANTS[:-1] for number in range(50)]
    for version, of_version in spans.items():
        resource = {"attributes": attributes({"service.name": "booking-api", "service.version": version})}
        body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": of_version}]}]}
        request = urllib.request.Request(f"{url}/v1/traces", json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer) == {}
    return now
