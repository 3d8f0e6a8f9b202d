"""Every page of the control plane by a name, as somebody comes to it: with figures, without, and where something went wrong."""

import json
import urllib.parse
import urllib.request

import story

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
SCHEMES = ["light", "dark"]
# Pages of a server that nobody has sent spans to.
EMPTY = {"map-empty": "/", "tenants-empty": "/tenants", "traces-empty": "/traces", "cost-empty": "/cost", "groups-empty": "/groups?by=span.name"}
WRONG = {
    "wrong-filter": "/traces?filter=fault+%26",
    "no-such-trace": "/traces/0123456789abcdef0123456789abcdef",
    "no-such-tenant": "/tenant?id=nobody",
    "no-such-page": "/nowhere",
}
# What `pages` knows, so that a test can be named for each.
NAMES = ["map", "map-of-a-tenant", "tenants", "tenant", "traces", "traces-failed", "trace", "trace-failed", "groups", "groups-to-begin-with", "why", "cost", "audit", "found-nothing"]
WITH_FIGURES = ["map", "map-of-a-tenant", "tenants", "tenant", "traces", "traces-failed", "trace", "trace-failed", "groups", "why", "cost"]


def pages(url: str) -> dict[str, str]:
    """Those that show figures, of a server that was told the story."""
    largest = lambda filter: first(url, {"window": "6h", "filter": filter, "order": "spans", "limit": 1})
    return {
        "map": "/?window=6h",
        "map-of-a-tenant": f"/?window=6h&tenant={story.FAILING}",
        "tenants": "/tenants",
        "tenant": f"/tenant?id={story.FAILING}&window=6h",
        "traces": "/traces?window=6h",
        "traces-failed": "/traces?window=6h&status=fault&order=slowest",
        "trace": f"/traces/{largest('!fault')}",
        "trace-failed": f"/traces/{largest('fault')}",
        "groups": "/groups?by=span.name&window=6h",
        "groups-to-begin-with": "/groups",
        "why": f"/why?tenant={story.FAILING}&window=6h",
        "cost": "/cost",
        "audit": "/audit",
        "found-nothing": "/find?q=Zenith+Air",
    }


def first(url: str, query: dict) -> str:
    """The id of the first trace that a search finds."""
    with urllib.request.urlopen(f"{url}/api/traces?{urllib.parse.urlencode(query)}", timeout=20) as answer:
        return json.load(answer)["traces"][0]["trace_id"]
