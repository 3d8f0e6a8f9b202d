"""The parsers themselves: what they take, and what they refuse."""

import pytest

import filter_expressions
import insights_queries


@pytest.mark.parametrize("expression", [
    "responsetime > 5",
    "duration >= 5 AND duration <= 8",
    'service("api.example.com") { fault = true OR responsetime > 2.5 } AND annotation.account = "12345"',
    'edge("api.example.com", "backend.example.com") { fault = true }',
    'http.url BEGINSWITH "http://api.example.com/" AND http.url CONTAINS "/v2/" AND !service("api.example.com")',
    "ok !partial duration <3",
    'annotation[tenant.tier] = "premium"',
    "annotation[tenant.id]",
    'service(id(name: "booking-dev/dev", type: "AWS::ApiGateway::Stage"))',
    "service() { fault }",
    '(error OR throttle) AND user = "someone"',
])
def test_filter_expressions_are_taken(expression):
    filter_expressions.parse(expression)


@pytest.mark.parametrize("expression", [
    "",
    "responsetime >",
    'responsetime > "5"',
    "tenant = 5",
    'annotation[tenant.tier = "premium"',
    'annotation.tenant.tier == "premium"',
    'edge("one") { fault }',
    "service(api) { fault }",
    "fault AND",
    "(fault",
    "fault)",
    "http.status CONTAINS 5",
    "fault = yes",
])
def test_filter_expressions_are_refused(expression):
    with pytest.raises(filter_expressions.Refused):
        filter_expressions.parse(expression)


@pytest.mark.parametrize("query", [
    "fields @timestamp, @message | sort @timestamp desc | limit 20",
    "# a note\nfilter kind in [\"SERVER\"] | stats pct(durationNano, 99) / 1000000 as p99 by bin(5m), attributes.tenant.id",
    "SOURCE 'aws/spans' | filter @message like /ERROR (a|b)/ | stats count(*) by `x-y`",
    "parse @message \"a | b *\" as rest | display rest",
])
def test_queries_are_taken(query):
    insights_queries.check(query)


@pytest.mark.parametrize("query", [
    "",
    "select * from spans",
    "fields @timestamp | | limit 20",
    "stats percentile(durationNano, 99)",
    "stats durationNano by bin(5m)",
    "filter (kind = \"SERVER\"",
    "filter kind = \"SERVER",
    "fields @timestamp,",
    "limit many",
    "limit 20000",
])
def test_queries_are_refused(query):
    with pytest.raises(insights_queries.Refused):
        insights_queries.check(query)
