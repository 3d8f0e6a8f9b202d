"""The local cloud, started for these tests, and what only an administrator may do in it."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).parents[2]
START_SECONDS = 180


class LocalCloud:
    """Both accounts, the control plane and the front door, on free ports."""

    def __init__(self):
        command = ["target/debug/local", "up", "--json", "--until-stdin-closes", "--port", "0", "--control-plane-port", "0"]
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.process = subprocess.Popen(command, cwd=PROJECT, text=True, **pipes)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the local cloud did not start: run `{' '.join(command)}` to see why")
        self.outputs = json.loads(line)

    def stop(self):
        """Ends it and all its processes."""
        self.process.stdin.close()
        self.process.wait(timeout=START_SECONDS)

    def user(self, tenant: str) -> dict:
        """The demo's user of this tenant."""
        return next(user for user in self.outputs["users"] if user["tenant"] == tenant)

    def call(self, service: str, operation: str, account: str | None = None, **parameters) -> dict:
        """Calls a service of an account, the booking account where none is named, that speaks JSON."""
        targets = {"sqs": "AmazonSQS", "cognito-idp": "AWSCognitoIdentityProviderService"}
        version = "1.0" if service == "sqs" else "1.1"
        headers = self._signed(service, account) | {
            "content-type": f"application/x-amz-json-{version}", "x-amz-target": f"{targets[service]}.{operation}",
        }
        request = urllib.request.Request(f"{self.outputs['aws_endpoint_url']}/", json.dumps(parameters).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"{}")

    def administer(self, operation: str, **parameters) -> dict:
        """Calls Cognito for the user pool."""
        return self.call("cognito-idp", operation, UserPoolId=self.outputs["user_pool_id"], **parameters)

    def sign_in(self, user: dict) -> str:
        """An ID token."""
        parameters = {"USERNAME": user["username"], "PASSWORD": user["password"]}
        client = self.outputs["user_pool_client_id"]
        result = self.call("cognito-idp", "InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", ClientId=client, AuthParameters=parameters)
        return result["AuthenticationResult"]["IdToken"]

    def subscribe(self, topic_arn: str, queue_arn: str):
        """A queue of the booking account to a topic; SNS speaks in forms."""
        form = {"Action": "Subscribe", "TopicArn": topic_arn, "Protocol": "sqs", "Endpoint": queue_arn, "Version": "2010-03-31"}
        body = urllib.parse.urlencode(form).encode()
        headers = self._signed("sns") | {"content-type": "application/x-www-form-urlencoded"}
        with urllib.request.urlopen(urllib.request.Request(f"{self.outputs['aws_endpoint_url']}/", body, headers), timeout=60):
            pass

    def _signed(self, service: str, account: str | None = None) -> dict:
        """As an administrator of the account would sign, as far as the emulator looks."""
        credential = f"Credential={account or self.outputs['booking_account']}/20300101/{self.outputs['region']}/{service}/aws4_request"
        return {"authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature={'0' * 64}"}

    def temporary_password(self, email: str) -> str:
        """What the mail to this address says."""
        with urllib.request.urlopen(f"{self.outputs['aws_endpoint_url']}/_ministack/ses/messages", timeout=60) as answer:
            messages = json.load(answer)["messages"].get(self.outputs["booking_account"], [])
        mail = [message["BodyText"] for message in messages if message["To"] == [email]][-1]
        return re.search(r"with the password (\S+) and choose", mail)[1]

    def trace(self, trace_id: str) -> dict | None:
        """The trace, as the control plane knows it."""
        url = f"{self.outputs['control_plane_url']}/api/traces/{urllib.parse.quote(trace_id)}"
        request = urllib.request.Request(url, headers={"authorization": f"Bearer {self.outputs['control_plane_key']}"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            assert refusal.code == 404, f"{refusal.code} {refusal.read().decode()}"
            return None

    def whole_trace(self, trace_id: str, wanted: set, seconds: float = 60) -> dict:
        """The trace, once all these are in it: services and names of spans."""
        end = time.monotonic() + seconds
        while True:
            trace = self.trace(trace_id)
            found = {(span["service"], span["name"]) for span in trace["spans"]} if trace else set()
            if wanted <= found:
                return trace
            assert time.monotonic() < end, f"trace {trace_id} has {found}, not {wanted - found}"
            time.sleep(0.2)
