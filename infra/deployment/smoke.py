"""The stage as a user meets it, after a deployment: signs in, asks, books, gets miles, is suspended and let in again.

A failure names the step, the answer and the trace id, and fails the deployment.
"""

import datetime
import json
import secrets
import sys
import time
import urllib.error
import urllib.request

from . import people, srp
from .progress import clock, pause, say

TENANT, USER = "smoke", "smoke@example.com"
WITHIN_SECONDS = 120
ELSEWHERE = "https://elsewhere.example"


class Failed(Exception):
    """A step that did not go as a user expects."""


class Answer:
    """What came back: status, body, and the trace it belongs to."""

    def __init__(self, asked, status, headers, text):
        self.asked, self.status, self.headers, self.text = asked, status, headers, text
        self.trace_id = (headers.get("traceparent") or "--").split("-")[1]

    def json(self):
        return json.loads(self.text or "null")

    def expect(self, *statuses):
        if self.status not in statuses:
            wanted, trace = " or ".join(map(str, statuses)), self.trace_id or "unknown"
            raise Failed(f"{self.asked} answered {self.status}, not {wanted}: {self.text[:500]} (trace {trace})")
        return self


def ask(method, url, token=None, body=None, headers=None):
    headers = {"accept": "application/json", **({"authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
    data = json.dumps(body).encode() if body is not None else None
    if data:
        headers["content-type"] = "application/json"
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    asked = f"{method} {url}"
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Answer(asked, response.status, response.headers, response.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(asked, error.code, error.headers, error.read().decode(errors="replace"))
    except OSError as error:
        raise Failed(f"{asked} got no answer: {error}") from None


class Journey:
    """One run of it."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.booking, self.mileage, self.portal = (cloud.outputs(name) for name in ("booking", "mileage", "portal"))
        if not (self.booking and self.mileage):
            sys.exit(f"{cloud.stage} is not deployed: `make deploy STAGE={cloud.stage}`")
        self.trace_id = ""
        # What is in use, whether or not samconfig.toml names it.
        self.cache_seconds = int(cloud.parameters("booking").get("TenantsCacheSeconds", 30))

    def signs_in(self):
        password = f"{secrets.token_urlsafe(24)}aA1"
        people.add_tenant(self.cloud.client("booking", "dynamodb"), self.booking["TenantsTable"], TENANT, "Smoke test")
        self.sets("active")
        cognito = self.cloud.client("booking", "cognito-idp")
        people.add_user(cognito, self.booking["UserPoolId"], USER, password, TENANT)
        self.token = srp.sign_in(cognito, self.booking["UserPoolId"], self.booking["UserPoolClientId"], USER, password)

    def asks_for_a_quote(self):
        answer = self.until(lambda: ask("GET", f"{self.booking['ApiUrl']}/quotes?from=LHR&to=JFK", self.token), lambda answer: answer.status == 200, 60)
        self.trace_id = answer.trace_id
        if not answer.json().get("miles"):
            raise Failed(f"{answer.asked} has no miles: {answer.text[:500]} (trace {answer.trace_id})")

    def books(self):
        departure = (datetime.date.today() + datetime.timedelta(days=30)).isoformat()
        flight = {"from_airport": "LHR", "to_airport": "JFK", "departure_date": departure, "passenger_name": "Smoke Test"}
        key = {"idempotency-key": secrets.token_hex(16)}
        answer = ask("POST", f"{self.booking['ApiUrl']}/bookings", self.token, flight, key).expect(200, 201)
        self.number, self.trace_id = answer.json()["booking_number"], answer.trace_id
        if len(self.trace_id) != 32:
            raise Failed(f"{answer.asked} has no traceparent: {dict(answer.headers)}")

    def gets_miles(self):
        url = f"{self.mileage['ApiUrl']}/mileage/{self.number}"
        self.until(lambda: ask("GET", url, self.token), lambda answer: answer.status == 200 and answer.json().get("status") != "pending", WITHIN_SECONDS)

    def is_one_trace(self):
        for name, group in (("booking", f"/aws/lambda/booking-api-{self.cloud.stage}"), ("mileage", f"/aws/lambda/mileage-accrual-{self.cloud.stage}")):
            client = self.cloud.client(name, "logs")
            until = time.monotonic() + WITHIN_SECONDS
            since = int((time.time() - 600) * 1000)
            while not any(page["events"] for page in client.get_paginator("filter_log_events").paginate(
                logGroupName=group, filterPattern=f'"{self.trace_id}"', startTime=since
            )):  # fmt: skip
                if time.monotonic() > until:
                    raise Failed(f"{group} has no line of trace {self.trace_id}, which the booking began")
                pause()

    def is_suspended_and_let_in_again(self):
        url = f"{self.booking['ApiUrl']}/bookings"
        try:
            self.sets("suspended")
            self.until(lambda: ask("GET", url, self.token), lambda answer: answer.status == 403, 2 * self.cache_seconds + 5)
        finally:
            self.sets("active")
        self.until(lambda: ask("GET", url, self.token), lambda answer: answer.status == 200, 2 * self.cache_seconds + 5)

    def lets_in_the_portal_alone(self):
        if not self.portal:
            return "no portal"
        origin = self.portal["PortalUrl"]
        for name, url in (("booking", f"{self.booking['ApiUrl']}/bookings"), ("mileage", f"{self.mileage['ApiUrl']}/mileage")):
            preflight = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
            answer = ask("OPTIONS", url, headers={**preflight, "origin": origin}).expect(200, 204)
            if answer.headers.get("access-control-allow-origin") != origin:
                allowed = answer.headers.get("access-control-allow-origin")
                raise Failed(f"{answer.asked} from the portal's origin {origin} allows {allowed}: see {name}'s AllowedOrigin")
            answer = ask("OPTIONS", url, headers={**preflight, "origin": ELSEWHERE})
            if answer.headers.get("access-control-allow-origin") in (ELSEWHERE, "*"):
                raise Failed(f"{answer.asked} lets in the origin {ELSEWHERE}")
        return None

    # --- What the steps share ---------------------------------------------------------------------------------------
    def sets(self, status):
        self.cloud.client("booking", "dynamodb").update_item(
            TableName=self.booking["TenantsTable"], Key={"tenant_id": {"S": TENANT}}, UpdateExpression="SET #status = :status",
            ExpressionAttributeNames={"#status": "status"}, ExpressionAttributeValues={":status": {"S": status}},
        )  # fmt: skip

    def until(self, look, enough, seconds):
        """Looks until it is enough. What comes at first may be a function that starts, or a registry that is remembered."""
        end = time.monotonic() + seconds
        while not enough(answer := look()):
            if time.monotonic() > end:
                raise Failed(f"{answer.asked} answered {answer.status} for {seconds} s: {answer.text[:500]} (trace {answer.trace_id or self.trace_id})")
            pause()
        return answer


STEPS = [
    ("signs in by SRP", Journey.signs_in),
    ("asks for a quote, which account B answers", Journey.asks_for_a_quote),
    ("books", Journey.books),
    ("gets miles in account B", Journey.gets_miles),
    ("has one trace id in both accounts", Journey.is_one_trace),
    ("is suspended, then let in again", Journey.is_suspended_and_let_in_again),
    ("is let in from the portal's origin alone", Journey.lets_in_the_portal_alone),
]


def smoke(cloud):
    """All steps; exits with the first that fails."""
    say(f"smoke test of {cloud.stage}: a user of tenant {TENANT}")
    began, journey = time.monotonic(), Journey(cloud)
    for what, step in STEPS:
        started = time.monotonic()
        try:
            skipped = step(journey)
        except Exception as error:  # noqa: BLE001  whatever it is, it is this step's answer
            said = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
            trace = f" (trace {journey.trace_id})" if journey.trace_id and "trace" not in said else ""
            sys.exit(f"  {what}: FAILED\n{said}{trace}\nThe stacks are deployed; `make smoke STAGE={cloud.stage}` tries again.")
        say(f"  {what}: {f'skipped, {skipped}' if skipped else clock(time.monotonic() - started)}")
    say(f"smoke test passed after {clock(time.monotonic() - began)}; trace {journey.trace_id}")
