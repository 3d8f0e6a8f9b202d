"""Spans as the collector's ClickHouse exporter writes them, the same on every run but for when they were, and what is right about them by
counting."""

import math
import random
from collections import namedtuple
from datetime import UTC, datetime, timedelta

Span = namedtuple("Span", "start_ns service operation kind tenant tier account duration_ns failed weight estimated row")

# The end of the last five minutes: what the control plane judges first. Some spans are of the ten minutes after it.
AT = datetime.fromtimestamp(datetime.now(UTC).timestamp() // 300 * 300, UTC)
# All that is counted lies between these.
MONTH, END = (AT - timedelta(days=30)).replace(minute=0), AT + timedelta(hours=2)
TENANTS = {
    "acme": "basic", "umbrella": "basic", "globex": "standard", "initech": "standard", "oceanic": "premium", "hooli": "premium",
    "": "",
}
SERVICES = {"booking": "111111111111", "mileage": "222222222222"}
# Sums of these are exact in floating point, in whatever order.
WEIGHTS = [None, None, None, "1", "2", "2.5", "10", "64", "0.5", "no number", "72057594037927936"]
MAX_WEIGHT = 10_000
SECONDS = 10**9
SEED = 20260921


def counted(text):
    """The adjusted count that an attribute stands for."""
    try:
        count = float(text)
    except (TypeError, ValueError):
        return 1.0
    return min(count, MAX_WEIGHT) if count >= 1 else 1.0


def is_capped(text):
    return text is not None and text.isdigit() and int(text) > MAX_WEIGHT


def generate(count=40_000):
    """Requests of 40 days, most of them of the last six hours, among spans that are none."""
    source = random.Random(SEED)
    spans = []
    for index in range(count):
        back = source.choice([source.uniform(0, 300), source.uniform(0, 3_600), source.uniform(0, 21_600),
                              source.uniform(-600, 40 * 86_400)])
        spans.append(_span(source, index, (AT - timedelta(seconds=back))))
    # At the edges of windows and bins, where a mistake would hide.
    for days, seconds in [(0, 0), (0, 300), (0, 3_600), (30, 0), (30, 600), (30, 599), (30, 601)]:
        spans.append(_span(source, len(spans), AT - timedelta(days=days, seconds=seconds), tenant="acme"))
    for bin_of in range(0, 316, 3):
        edge = math.ceil(2 ** (bin_of / 8))
        for duration in (edge - 1, edge, edge + 1):
            spans.append(_span(source, len(spans), AT - timedelta(seconds=100), tenant="hooli", duration=max(duration, 0)))
    return spans


def _span(source, index, start, tenant=None, duration=None):
    tenant = tenant if tenant is not None else source.choice(list(TENANTS))
    service = source.choice(list(SERVICES))
    if duration is None:
        # The logarithm is normal, as latencies are; one tenant is slow.
        duration = int(math.exp(source.gauss(17.5 + (1.2 if tenant == "initech" else 0), 0.8)))
    kind = source.choices(["Server", "Consumer", "Client", "Internal", "SPAN_KIND_SERVER"], [6, 3, 2, 1, 1])[0]
    trigger = source.choices(["http", "", "pubsub"], [6, 2, 1])[0] if kind not in ("Consumer",) else ""
    http = source.choices(["200", "404", "503", ""], [20, 2, 1, 4])[0] if kind != "Consumer" else ""
    status = source.choices(["Unset", "Ok", "Error", "STATUS_CODE_ERROR"], [24, 4, 1, 1])[0]
    weight, estimated = source.choice(WEIGHTS), source.random() < 0.1
    attributes = {"http.route": "/bookings"}
    for name, value in [("tenant.id", tenant), ("tenant.tier", TENANTS[tenant]), ("faas.trigger", trigger),
                        ("sampling.adjusted_count", weight)]:
        if value:
            attributes[name] = value
    if http:
        attributes[source.choice(["http.response.status_code", "http.status_code"])] = http
    if estimated:
        attributes["sampling.estimated"] = "true"
    # Functions name account and tenant on the span, what a collector describes on the resource.
    resource = {"service.name": service}
    (attributes if source.random() < 0.5 else resource)["cloud.account.id"] = SERVICES[service]
    if tenant and source.random() < 0.2:
        resource |= {name: attributes.pop(name) for name in ("tenant.id", "tenant.tier")}
    elif tenant and source.random() < 0.1:
        # A sender of another tenant's: the span's own counts.
        resource |= {"tenant.id": "somebody-else", "tenant.tier": "premium"}
    # A clock that is set back in between: the exporter writes the difference without a sign.
    exported = duration
    if duration % 50 == 0:
        duration, exported = 0, 2**64 - 191_306

    start_ns = int(start.timestamp()) * SECONDS + start.microsecond * 1_000 + index % 1_000
    operation = source.choice(["GET /bookings", "POST /bookings", "process mileage"])
    row = {
        "Timestamp": f"{datetime.fromtimestamp(start_ns // SECONDS, UTC):%Y-%m-%d %H:%M:%S}.{start_ns % SECONDS:09d}",
        "TraceId": f"{index + 1:032x}", "SpanId": f"{index + 1:016x}", "SpanName": operation, "SpanKind": kind,
        "ServiceName": service, "ResourceAttributes": resource, "SpanAttributes": attributes, "Duration": exported,
        "StatusCode": status,
    }
    is_request = kind == "Consumer" or ("erver" in kind.lower() and trigger != "pubsub")
    refused = http == "404"
    failed = http == "503" or ("rror" in status.lower() and not refused)
    return Span(start_ns, service, operation, ("consumer" if kind == "Consumer" else "server") if is_request else None,
                tenant, TENANTS[tenant], SERVICES[service], duration, failed, counted(weight), estimated or is_capped(weight), row)


def requests(spans, start, end, **of):
    """Requests that began from one time up to another, in whole five minutes; of a tenant, a tier."""
    first, last = int(start.timestamp()) * SECONDS, int(end.timestamp()) * SECONDS
    return [span for span in spans
            if span.kind and first <= span.start_ns < last and all(getattr(span, name) == value for name, value in of.items())]


def latency_bin(duration_ns):
    """floor(log2(nanoseconds) * 8) in whole numbers: the greatest b with 2^b <= nanoseconds^8."""
    return (max(duration_ns, 1) ** 8).bit_length() - 1
