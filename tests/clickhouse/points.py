"""Points of metrics as functions send them, and what is right about them: of two five minutes, some of them sent twice, and one that counts since its
sender began."""

from datetime import timedelta

from spans import AT, SERVICES

# Beginnings of the five minutes that they are of.
EARLIER, LATER = AT - timedelta(minutes=15), AT - timedelta(minutes=10)
SECONDS_BOUNDS = [0.01, 0.1, 1.0]
LIMIT = 256 << 20
DELTA, CUMULATIVE = 1, 2


def request():
    """Of one of the two senders' flushes, as OTLP in JSON."""
    booking = [
        _sum("faas.invocations", (EARLIER, 7), (EARLIER + timedelta(minutes=4), 3), (LATER, 5)),
        _sum("faas.errors", (EARLIER, 2)),
        _sum("faas.timeouts", (LATER, 1)),
        _sum("faas.coldstarts", (EARLIER, 1), (EARLIER + timedelta(minutes=4), 1)),
        _histogram("faas.init_duration", (EARLIER, [0.2, 0.08])),
        _histogram("faas.mem_usage", (EARLIER, [64 << 20, 192 << 20]), (LATER, [32 << 20])),
        _histogram("http.server.request.duration", (EARLIER, [0.004, 0.006, 0.03, 0.05, 0.7]), (LATER, [0.02, 0.03, 4.0])),
        _sum("booking.bookings", (EARLIER, 4)),
        # The others know by how much it rose; this says by how much it has risen so far.
        _sum("faas.errors", (LATER, 900), temporality=CUMULATIVE, trigger="timer"),
    ]
    mileage = [
        _sum("faas.invocations", (LATER, 6)),
        _histogram("messaging.process.age", (LATER, [0.5, 420.0])),
        _sum("messaging.client.redelivered.messages", (LATER, 2)),
        _sum("mileage.miles", (LATER, 3440)),
        _histogram("http.server.request.duration", (LATER, [0.02])),
        # Buckets that the line above does not have.
        _histogram("http.server.request.duration", (LATER, [0.02]), bounds=[0.025], trigger="other"),
    ]
    return {"resourceMetrics": [_sender("booking", booking), _sender("mileage", mileage)]}


# By service and beginning, what `functions` answers.
NOTHING = {"failed": 0, "timed_out": 0, "cold_starts": 0, "init_s": None, "memory_bytes": None, "memory_share": None, "age_s": None, "redelivered": 0,
           "bookings": 0, "miles": 0, "p50_ms": None, "p99_ms": None}
EXPECTED = {
    ("booking", EARLIER): NOTHING | {"invocations": 12, "failed": 2, "cold_starts": 2, "init_s": 0.2, "memory_bytes": 192 << 20, "memory_share": 0.75,
                                     # Of five, two lie below 10 ms and two below 100 ms.
                                     "bookings": 4, "p50_ms": 10 + 90 * 0.5 / 2, "p99_ms": 100 + 600 * 0.95},
    ("booking", LATER): NOTHING | {"invocations": 6, "timed_out": 1, "memory_bytes": 32 << 20, "memory_share": 0.125,
                                   # The slowest lies beyond the last bound.
                                   "p50_ms": 20 + 80 * 1.5 / 2, "p99_ms": 4000},
    ("mileage", LATER): NOTHING | {"invocations": 6, "age_s": 420, "redelivered": 2, "miles": 3440},
}


def _sender(service, metrics):
    attributes = {"service.name": service, "cloud.account.id": SERVICES[service], "faas.max_memory": str(LIMIT)}
    return {"resource": {"attributes": _attributes(attributes)}, "scopeMetrics": [{"metrics": metrics}]}


def _sum(name, *values, temporality=DELTA, trigger="http"):
    points = [{**_point(at, trigger), "asDouble": value} for at, value in values]
    return {"name": name, "unit": "1", "sum": {"aggregationTemporality": temporality, "isMonotonic": True, "dataPoints": points}}


def _histogram(name, *values, bounds=SECONDS_BOUNDS, trigger="http"):
    points = []
    for at, measured in values:
        buckets = [0] * (len(bounds) + 1)
        for value in measured:
            buckets[sum(bound < value for bound in bounds)] += 1
        points.append({**_point(at, trigger), "count": str(len(measured)), "sum": sum(measured), "min": min(measured), "max": max(measured),
                       "explicitBounds": bounds, "bucketCounts": [str(count) for count in buckets]})
    return {"name": name, "unit": "1", "histogram": {"aggregationTemporality": DELTA, "dataPoints": points}}


def _point(at, trigger):
    nanoseconds = str(int(at.timestamp()) * 10**9 + 10**9)
    return {"attributes": _attributes({"faas.trigger": trigger}), "startTimeUnixNano": nanoseconds, "timeUnixNano": nanoseconds}


def _attributes(values):
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]
