"""Serves portal/dist as the front door does, and stands in for what booking-api answers to registrations and invitations."""

import base64
import contextlib
import json
import re
import threading
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local_cloud import PROJECT, LocalCloud
from template import security_policy

DIST = PROJECT / "portal/dist"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}
POLICY = security_policy()
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class PortalServer:
    """One origin for the portal and all it calls."""

    def __init__(self, cloud: LocalCloud):
        self.cloud = cloud
        outputs = cloud.outputs
        self.config = {
            "booking_url": "/booking",
            "mileage_url": "/mileage",
            "user_pool_id": outputs["user_pool_id"],
            "user_pool_client_id": outputs["user_pool_client_id"],
            "cognito_endpoint": "/_local/cognito",
            "trace_link": outputs["control_plane_url"] + "/traces/{trace_id}",
            "trace_link_name": "control plane",
            "traces_endpoint": "/_local/v1/traces",
            "mailbox": "/_local/mail",
            "demo_users": outputs["users"],
        }
        # Longest first.
        self.upstreams = {
            "/_local/v1/traces": outputs["control_plane_url"] + "/v1/traces",
            "/_local/cognito": outputs["aws_endpoint_url"] + "/",
            "/_local/mail": outputs["aws_endpoint_url"] + "/_ministack/ses/messages",
            "/booking/": outputs["booking_url"] + "/",
            "/mileage/": outputs["mileage_url"] + "/",
        }
        handler = type("Handler", (Handler,), {"portal": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        """Ends it."""
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Files, and what is passed on."""

    protocol_version = "HTTP/1.1"
    portal: PortalServer

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/config.json":
            return self.answer(200, json.dumps(self.portal.config).encode(), {"content-type": "application/json"})
        if self.passed_on(None):
            return None
        file = (DIST / ("index.html" if path == "/" else path.lstrip("/"))).resolve()
        if not file.is_relative_to(DIST) or not file.is_file():
            return self.answer(404, b"", {})
        headers = {"content-type": TYPES[file.suffix], "content-security-policy": POLICY, "x-content-type-options": "nosniff"}
        return self.answer(200, file.read_bytes(), headers)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/booking/registrations":
            return self.register(json.loads(body))
        if self.path == "/booking/invitations":
            return self.invite(json.loads(body))
        return self.passed_on(body) or self.answer(404, b"", {})

    def register(self, wish: dict):
        name = "" if wish["company_name"].strip() else "must not be empty"
        email = "" if EMAIL.fullmatch(wish["email"]) else "must be an email address"
        wrong = {field: detail for field, detail in (("company_name", name), ("email", email)) if detail}
        if wrong:
            return self.refuse("invalid_registration", "The company cannot be registered as it is.", wrong)
        return self.create_user(wish["email"], f"t-{uuid.uuid4().hex[:12]}", "basic")

    def invite(self, wish: dict):
        if not EMAIL.fullmatch(wish["email"]):
            return self.refuse("invalid_invitation", "The invitation cannot be sent as it is.", {"email": "must be an email address"})
        payload = self.headers["authorization"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        return self.create_user(wish["email"], claims["custom:tenant-id"], claims["custom:tier-level"])

    def create_user(self, email: str, tenant: str, tier: str):
        wanted = {"email": email, "email_verified": "true", "custom:tenant-id": tenant, "custom:tier-level": tier}
        attributes = [{"Name": name, "Value": value} for name, value in wanted.items()]
        self.portal.cloud.administer("AdminCreateUser", Username=email, UserAttributes=attributes, DesiredDeliveryMediums=["EMAIL"])
        return self.answer(202, json.dumps({"email": email}).encode(), {"content-type": "application/json"})

    def refuse(self, code: str, detail: str, wrong: dict):
        errors = [{"field": f"/{field}", "detail": detail} for field, detail in wrong.items()]
        problem = {"type": "about:blank", "title": "Unprocessable Content", "status": 422, "code": code, "detail": detail, "errors": errors}
        return self.answer(422, json.dumps(problem).encode(), {"content-type": "application/problem+json"})

    def passed_on(self, body: bytes | None) -> bool:
        prefix = next((prefix for prefix in self.portal.upstreams if self.path.startswith(prefix)), None)
        if prefix is None:
            return False
        url = self.portal.upstreams[prefix] + self.path[len(prefix) :]
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP | {"host"}}
        request = urllib.request.Request(url, body, headers, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                self.answer(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as refusal:
            self.answer(refusal.code, refusal.read(), dict(refusal.headers))
        return True

    def answer(self, status: int, body: bytes, headers: dict):
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        # A page that was closed waits for no answer.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


if __name__ == "__main__":
    cloud = LocalCloud()
    server = PortalServer(cloud)
    print(f"portal at {server.url}, control plane at {cloud.outputs['control_plane_url']}; Enter ends it", flush=True)
    for user in cloud.outputs["users"]:
        print(f"  {user['username']} / {user['password']}  ({user['tenant']}, {user['tier']})", flush=True)
    try:
        input()
    finally:
        server.stop()
        cloud.stop()
