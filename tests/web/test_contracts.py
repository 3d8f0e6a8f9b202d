"""docs/ says what the APIs of both accounts answer and what is published: every operation, every field."""

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = {name: yaml.safe_load((DOCS / f"{name}.yaml").read_text()) for name in ("booking.openapi", "mileage.openapi", "events.asyncapi")}
BASE = "https://docs.invalid"
REGISTRY = Registry().with_resources(
    (f"{BASE}/{name}.yaml", Resource(document, DRAFT202012)) for name, document in DOCUMENTS.items()
)
CANCELLATION = "/bookings/{number}/cancellation"
FLIGHT = {
    "from_airport": "LHR", "to_airport": "JFK", "passenger_name": "Ada Lovelace",
    "departure_date": str(date.today() + timedelta(days=30)),
}


def valid(name: str, schema: dict, value):
    """Holds a value against a part of a document."""
    schema = schema | {"$id": f"{BASE}/{name}.yaml", "components": DOCUMENTS[name]["components"]}
    Draft202012Validator(schema, registry=REGISTRY, format_checker=FormatChecker()).validate(value)


class Api:
    """One of the two, and what was asked of it."""

    def __init__(self, name: str, url: str, token: str):
        self.name, self.url, self.token = name, url, token
        self.asked = set()

    def ask(self, method: str, path: str, *, of: str = "", body=None, token=None, headers=()):
        """Asks, and holds the answer against the document; status and body. `of` is the path as documented."""
        of = of or path.split("?")[0]
        self.asked.add((of, method.lower()))
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"} | dict(headers)
        try:
            answer = urllib.request.urlopen(urllib.request.Request(self.url + path, data, sent, method=method), timeout=20)
        except urllib.error.HTTPError as refusal:
            answer = refusal
        with answer:
            status, content_type, text = answer.status, answer.headers.get_content_type(), answer.read()
            assert answer.headers["traceparent"] or status in (401, 403, 404), f"{method} {path}: no traceparent"
        document = DOCUMENTS[self.name]
        response = document["paths"][of][method.lower()]["responses"].get(str(status))
        assert response, f"{method} {path}: {status} is not documented: {text.decode()}"
        if reference := response.get("$ref"):
            response = document["components"]["responses"][reference.rsplit("/", 1)[1]]
        found = json.loads(text)
        valid(self.name, response["content"][content_type]["schema"], found)
        return status, found


def until(mileage, number, status):
    """The posting of a booking once it is this."""
    end = time.monotonic() + 60
    while (posting := mileage.ask("GET", f"/mileage/{number}", of="/mileage/{number}")[1])["status"] != status:
        assert time.monotonic() < end, f"not {status}"
        time.sleep(0.2)
    return posting


@pytest.fixture(scope="module")
def apis(cloud):
    token = cloud.sign_in(cloud.user("acme"))
    outputs = cloud.outputs
    return Api("booking.openapi", outputs["booking_url"], token), Api("mileage.openapi", outputs["mileage_url"], token)


