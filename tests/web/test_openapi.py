"""docs/control-plane.openapi.yaml says what the API answers: every operation, every field."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

import bookings
import measured

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs/control-plane.openapi.yaml").read_text())
TRACE = bookings.trace_id(bookings.FAILED_TRACE)
REQUESTS = [
    ("/api/sign-in", "/api/sign-in"),
    ("/api/map", "/api/map"),
    ("/api/map", "/api/map?tenant=acme&window=2h"),
    ("/api/map", "/api/map?window=soon"),
    ("/api/traces", "/api/traces?order=slowest&limit=3"),
    ("/api/traces", "/api/traces?filter=fault"),
    ("/api/traces", "/api/traces?filter=fault+AND"),
    ("/api/traces/{id}", f"/api/traces/{TRACE}"),
    ("/api/traces/{id}", "/api/traces/nonsense"),
    ("/api/traces/{id}", f"/api/traces/{'f' * 32}"),
    ("/api/traces/{id}/rows", f"/api/traces/{TRACE}/rows"),
    ("/api/traces/{id}/rows", "/api/traces/nonsense/rows"),
    ("/api/traces/{id}/spans", f"/api/traces/{TRACE}/spans?find=http.response.status_code=5"),
    ("/api/traces/{id}/spans", f"/api/traces/{TRACE}/spans"),
    ("/api/traces/{id}/logs", f"/api/traces/{TRACE}/logs"),
    ("/api/traces", "/api/traces?order=oldest"),
    ("/api/traces", "/api/traces?status=fine"),
    ("/api/map", "/api/map?tenant=a&tenant=b"),
    ("/api/traces/{id}/logs", "/api/traces/nonsense/logs"),
    ("/api/traces/{id}/logs", f"/api/traces/{TRACE}/logs?span=nonsense"),
    ("/api/metrics", "/api/metrics"),
    ("/api/metrics", "/api/metrics?service=booking-api&by=http.response.status_code,faas.max_memory&step=300&window=2h"),
    ("/api/metrics", "/api/metrics?step=90"),
    ("/api/alerts", "/api/alerts?tenant=a&tenant=b"),
    ("/api/why", "/api/why?window=24h"),
    ("/api/why", "/api/why?against=before&tenant=acme"),
    ("/api/why", "/api/why?against=tier"),
    ("/api/find", "/api/find?q=acme"),
    ("/api/find", f"/api/find?q={TRACE}"),
    ("/api/find", f"/api/find?q={bookings.number_of(0)}"),
    ("/api/find", "/api/find?q=fault"),
    ("/api/find", "/api/find?q=nobody"),
    ("/api/find", "/api/find"),
    ("/api/groups", "/api/groups?by=aws.dynamodb.table_names"),
    ("/api/groups", "/api/groups?by=tenant.id&before=day&order=slowest"),
    ("/api/groups", "/api/groups"),
    ("/api/turned-away", "/api/turned-away?window=2h"),
    ("/api/turned-away", "/api/turned-away?tenant=acme&reason=no_such_booking&limit=0"),
    ("/api/turned-away/unverified", "/api/turned-away/unverified?window=2h"),
    ("/api/turned-away/unverified", "/api/turned-away/unverified?limit=0"),
    ("/api/investigations", "/api/investigations?tenant=acme"),
    ("/api/investigations/{id}", "/api/investigations/none"),
    ("/api/facets", "/api/facets"),
    ("/api/slo", "/api/slo"),
    ("/api/tenants/{tenant}", "/api/tenants/acme?window=2h"),
    ("/api/tenants/{tenant}", "/api/tenants/nobody"),
    ("/api/tenants/{tenant}", "/api/tenants/acme?window=soon"),
    ("/api/tenants/{tenant}/callers", "/api/tenants/acme/callers"),
    ("/api/alerts", "/api/alerts?tenant=acme"),
    ("/api/cost", "/api/cost?window=7d"),
    ("/api/cost", "/api/cost?format=xml"),
    ("/api/sign-in", "/api/sign-in"),
    ("/api/audit", "/api/audit?limit=2"),
    ("/api/audit", "/api/audit?what=nothing"),
    ("/healthz", "/healthz"),
]
# No registry of tenants is configured here; what it answers otherwise is tests/web/test_tenants_are_changed.py's to show.
FORMS = [(f"/tenants/{{tenant}}/{action}", f"/tenants/acme/{action}") for action in ("suspend", "resume", "tier", "quota", "access-lists")]
FORMS += [("/investigations", "/investigations"), *((f"/investigations/{{id}}/{action}", f"/investigations/none/{action}") for action in ("notes", "close", "erase"))]


@pytest.fixture
def url(control_plane):
    bookings.send(control_plane.url)
    measured.send(control_plane.url, "booking-api", bookings.BOOKING, exemplar=(TRACE, f"{1:016x}", 1.5))
    measured.log(control_plane.url, "booking-api", bookings.BOOKING, [(TRACE, f"{1:016x}", time.time_ns(), 9, "answered", {"n": 1})])
    measured.refuse(control_plane.url, "booking-dev", bookings.BOOKING, [(401, "UNAUTHORIZED", "192.0.2.17", 3)])
    return control_plane.url


def ask(url, form=None):
    try:
        request = urllib.request.Request(url, form, {"origin": "http://" + urllib.parse.urlsplit(url).netloc} if form is not None else {})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers.get_content_type(), refusal.read()


def test_answers_are_as_documented(url):
    """Status, content type and body of each answer are in the document."""
    for path, request in REQUESTS + FORMS:
        method, form = ("post", b"reason=test") if (path, request) in FORMS else ("get", None)
        documented(path, method, *ask(url + request, form))


def documented(path, method, status, content_type, body):
    """What is answered, which is in the document."""
    response = DOCUMENT["paths"][path][method]["responses"].get(str(status))
    assert response, f"{method} {path}: {status} is not documented"
    if reference := response.get("$ref"):
        response = DOCUMENT["components"]["responses"][reference.rsplit("/", 1)[1]]
    if "content" not in response:
        return None
    schema = response["content"][content_type]["schema"] | {"components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(json.loads(body))
    return json.loads(body)


def test_an_investigation_is_answered_as_documented(url):
    """From opening it to erasing it: the list, what matches, a note."""
    sent = lambda path, request, form: documented(path, "post", *ask(url + request, form))
    read = lambda path, request: documented(path, "get", *ask(url + request))
    id = sent("/investigations", "/investigations", b"title=Who%3F&page=%2Fturned-away%3Fwindow%3D2h")["id"]
    assert sent("/investigations/{id}/notes", f"/investigations/{id}/notes", b"text=They+guess")["notes"][0]["text"] == "They guess"
    assert [one["id"] for one in read("/api/investigations", "/api/investigations")] == [id]
    assert read("/api/investigations/{id}", f"/api/investigations/{id}")["matches"]["refusals"]["more"] is False
    assert sent("/investigations/{id}/close", f"/investigations/{id}/close", b"")["closed"]["by"] == "loopback"
    assert sent("/investigations/{id}/erase", f"/investigations/{id}/erase", b"")["id"] == id


def test_every_operation_is_asked_for():
    """A path that is documented is tested above; the intake has tests of its own."""
    assert {path for path, _ in REQUESTS + FORMS} == set(DOCUMENT["paths"]) - {"/v1/traces", "/v1/metrics", "/v1/logs", "/v1/access-logs"}
