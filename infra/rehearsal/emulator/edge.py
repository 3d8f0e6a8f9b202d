"""Requests from outside. The stacks keep the URLs that AWS would give; whoever asks from outside the emulator, as `deploy.py` and the
functions do, gets a loopback address instead, where this module passes requests on to the API of the right account as API Gateway would."""

import os
import re
import secrets
import time
import urllib.parse

import ministack.app as app
from ministack.services import apigateway_v1, lambda_svc
from ministack.services.cloudformation import handlers

import readback
from policies import denial
from state import as_list, note, resources

HERE = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
ON_AWS = re.compile(r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")
ON_LOOPBACK = re.compile(re.escape(HERE) + r"/apis/([a-z0-9]+)")
REGION = os.environ["MINISTACK_REGION"]


def install():
    """Before the emulator's own routing."""
    app.app = _in_front_of(app.app)
    describe, environment = handlers._ACTION_HANDLERS["DescribeStacks"], lambda_svc._provided_worker_env

    def described(parameters):
        status, headers, body = describe(parameters)
        return status, headers, ON_AWS.sub(f"{HERE}/apis/\\1", body.decode()).encode()

    handlers._ACTION_HANDLERS["DescribeStacks"] = described
    for action in ("CreateChangeSet", "CreateStack", "UpdateStack"):
        handlers._ACTION_HANDLERS[action] = _with_aws_urls(handlers._ACTION_HANDLERS[action])

    def with_loopback_urls(config, folder, port):
        variables = {key: ON_AWS.sub(f"{HERE}/apis/\\1", value) for key, value in environment(config, folder, port).items()}
        # Where X-Ray would take spans.
        return {**variables, "XRAY_OTLP_ENDPOINT": f"{HERE}/v1/traces"}

    lambda_svc._provided_worker_env = with_loopback_urls


def _with_aws_urls(handler):
    def handled(parameters):
        back = f"https://\\1.execute-api.{REGION}.amazonaws.com"
        return handler({key: [ON_LOOPBACK.sub(back, each) for each in as_list(value)] for key, value in parameters.items()})

    return handled


def _in_front_of(emulator):
    async def front(scope, receive, send):
        path = scope.get("path", "") if scope["type"] == "http" else ""
        if path == "/v1/traces":
            return await _answer(send, 200, b"")
        if path.startswith("/apis/"):
            scope = _to_the_api(scope)
            if scope is None:
                return await _answer(send, 403, b'{"message":"Forbidden"}')
        await emulator(scope, receive, send)

    return front


def _to_the_api(scope):
    """The request as the emulator knows it, or nothing if nobody has this API."""
    api, stage, *rest = scope["path"].removeprefix("/apis/").split("/", 2)
    account = next((account for (account, _, found), _ in apigateway_v1._rest_apis.all_items() if found == api), None)
    if account is None:
        return None
    headers = [(name, value) for name, value in scope["headers"]]
    given = {name.decode().lower(): value.decode() for name, value in headers}
    if "x-amzn-trace-id" not in given:
        # As API Gateway does. What the caller's traceparent says does not matter to it.
        headers.append((b"x-amzn-trace-id", f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}".encode()))
    query = scope["query_string"].decode()
    key = re.search(r"^AWS4-HMAC-SHA256.*Credential=([^/,]+)/", given.get("authorization", ""))
    if key is None:
        # The emulator takes the account of an unsigned call from this hint.
        hint = urllib.parse.urlencode({"X-Amz-Credential": f"{account}/x/{REGION}/execute-api/aws4_request"})
        query = f"{query}&{hint}" if query else hint
    else:
        arn = f"arn:aws:execute-api:{REGION}:{account}:{api}/{stage}/{scope['method']}/{rest[0] if rest else ''}"
        policy = readback.in_full(resources("AWS::ApiGateway::RestApi", account).get(api, {}).get("Policy"), api, account)
        if why := denial(key[1], "execute-api:Invoke", arn, policy):
            note("denied", rule="api_of_another_account", error=why)
            return None
        headers = _as_the_account(headers, account)
    target = f"/restapis/{api}/{stage}/_user_request_/{rest[0] if rest else ''}"
    raw = urllib.parse.quote(target, safe="/%:@-._~!$&'()*+,;=")
    return {**scope, "path": target, "raw_path": raw.encode(), "query_string": query.encode(), "headers": headers}


def _as_the_account(headers, account):
    """The emulator looks for an API only in the account that signed, and knows it by another path than the caller signed."""
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{account}/{date[:8]}/{REGION}/execute-api/aws4_request"
    signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    kept = [(name, value) for name, value in headers if name.lower() not in (b"authorization", b"x-amz-date", b"x-amz-security-token")]
    return [*kept, (b"authorization", signature.encode()), (b"x-amz-date", date.encode())]


async def _answer(send, status, body):
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
