"""Traces to look at: one booking over two accounts with all that a waterfall shows, one that links to it, one of 50,000 spans, and one whose names are hostile."""

import time

import bookings

BOOKING, MILEAGE = bookings.BOOKING, bookings.MILEAGE
TRACE, LINKING, LARGE, HOSTILE = (f"{number:032x}" for number in (0xA1, 0xA2, 0xA3, 0xA4))
SPANS = 50_000
MS = 10**6
MARKUP = "<img src=x onerror=alert(1)>"
CONTROL = "\x1b[2J\u202egnp.exe"
LONG = "GET /" + "seats/" * 41


def of(trace, number, parent, name, kind, start, begin, end, more=None, **rest):
    """A span of OTLP; times in ms after `start`, ns."""
    return {
        "traceId": trace,
        "spanId": span_id(number),
        "parentSpanId": "" if parent is None else span_id(parent),
        "name": name,
        "kind": bookings.KINDS[kind],
        "startTimeUnixNano": str(start + round(begin * MS)),
        "endTimeUnixNano": str(start + round(end * MS)),
        "attributes": bookings.attributes({"tenant.id": "acme", "tenant.tier": "premium"} | (more or {})),
        **rest,
    }


def span_id(number):
    return f"{number:016x}"


def sent(*groups):
    """A request with the spans of each service in each account."""
    resource = lambda service, account: {"attributes": bookings.attributes({"service.name": service, "cloud.account.id": account, "service.version": "7.1"})}
    return {
        "resourceSpans": [{"resource": resource(service, account), "scopeSpans": [{"spans": spans}]} for service, account, spans in groups]
    }


def booking(start):
    """A booking whose table throttled once: 11 spans of four services, 400 ms; for 40 ms of it a message lay in a queue."""
    span = lambda *about, **rest: of(TRACE, *about[:4], start, *about[4:], **rest)
    throttled = {"status": {"code": 2, "message": "ThrottlingException: the table is at its limit"}}
    thrown = {"exception.type": "ThrottlingException", "exception.message": "the table is at its limit"}
    event = lambda name, at, more: {"name": name, "timeUnixNano": str(start + at * MS), "attributes": bookings.attributes(more)}
    status = {"http.request.method": "POST", "http.response.status_code": 201, "booking.number": "P1KR9N43"}
    annotated = {"aws.xray.annotations": ["tenant.id", "tenant.tier", "booking.number"]}
    api = [
        span(1, None, "POST /bookings", "SERVER", 0, 240, status | annotated),
        span(2, 1, "verify token", "INTERNAL", 5, 12),
        span(3, 1, "DynamoDB.TransactWriteItems", "CLIENT", 15, 90, {"db.collection.name": "reservations"}, events=[event("exception", 88, thrown)], **throttled),
        span(4, 1, "DynamoDB.TransactWriteItems", "CLIENT", 120, 150, {"db.collection.name": "reservations"}, events=[event("retry", 121, {"attempt": 2})]),
        span(5, 1, "GET /miles", "CLIENT", 155, 235),
    ]
    miles = [span(6, 5, "GET /miles", "SERVER", 165, 230), span(7, 6, "geodesic distance", "INTERNAL", 170, 225)]
    publisher = [span(8, 4, "process reservations", "CONSUMER", 260, 300), span(9, 8, "send booking-confirmed", "PRODUCER", 265, 295)]
    link = {"traceId": LINKING, "spanId": span_id(1), "attributes": bookings.attributes({"reason": "the batch that carried it"})}
    accrual = [
        span(10, 9, "process accrual", "CONSUMER", 340, 400, {"messaging.message.id": "m-1"}, links=[link]),
        span(11, 0xFFF, "DynamoDB.UpdateItem", "CLIENT", 350, 380, {"db.collection.name": "ledger"}),
    ]
    return sent(("booking-api", BOOKING, api), ("mileage-api", MILEAGE, miles), ("booking-publisher", BOOKING, publisher), ("mileage-accrual", MILEAGE, accrual))


def linking(start):
    """The batch that carried the booking's message: a trace of its own whose span refers to the booking."""
    back = {"traceId": TRACE, "spanId": span_id(10)}
    return sent(("mileage-accrual", MILEAGE, [of(LINKING, 1, None, "batch of accrual", "INTERNAL", start, 335, 410, links=[back])]))


def large(start):
    """50,000 spans: a thousand orders of 49 steps each, one after the other, in 12 services; every 5,000th span failed."""
    services = [f"service-{number}" for number in range(12)]
    spans = {service: [] for service in services}
    failed = {"status": {"code": 2, "message": "it did not answer"}}
    for number in range(1, SPANS + 1):
        order, step = divmod(number - 1, 50)
        begin, end = order * 10 + step * 0.1, (order + 1) * 10 if step == 0 else order * 10 + step * 0.1 + 0.09
        parent = None if number == 1 else 1 if step == 0 else number - 1 if step % 5 else number - step
        end = 10_000 if number == 1 else end
        rest = failed if number % 5_000 == 0 else {}
        span = of(LARGE, number, parent, f"step {number}", "INTERNAL", start, begin, end, **rest)
        # So many are read in less time without a tenant.
        spans[services[step % 12]].append(span | {"attributes": bookings.attributes({"n": number})})
    # An intake takes 16 MiB at once.
    for service in services:
        for at in range(0, len(spans[service]), 2_500):
            yield sent((service, BOOKING, spans[service][at : at + 2_500]))


def hostile(start):
    """Names with markup, with what commands a terminal, and as long as may be."""
    span = lambda *about, **rest: of(HOSTILE, *about[:4], start, *about[4:], **rest)
    spans = [
        span(1, None, MARKUP, "SERVER", 0, 50, {MARKUP: MARKUP, "control": CONTROL}),
        span(2, 1, CONTROL, "CLIENT", 5, 40, status={"code": 2, "message": f"{MARKUP} {CONTROL}"}, events=[{"name": MARKUP, "timeUnixNano": str(start + 7 * MS)}]),
        span(3, 1, LONG, "CLIENT", 10, 45, {"long": "x" * 5_000}),
        span(4, 3, "", "INTERNAL", 12, 12),
    ]
    return sent((MARKUP, CONTROL, spans[:2]), ("s" * 200, BOOKING, spans[2:]))


def send(url, *traces):
    """Sends traces that began two minutes ago."""
    start = time.time_ns() - 120 * 10**9
    for trace in traces:
        made = trace(start)
        for request in [made] if isinstance(made, dict) else made:
            bookings.post(url, request)
