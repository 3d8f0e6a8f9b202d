"""Deliberate mistakes in the named queries: each changes an answer over the recorded lines, so the tests of the answers can fail."""

import pytest

import conftest
from test_queries import BOOKED, alias, parsed

MISTAKES = {
    "API Gateway's form of a trace id": ("lines_of_a_trace", "replace(message, '-', '')", "message"),
    "lines of the day before": ("lines_of_a_trace", "day BETWEEN ? AND ?", "day BETWEEN ? AND '2026-01-01' AND ? IS NOT NULL"),
    "what a function said": ("lines_of_a_trace", "'$.message'", "'$.target'"),
    "latest first": ("lines_of_a_trace", "ORDER BY written_ms", "ORDER BY written_ms DESC"),
    "callers without a token": ("who_was_turned_away", "'401', ", ""),
    "tenants that were verified alone": ("who_was_turned_away", "LEFT JOIN", "JOIN"),
    "whose request it was": ("who_was_turned_away", '$["tenant.alias"]', "$.alias"),
    "a tenant in every request": ("who_was_turned_away", "served.invocation = answers.invocation", "served.invocation IS NOT NULL"),
    "why a function refused": ("who_was_turned_away", '$["problem.code"]', "$.problem"),
    "refusals of functions that knew the caller": ("before_anybody_was_known", "integration_status') = '-'", "integration_status') IS NOT NULL"),
    "no network": ("before_anybody_was_known", "'$.address'", "'$.network'"),
    "a user's plain id alone": ("requests_of_a_user", '$["enduser.pseudo.id"]', "$.user"),
    "what is no request": ("requests_of_a_user", "= 'request served'", "= 'published'"),
    "oldest first": ("requests_of_a_user", "written_ms DESC", "written_ms"),
    "the slowest request": ("p99_by_tenant", "place * 100 >= n * 99", "place = n * 2"),
    "the median": ("p99_by_tenant", "n * 50", "n * 60"),
    "all tenants as one": ("p99_by_tenant", "PARTITION BY service, tenant", "PARTITION BY service"),
    "requests without a tenant": ("p99_by_tenant", "tenant IS NOT NULL", "tenant IS NULL"),
    "errors of callers": ("p99_by_tenant", "status >= 500", "status >= 200"),
    "another tenant's objects": ("objects_of_a_tenant", '$["tenant.alias"]', "$.trace_id"),
}
USER = next(fields["enduser.pseudo.id"] for _, fields in parsed() if fields.get("tenant.alias") == alias("globex") and fields.get("http.route") == "/bookings")
GIVEN = {"lines_of_a_trace": [BOOKED], "requests_of_a_user": [USER], "objects_of_a_tenant": [alias("acme")]}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_changes_an_answer(athena, mistake, tmp_path, monkeypatch):
    name, old, new = MISTAKES[mistake]
    right, text = athena.ask(name, *GIVEN.get(name, [])), (conftest.QUERIES / f"{name}.sql").read_text()
    assert old in text, "the mistake was not made"
    (tmp_path / f"{name}.sql").write_text(text.replace(old, new))
    monkeypatch.setattr(conftest, "QUERIES", tmp_path)
    try:
        wrong = athena.ask(name, *GIVEN.get(name, []))
    except conftest.dialect.Refused:
        return
    assert wrong != right