def test_answers_are_as_documented(apis, cloud):
    """Of both APIs: status, content type and body."""
    booking, mileage = apis
    key = [("Idempotency-Key", "one-of-a-test")]
    statuses = [
        booking.ask("POST", "/bookings", body=FLIGHT, headers=key),
        booking.ask("POST", "/bookings", body=FLIGHT, headers=key),
        booking.ask("POST", "/bookings", body=FLIGHT | {"to_airport": "CDG"}, headers=key),
        booking.ask("POST", "/bookings", body=b"{"),
        booking.ask("POST", "/bookings", body=FLIGHT, token="no.token.atall"),
    ]
    assert [status for status, _ in statuses] == [201, 200, 422, 400, 401]
    number = statuses[0][1]["booking_number"]
    assert statuses[0][1]["status"] == "confirmed"
    booking.ask("POST", "/bookings", body=FLIGHT)
    assert "next_cursor" in booking.ask("GET", "/bookings?limit=1")[1]
    assert booking.ask("GET", "/bookings?limit=0")[0] == 400
    assert booking.ask("GET", f"/bookings/{number}", of="/bookings/{number}")[0] == 200
    assert booking.ask("GET", "/bookings/ZZZZZZZZ", of="/bookings/{number}")[0] == 404
    today = FLIGHT | {"departure_date": str(datetime.now(UTC).date())}
    leaving = booking.ask("POST", "/bookings", body=today)[1]["booking_number"]
    assert booking.ask("POST", f"/bookings/{leaving}/cancellation", of=CANCELLATION)[0] == 409
    assert booking.ask("POST", "/bookings/ZZZZZZZZ/cancellation", of=CANCELLATION)[0] == 404
    assert booking.ask("GET", "/quotes?from=LHR&to=JFK")[0] == 200
    assert booking.ask("GET", "/quotes?from=LHR&to=LHR")[0] == 422
    assert booking.ask("GET", "/quotes?from=LHR")[0] == 400

    company = {"company_name": "Contract Air", "email": "ada@contract.example"}
    assert booking.ask("POST", "/registrations", body=company)[0] == 202
    assert booking.ask("POST", "/registrations", body=company | {"tier": "premium"})[0] == 422
    assert booking.ask("POST", "/invitations", body={"email": "grace@contract.example"})[0] == 202
    assert booking.ask("POST", "/invitations", body={"email": "grace"})[0] == 422
    # Three mails a day to one address, and no more.
    again = [booking.ask("POST", "/invitations", body={"email": "edsger@contract.example"})[0] for _ in range(4)]
    assert again == [202, 202, 202, 429]

    assert mileage.ask("GET", "/mileage/0123ABCD", of="/mileage/{number}")[1]["status"] == "pending"
    until(mileage, number, "posted")
    cancelled = [booking.ask("POST", f"/bookings/{number}/cancellation", of=CANCELLATION) for _ in range(2)]
    assert [status for status, _ in cancelled] == [200, 200] and cancelled[0] == cancelled[1]
    again = booking.ask("POST", "/bookings", body=FLIGHT, headers=key)
    assert again == (200, cancelled[0][1]), "a booking that was cancelled since is not told of as if it stood"
    assert booking.ask("GET", f"/bookings/{number}", of="/bookings/{number}") == again
    assert until(mileage, number, "cancelled")["miles"] == 0
    assert mileage.ask("GET", "/mileage/-", of="/mileage/{number}")[0] == 404
    assert mileage.ask("GET", "/mileage")[1]["history"]
    assert mileage.ask("GET", "/mileage?limit=x")[0] == 400
    assert mileage.ask("GET", "/miles?from=LHR&to=JFK")[0] == 403
    for api in apis:
        documented = {(path, method) for path, item in DOCUMENTS[api.name]["paths"].items() for method in item}
        assert api.asked == documented, "every operation is asked for"


def test_messages_are_as_documented(apis, cloud):
    """A queue of account A's own gets what account B's gets."""
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    queue = cloud.call("sqs", "CreateQueue", QueueName="contract", Attributes={"Policy": policy})["QueueUrl"]
    arn = f"arn:aws:sqs:{cloud.outputs['region']}:{cloud.outputs['booking_account']}:contract"
    cloud.subscribe(cloud.outputs["topic_arn"], arn)
    number = apis[0].ask("POST", "/bookings", body=FLIGHT)[1]["booking_number"]
    apis[0].ask("POST", f"/bookings/{number}/cancellation", of=CANCELLATION)
    messages, schemas = (DOCUMENTS["events.asyncapi"]["components"][name] for name in ("messages", "schemas"))
    expected = {message["name"]: message for message in messages.values()}
    end = time.monotonic() + 60
    while expected and time.monotonic() < end:
        for received in cloud.call("sqs", "ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []):
            envelope = json.loads(received["Body"])
            payload = json.loads(envelope["Message"])
            attributes = {name: attribute["Value"] for name, attribute in envelope["MessageAttributes"].items()}
            assert {attribute["Type"] for attribute in envelope["MessageAttributes"].values()} == {"String"}
            assert {"traceparent", "baggage"} <= attributes.keys(), "what account A always sends"
            assert attributes.keys() <= schemas["Attributes"]["properties"].keys()
            said = schemas["Booking"]["properties"].keys()
            if attributes["event_type"] == "booking.cancelled":
                said |= schemas["Cancellation"]["properties"].keys()
            assert payload.keys() == said
            if payload["booking_number"] == number and (message := expected.pop(attributes["event_type"], None)):
                valid("events.asyncapi", message["headers"], attributes)
                valid("events.asyncapi", message["payload"], payload)
    assert not expected, f"{sorted(expected)} did not come"
