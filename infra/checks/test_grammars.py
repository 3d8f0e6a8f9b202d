"""The parsers themselves: what they take, and what they refuse."""

import pytest

import filter_grammar
import insights_queries
import rust_calls


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
    # X-Ray's, though the control plane answers none of it.
    'first AND http.useragent CONTAINS "curl" AND coverage > 0.5',
    'service(id(name: "a", type: "AWS::EC2::Instance")) { fault }',
])
def test_filter_expressions_are_taken(expression):
    assert filter_grammar.refusals([expression]) == [None]


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
    assert filter_grammar.refusals([expression])[0]


def test_each_expression_is_judged_by_itself():
    reasons = filter_grammar.refusals(["fault", "fault AND", "ok\n  error"])
    assert (reasons[0], reasons[2]) == (None, None) and "column 10" in reasons[1]


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


CRATE = """
pub struct Store { client: Client }
impl Store {
    pub async fn read(&self, key: &str) -> Option<Item> { self.get(key).await }
    pub async fn write(&self, item: Item) { self.client.put_item().send().await }
    async fn get(&self, key: &str) -> Option<Item> { self.client.get_item().send().await }
}
#[cfg(test)]
mod tests { fn scan() { client.scan() } }
"""


def test_reached_calls_are_found_and_others_are_not():
    assert rust_calls.actions([CRATE], "fn main() { store.read(key) }") == {"dynamodb:GetItem"}
    assert rust_calls.actions([CRATE], "fn main() { store.write(item) }") == {"dynamodb:PutItem"}
    # Another number of arguments: somebody else's `read`.
    assert rust_calls.actions([CRATE], "fn main() { file.read(buffer, 5) }") == set()


def test_a_transaction_needs_what_its_parts_need():
    source = "fn main() { let put = Put::builder(); client.transact_write_items().send() }"
    assert rust_calls.actions([], source) == {"dynamodb:PutItem"}


def test_an_unknown_call_is_no_silence():
    with pytest.raises(rust_calls.Unknown):
        rust_calls.actions([], "fn main() { sns.create_topic().send() }")
