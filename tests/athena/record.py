"""Records what the functions log and what API Gateway answers on the local cloud, into recorded.json: `.local/venv/bin/python tests/athena/record.py`.

Three tenants ask for quotes, book and look at their miles. One of them also guesses booking numbers; one is suspended before it comes; two callers
have no token that is good. The functions get a key, so that their lines name tenants by alias.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "web"))

from local_cloud import LocalCloud  # noqa: E402

# As long as the stage that the templates give the local cloud.
STAGE = "local"
FUNCTIONS = {"booking": ("booking-api", "booking-publisher"), "mileage": ("mileage-api", "mileage-accrual")}
FLIGHT = {"from_airport": "LHR", "to_airport": "JFK", "departure_date": "2027-05-01", "passenger_name": "Ada Lovelace"}
GUESSES = 5
LISTS = 3
WAIT_SECONDS = 30


class Recorder:
    """A local cloud, and every request that was made of it."""

    def __init__(self):
        self.cloud = LocalCloud()
        self.accounts = {name: self.cloud.outputs[f"{name}_account"] for name in FUNCTIONS}
        self.requests = []

    def client(self, account, service):
        outputs = self.cloud.outputs
        return boto3.client(
            service, endpoint_url=outputs["aws_endpoint_url"], region_name=outputs["region"],
            aws_access_key_id=self.accounts[account], aws_secret_access_key="local",
        )  # fmt: skip

    def give_a_key(self):
        """To every function, and to the version that its alias is at."""
        for account, functions in FUNCTIONS.items():
            client = self.client(account, "lambda")
            for function in functions:
                name = f"{function}-{STAGE}"
                variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
                client.update_function_configuration(FunctionName=name, Environment={"Variables": {**variables, "TENANT_ID_HMAC_KEY": "recorded"}})
                if any(each["Name"] == "live" for each in client.list_aliases(FunctionName=name)["Aliases"]):
                    version = client.publish_version(FunctionName=name)["Version"]
                    client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    def ask(self, api, method, path, route, token=None, body=None, who=None):
        """What was answered, which is written down."""
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
        url = f"{self.cloud.outputs[f'{api}_url']}{path}"
        request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, headers = answer.status, answer.headers
        except urllib.error.HTTPError as refusal:
            status, headers = refusal.code, refusal.headers
        trace = (headers.get("traceparent") or "--").split("-")[1]
        self.requests.append({
            "api": api, "method": method, "route": route, "status": status, "trace_id": trace, "tenant": who, "at_ms": int(time.time() * 1000),
            "request_id": headers.get("x-amzn-requestid"),
        })  # fmt: skip

    def suspend(self, tenant):
        self.client("booking", "dynamodb").update_item(
            TableName=self.cloud.outputs["tenants_table"], Key={"tenant_id": {"S": tenant}}, UpdateExpression="SET #status = :status",
            ExpressionAttributeNames={"#status": "status"}, ExpressionAttributeValues={":status": {"S": "suspended"}},
        )  # fmt: skip

    def events(self):
        """Every line of every log group, once the last booking's miles are posted."""
        end = time.monotonic() + WAIT_SECONDS
        booked = sum(each["status"] == 201 for each in self.requests)
        while True:
            found = [
                {"account": self.accounts[account], "log_group": group["logGroupName"], "log_stream": event["logStreamName"],
                 "timestamp": event["timestamp"], "message": event["message"]}
                for account in FUNCTIONS for group in self.client(account, "logs").describe_log_groups()["logGroups"]
                for page in self.client(account, "logs").get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
                for event in page["events"]
            ]  # fmt: skip
            if sum('"miles posted"' in event["message"] for event in found) >= booked:
                return found
            assert time.monotonic() < end, "the miles were not posted"
            time.sleep(0.5)

    def play(self):
        self.give_a_key()
        users = {user["tenant"]: user for user in self.cloud.outputs["users"]}
        self.suspend("oceanic")
        for tenant in ("acme", "globex"):
            token = self.cloud.sign_in(users[tenant])
            self.ask("booking", "GET", "/quotes?from=LHR&to=JFK", "/quotes", token, who=tenant)
            self.ask("booking", "POST", "/bookings", "/bookings", token, FLIGHT, tenant)
            for _ in range(LISTS):
                self.ask("booking", "GET", "/bookings", "/bookings", token, who=tenant)
            self.ask("mileage", "GET", "/mileage", "/mileage", token, who=tenant)
            if tenant == "acme":
                for guess in range(GUESSES):
                    self.ask("booking", "GET", f"/bookings/0000000{guess}", "/bookings/{number}", token, who=tenant)
        self.ask("booking", "GET", "/bookings", "/bookings", self.cloud.sign_in(users["oceanic"]), who="oceanic")
        self.ask("booking", "GET", "/bookings", "/bookings")
        self.ask("booking", "GET", "/bookings", "/bookings", "no.token.atall")


def main():
    recorder = Recorder()
    try:
        recorder.play()
        recorded = {"accounts": recorder.accounts, "stage": STAGE, "requests": recorder.requests, "events": recorder.events()}
    finally:
        recorder.cloud.stop()
    (HERE / "recorded.json").write_text(json.dumps(recorded, indent=1) + "\n")
    print(f"{len(recorded['requests'])} requests, {len(recorded['events'])} lines")


if __name__ == "__main__":
    main()
