"""Systems of services at random, and the spans that they would send: for maps of any size."""

import json
import random
import time
import urllib.request

from bookings import KINDS, attributes


class System:
    """So many nodes of the map, clients among them, in so many accounts; each edge is used some times, and some fail."""

    def __init__(self, nodes: int, accounts: int, seed: int):
        self.random = random.Random(seed)
        self.accounts = [f"{number}" * 12 for number in range(1, accounts + 1)]
        self.spans: dict[tuple[str, str], list] = {}
        self.moment = time.time_ns() - 10 * 60 * 10**9
        # Services that call others, then what these use.
        count = max(nodes * 45 // 100, 3)
        self.services = [(f"{self.word()}-{number}", self.accounts[number * accounts // count]) for number in range(count)]
        left = nodes - count - 1
        for number, service in enumerate(self.services):
            if number % 6 == 0:
                self.request(service)
            elif number:
                self.call(self.services[self.random.randrange(max(0, number - 8), number)], service)
        while left > 0:
            service = self.random.choice(self.services)
            if left > 1 and self.random.random() < 0.3:
                self.message(service, f"topic-{left}", f"queue-{left}", self.random.choice(self.services))
                left -= 2
            else:
                self.read(service, f"{self.word()}-table-{left}")
                left -= 1
        # Some are used by many, some call back, some themselves.
        hub = self.random.choice(self.services)
        for number in range(nodes):
            one, other = self.random.choice(self.services), self.random.choice(self.services)
            self.call(one, hub if number % 8 == 0 else other if number % 10 == 1 else self.beyond(one))
        self.call(hub, hub)

    def word(self) -> str:
        """Part of a name, short or long."""
        return self.random.choice(["api", "orders", "loyalty-programme", "pricing", "seat-inventory-projection", "notify"])

    def beyond(self, service):
        """A service a little further on."""
        at = self.services.index(service) + self.random.randint(1, 6)
        return self.services[min(at, len(self.services) - 1)]

    def span(self, service, trace, parent, kind, name, more):
        """Adds a span; its id."""
        name_of_service, account = service
        span_id = f"{self.random.getrandbits(63) + 1:016x}"
        failed = self.random.random() < 0.02
        self.spans.setdefault((name_of_service, account), []).append(
            {
                "traceId": trace,
                "spanId": span_id,
                "parentSpanId": parent,
                "name": name,
                "kind": KINDS[kind],
                "startTimeUnixNano": str(self.moment),
                "endTimeUnixNano": str(self.moment + self.random.randint(1, 900) * 10**6),
                "attributes": attributes(more),
                "status": {"code": 2, "message": "it did not answer"} if failed else {},
            }
        )
        return span_id

    def several(self):
        """New traces: few of them, or many."""
        return [f"{self.random.getrandbits(127) + 1:032x}" for _ in range(self.random.choice([1, 3, 20]))]

    def request(self, service):
        """From the clients outside."""
        for trace in self.several():
            self.span(service, trace, "", "SERVER", "GET /", {"http.request.method": "GET", "http.response.status_code": 200})

    def call(self, caller, called):
        """From one service to another."""
        for trace in self.several():
            step = self.span(caller, trace, "", "INTERNAL", "work", {})
            call = self.span(caller, trace, step, "CLIENT", "GET", {"http.request.method": "GET", "server.address": "example"})
            self.span(called, trace, call, "SERVER", "GET /", {"http.request.method": "GET", "http.response.status_code": 200})

    def read(self, service, table):
        """From a service to a table."""
        for trace in self.several():
            step = self.span(service, trace, "", "INTERNAL", "work", {})
            used = {"db.system.name": "aws.dynamodb", "aws.dynamodb.table_names": [table]}
            self.span(service, trace, step, "CLIENT", "DynamoDB.GetItem", used)

    def message(self, sender, topic, queue, receiver):
        """From a service to a topic, to a queue, to a service."""
        for trace in self.several():
            step = self.span(sender, trace, "", "INTERNAL", "work", {})
            to = {"messaging.system": "aws.sns", "messaging.destination.name": topic}
            sent = self.span(sender, trace, step, "PRODUCER", f"send {topic}", to)
            taken = {"messaging.system": "aws_sqs", "messaging.destination.name": queue}
            self.span(receiver, trace, sent, "CONSUMER", f"process {queue}", taken)

    def send(self, url: str):
        """Tells a control plane of it."""
        resources = [
            {
                "resource": {"attributes": attributes({"service.name": name, "cloud.account.id": account})},
                "scopeSpans": [{"spans": spans}],
            }
            for (name, account), spans in self.spans.items()
        ]
        body = json.dumps({"resourceSpans": resources}).encode()
        request = urllib.request.Request(f"{url}/v1/traces", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer) == {}
