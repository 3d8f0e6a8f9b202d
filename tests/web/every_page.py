"""Pages of the control plane by a name, as somebody comes to them: with figures, without, before signing in, and where something went wrong."""

import json
import time
import urllib.parse
import urllib.request

import crowd
import measured
import story
import waterfalls

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
SCHEMES = ["light", "dark"]
ACCOUNT = "444444444444"
MEASURED, UNMEASURED = "simulated-booking-api", "simulated-exports"
# Pages of a server that nobody has sent spans to.
EMPTY = {"map-empty": "/", "tenants-empty": "/tenants", "traces-empty": "/traces", "cost-empty": "/cost", "groups-empty": "/groups?by=span.name", "turned-away-empty": "/turned-away", "investigations-empty": "/investigations"}
WRONG = {
    "wrong-filter": "/traces?filter=fault+%26",
    "no-such-trace": "/traces/0123456789abcdef0123456789abcdef",
    "no-such-tenant": "/tenant?id=nobody",
    "no-such-page": "/nowhere",
}
# Of a server that asks who somebody is, and whose providers do not answer.
SIGNED_OUT = {"sign-in": "/sign-in", "sign-in-of-another-browser": "/sign-in/callback?code=x&state=y", "provider-away": "/sign-in/staff"}
ACCESS = """
[access]
url = "http://127.0.0.1:1"
[access.staff]
provider = { issuer = "http://127.0.0.1:1/staff", client_id = "control-plane" }
role_claim = "groups"
operators = ["sre"]
[access.tenants]
provider = { issuer = "http://127.0.0.1:1/tenants", client_id = "control-plane" }
"""
# Of a server that knows more than fits.
CROWDED = {
    "map-crowded": "/",
    "tenants-crowded": "/tenants",
    "tenant-of-a-long-name": f"/tenant?id={crowd.LONG}",
    "tenant-of-a-name-elsewhere": f"/tenant?{urllib.parse.urlencode({'id': crowd.ELSEWHERE})}",
    "traces-crowded": "/traces?order=spans",
    "trace-crowded": f"/traces/{waterfalls.LARGE}",
    "trace-hostile": f"/traces/{waterfalls.HOSTILE}?span={waterfalls.span_id(2)}",
    "groups-crowded": "/groups?by=tenant.id",
}
# What `pages` knows, so that a test can be named for each.
WITH_FIGURES = [
    "map", "map-of-a-tenant", "map-with-a-node", "map-with-an-edge", "tenants", "tenant", "traces", "traces-failed",
    "trace", "trace-failed", "trace-with-a-span", "trace-metrics", "service", "groups", "turned-away", "why", "why-since", "cost",
]  # fmt: skip
NAMES = [*WITH_FIGURES, "service-to-begin-with", "service-without-metrics", "groups-to-begin-with", "audit", "investigations", "investigation", "found-nothing"]


def measure(url: str, trace: dict):
    """Has the services of a trace measure themselves around it, the slowest of their requests in the trace, and write a line in each of its spans."""
    begun = trace["spans"][0]["start_unix_ns"]
    until = min(begun + 10 * measured.MINUTE, time.time_ns())
    for service, account in {(span["service"], span["account"]) for span in trace["spans"]}:
        exemplar = trace["trace_id"], trace["spans"][0]["span_id"], 1.9
        measured.send(url, service, account, until, exemplar=exemplar, messages=True)
    lines = [(trace["trace_id"], span["span_id"], span["start_unix_ns"], 17 if span["error"] else 9, span["name"], {"of": "a test"}) for span in trace["spans"]]
    measured.log(url, MEASURED, ACCOUNT, lines)


def pages(url: str) -> dict[str, str]:
    """Those that show figures, of a server that was told the story."""
    largest = lambda filter: first(url, {"window": "6h", "filter": filter, "order": "spans", "limit": 1})
    failed = largest("fault")
    node = f"service/{ACCOUNT}/simulated-booking-api"
    ends = urllib.parse.urlencode({"caller": node, "called": f"DynamoDB/{ACCOUNT}/{story.TABLE}"})
    around = answer(url, f"/api/traces/{failed}")
    measure(url, around)
    since = answer(url, "/api/slo")["hurting"]["worst"][0]["since"]
    return {
        "map": "/?window=6h",
        "map-of-a-tenant": f"/?window=6h&tenant={story.FAILING}",
        "map-with-a-node": f"/?window=6h&{urllib.parse.urlencode({'node': node})}",
        "map-with-an-edge": f"/?window=6h&{ends}",
        "tenants": "/tenants",
        "tenant": f"/tenant?id={story.FAILING}&window=6h",
        "traces": "/traces?window=6h",
        "traces-failed": "/traces?window=6h&status=fault&order=slowest",
        "trace": f"/traces/{largest('!fault')}",
        "trace-failed": f"/traces/{failed}",
        "trace-with-a-span": f"/traces/{failed}?span={around['spans'][0]['span_id']}",
        "trace-metrics": f"/traces/{failed}/metrics",
        "service": f"/service?service={MEASURED}&window=6h",
        "service-to-begin-with": "/service",
        "service-without-metrics": f"/service?service={UNMEASURED}&window=1h",
        "groups": "/groups?by=span.name&window=6h",
        "groups-to-begin-with": "/groups",
        "turned-away": "/turned-away?window=6h",
        "why": f"/why?tenant={story.FAILING}&window=6h",
        "why-since": f"/why?tenant={story.FAILING}&window=6h&against=before&moment={since}",
        "cost": "/cost",
        "audit": "/audit",
        "investigations": "/investigations",
        "investigation": f"/investigations/{investigate(url)}",
        "found-nothing": "/find?q=Zenith+Air",
    }


def investigate(url: str) -> str:
    """Saves who was turned away, with a note, and says under which id."""
    post = lambda path, **form: urllib.request.Request(url + path, urllib.parse.urlencode(form).encode(), {"origin": url})
    with urllib.request.urlopen(post("/investigations", title="Who is guessing booking numbers?", page="/turned-away?window=6h&reason=no_such_booking"), timeout=60) as opened:
        id = json.load(opened)["id"]
    urllib.request.urlopen(post(f"/investigations/{id}/notes", text="One user, many numbers.\n\nAsked the company: " + "a" * 300), timeout=60).close()
    return id


def answer(url: str, path: str):
    """What the API answers."""
    with urllib.request.urlopen(url + path, timeout=60) as answer:
        return json.load(answer)


def first(url: str, query: dict) -> str:
    """The id of the first trace that a search finds."""
    return answer(url, f"/api/traces?{urllib.parse.urlencode(query)}")["traces"][0]["trace_id"]
