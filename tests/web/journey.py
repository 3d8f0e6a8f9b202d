"""The trace that every sender sends: a server span with two children."""

import time

TENANT = {"tenant.id": "acme", "tenant.tier": "premium"}


def journey() -> dict:
    """Names, attributes and times of the spans, for the senders to send and the tests to expect.

    Times are nanoseconds after `start_s`. A double is never a whole number: JavaScript would send that as an integer.
    """
    return {
        "start_s": int(time.time()) - 1,
        "resource": {"service.name": "seat-map", "cloud.account.id": "333333333333"},
        "spans": [
            {
                "name": "GET /seats/{flight}",
                "parent": None,
                "kind": "SERVER",
                "start_ns": 0,
                "end_ns": 90_000_001,
                "attributes": TENANT
                | {
                    "text": 'Zürich → 成田 <b>"7A"</b>',
                    "int": -7,
                    "large int": 2**53 - 1,
                    "double": 0.25,
                    "bool": True,
                    "texts": ["7A", "7B"],
                    "ints": [1, 2, 3],
                    "doubles": [0.5, -1.75],
                    "bools": [True, False],
                },
                "links": [],
                "events": [],
                "exception": None,
                "error": None,
            },
            {
                "name": "DynamoDB.Query seats",
                "parent": "GET /seats/{flight}",
                "kind": "CLIENT",
                "start_ns": 10_000_003,
                "end_ns": 30_000_007,
                "attributes": TENANT | {"db.system.name": "aws.dynamodb"},
                "links": [{"trace_id": "6b01320a74bfa4d781a5bfec167eec6c", "span_id": "00f067aa0ba902b7"}],
                "events": [{"name": "page read", "time_ns": 20_000_009, "attributes": {"items": 180, "last": False}}],
                "exception": None,
                "error": None,
            },
            {
                "name": "price <seats> & upgrades",
                "parent": "GET /seats/{flight}",
                "kind": "INTERNAL",
                "start_ns": 40_000_011,
                "end_ns": 80_000_013,
                "attributes": TENANT | {"error.type": "TimeoutError"},
                "links": [],
                "events": [],
                "exception": {"type": "TimeoutError", "message": "no fare within 30 ms", "time_ns": 70_000_017},
                "error": "fares did not answer",
            },
        ],
    }
