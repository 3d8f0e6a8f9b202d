"""Bookings as the functions would send them, over OTLP/HTTP in JSON: three tenants, a slow one, a failed one."""

import json
import time
import urllib.request

BOOKING, MILEAGE = "111111111111", "222222222222"
TENANTS = [("acme", "basic"), ("globex", "standard"), ("oceanic", "premium")]
SLOW_SPAN = "DynamoDB.TransactWriteItems"
SLOW_TRACE = 7
FAILED_TRACE = 4
KINDS = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}


def attributes(values: dict) -> list:
    """OTLP's form of attributes."""

    def value(of):
        if isinstance(of, int):
            return {"intValue": str(of)}
        if isinstance(of, list):
            return {"arrayValue": {"values": [{"stringValue": each} for each in of]}}
        return {"stringValue": of}

    return [{"key": key, "value": value(of)} for key, of in values.items()]


def booking(number: int, ago: int) -> dict:
    """The request with all spans of one booking; the first began so many seconds ago."""
    tenant, tier = TENANTS[number % len(TENANTS)]
    slow, failed = number == SLOW_TRACE, number == FAILED_TRACE
    start = time.time_ns() - ago * 10**9 + number * 10**9
    write = 1900 if slow else 20

    def span(index, parent, name, kind, account, begin, end, more, status=None):
        own = {"tenant.id": tenant, "tenant.tier": tier, "cloud.account.id": account, "booking.number": number_of(number)}
        own["aws.xray.annotations"] = ["tenant.id", "tenant.tier", "booking.number"]
        return {
            "traceId": f"{number + 1:032x}",
            "spanId": f"{number * 16 + index + 1:016x}",
            "parentSpanId": "" if parent is None else f"{number * 16 + parent + 1:016x}",
            "name": name,
            "kind": KINDS[kind],
            "startTimeUnixNano": str(start + begin * 10**6),
            "endTimeUnixNano": str(start + end * 10**6),
            "attributes": attributes(own | more),
            "status": status or {},
        }

    dynamodb = {"rpc.system": "aws-api", "rpc.service": "DynamoDB", "db.system.name": "aws.dynamodb"}
    served = {"faas.trigger": "http", "http.request.method": "POST", "http.response.status_code": 500 if failed else 201}
    error = {"code": 2, "message": "the table did not answer"} if failed else None
    api = [
        span(0, None, "POST /bookings", "SERVER", BOOKING, 0, write + 30, served, error),
        span(1, 0, SLOW_SPAN, "CLIENT", BOOKING, 10, 10 + write, dynamodb | {"aws.dynamodb.table_names": ["reservations"]}),
    ]
    later = write + 60
    publisher = [
        span(2, 0, "process reservations", "CONSUMER", BOOKING, later, later + 20, {"messaging.system": "aws.dynamodb", "messaging.destination.name": "reservations"}),
        span(3, 2, "send booking-confirmed", "PRODUCER", BOOKING, later + 2, later + 15, {"messaging.system": "aws.sns", "messaging.destination.name": "booking-confirmed"}),
    ]
    accrual = [
        span(4, 3, "process accrual", "CONSUMER", MILEAGE, later + 60, later + 90, {"messaging.system": "aws_sqs", "messaging.destination.name": "accrual"}),
        span(5, 4, SLOW_SPAN, "CLIENT", MILEAGE, later + 65, later + 85, dynamodb | {"aws.dynamodb.table_names": ["ledger"]}),
    ]
    groups = [("booking-api", api), ("booking-publisher", publisher), ("mileage-accrual", accrual)]
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes({"service.name": name})}, "scopeSpans": [{"spans": spans}]}
            for name, spans in groups
        ]
    }


def number_of(number: int) -> str:
    """The number of a booking, as its passenger has it."""
    return f"P1KR9N{number:02}"


def trace_id(number: int) -> str:
    """The trace id of a booking."""
    return f"{number + 1:032x}"


def send(url: str, count: int = 12, ago: int = 120):
    """Sends so many bookings to a control plane."""
    for number in range(count):
        post(url, booking(number, ago))


def post(url: str, spans: dict):
    """Sends a request of OTLP, all of which must be taken."""
    request = urllib.request.Request(f"{url}/v1/traces", json.dumps(spans).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer) == {}
