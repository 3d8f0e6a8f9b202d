"""Each named query, over lines that the real functions logged, answers what a recount of those lines in Python does."""

import json
from collections import Counter
from math import ceil

import pytest

import rest
from conftest import Athena

BOOKING, MILEAGE = (rest.RECORDED["accounts"][name] for name in ("booking", "mileage"))
BOOKED = next(each["trace_id"] for each in rest.RECORDED["requests"] if each["status"] == 201 and each["tenant"] == "acme")


def parsed():
    """The lines of functions that are JSON."""
    for line in rest.RECORDED["events"]:
        if line["message"].startswith("{"):
            yield line, json.loads(line["message"])


def alias(tenant):
    """What logs call a tenant, by a trace of its own."""
    trace = next(each["trace_id"] for each in rest.RECORDED["requests"] if each["tenant"] == tenant)
    return next(fields["tenant.alias"] for _, fields in parsed() if fields.get("trace_id") == trace)


def test_a_traces_lines_are_found_over_all_accounts(athena):
    rows = athena.ask("lines_of_a_trace", BOOKED)
    expected = [line for line in rest.lines() if BOOKED in line["message"].replace("-", "")]
    assert [row["message"] for row in rows] == [rest.arrives(line) for line in expected] and len(expected) == 4
    assert {(row["account"], row["service"]) for row in rows} == {
        (BOOKING, "booking"), (BOOKING, "booking-api"), (BOOKING, "booking-publisher"), (MILEAGE, "mileage-accrual"),
    }  # fmt: skip
    assert [row["written_at"] for row in rows] == sorted(row["written_at"] for row in rows)
    assert {row["said"] for row in rows} == {None, "request served", "published", "miles posted"}


def test_nobody_elses_lines_are_in_a_trace(athena):
    assert athena.ask("lines_of_a_trace", "0" * 32) == []


def test_who_was_turned_away_is_counted_by_reason_and_by_tenant_where_it_was_verified(athena):
    rows = athena.ask("who_was_turned_away")
    found = [(row["service"], row["method"], row["route"], row["status"], row["reason"], row["tenant"], row["requests"]) for row in rows]
    assert found == [
        ("booking", "GET", "/bookings/{number}", "404", "no_such_booking", alias("acme"), 5),
        ("booking", "GET", "/bookings", "401", "UNAUTHORIZED", None, 2),
        ("booking", "GET", "/bookings", "403", "tenant_suspended", alias("oceanic"), 1),
    ]
    guesses = {each["trace_id"] for each in rest.RECORDED["requests"] if each["status"] == 404}
    assert rows[0]["one_trace"].replace("-", "")[1:] in guesses, "from a row to a trace"


def gateway(number, **fields):
    """A line of API Gateway's, as a caller may have shaped it."""
    said = {"request_id": "chosen", "xray_trace_id": "1-chosen", "method": "GET", "route": "/bookings", "error": "-", "invocation_id": "-", **fields}
    return {"account": BOOKING, "log_group": "/aws/apigateway/booking-local", "log_stream": "0", "timestamp": 1795743259000 + number, "message": json.dumps(said)}


def served(number, **fields):
    """A function's line of a request."""
    said = {"message": "request served", "xray_trace_id": "1-chosen", "request_id": "chosen", **fields}
    return {"account": BOOKING, "log_group": "/aws/lambda/booking-api-local", "log_stream": "1", "timestamp": 1795743259000 + number, "message": json.dumps(said)}


def test_a_caller_who_was_not_verified_names_nobody(tmp_path):
    """Whatever trace and request id it sends: those of another tenant's request, or one for all."""
    lines = [
        gateway(1, status="401", error="UNAUTHORIZED"),
        gateway(2, status="404", invocation_id="first"), gateway(3, status="403", invocation_id="second"),
        served(4, **{"tenant.alias": "victim", "faas.invocation_id": "first", "problem.code": "no_such_booking"}),
        served(5, **{"tenant.alias": "other", "faas.invocation_id": "second", "problem.code": "network_not_allowed"}),
        gateway(6, status="429", invocation_id="third"), served(7, **{"tenant.alias": "third", "faas.invocation_id": "third"}),
    ]  # fmt: skip
    rest.deliver(rest.records(lines), tmp_path)
    found = {row["status"]: (row["reason"], row["tenant"]) for row in Athena(tmp_path).ask("who_was_turned_away")}
    assert found == {"401": ("UNAUTHORIZED", None), "404": ("no_such_booking", "victim"), "403": ("network_not_allowed", "other"), "429": (None, "third")}


def test_what_was_refused_before_anybody_was_known_is_counted_by_network(athena):
    rows = athena.ask("before_anybody_was_known")
    found = [(row["account"], row["service"], row["status"], row["reason"], row["network"], row["requests"]) for row in rows]
    assert found == [(BOOKING, "booking", "401", "UNAUTHORIZED", "203.0.113.0/24", 2)], "of the recorded requests, the other refusals are a function's"


def test_a_functions_refusal_is_of_nobody_where_it_did_not_know_the_caller(tmp_path):
    lines = [
        gateway(1, status="401", error="UNAUTHORIZED", integration_status="-", address="192.0.2.1"),
        gateway(2, status="401", integration_status="200", address="192.0.2.2", **{"tenant": "victim", "tenant.id": "victim"}),
        gateway(3, status="404", integration_status="200", address="192.0.2.3"), gateway(4, status="200", integration_status="200", address="192.0.2.4"),
        gateway(5, status="403", error="WAF_FILTERED", integration_status="-", address="2001:db8:1:2::3"), gateway(6, status="500", integration_status="-", address="-"),
    ]  # fmt: skip
    rest.deliver(rest.records(lines), tmp_path)
    rows = Athena(tmp_path).ask("before_anybody_was_known")
    found = {(row["status"], row["reason"], row["network"]): row["requests"] for row in rows}
    assert found == {("401", "UNAUTHORIZED", "192.0.2.0/24"): 1, ("401", "401", "192.0.2.0/24"): 1, ("403", "WAF_FILTERED", "2001:db8:1::/48"): 1}
    assert "victim" not in str(rows)


@pytest.mark.parametrize("name", ["lines_of_a_trace", "requests_of_a_user", "who_was_turned_away", "before_anybody_was_known", "p99_by_tenant"])
def test_what_is_delivered_twice_counts_once(athena, tmp_path, name):
    """CloudWatch Logs and Firehose deliver at least once."""
    given = {"lines_of_a_trace": [BOOKED], "requests_of_a_user": [next(fields["enduser.pseudo.id"] for _, fields in parsed() if "enduser.pseudo.id" in fields)]}
    sent = list(rest.records(rest.lines()))
    rest.deliver([*sent, *sent], tmp_path)
    assert Athena(tmp_path).ask(name, *given.get(name, [])) == athena.ask(name, *given.get(name, [])) != []


def test_a_users_requests_are_found_by_what_logs_call_them(athena):
    mine = [(line, fields) for line, fields in parsed() if fields.get("message") == "request served" and fields.get("tenant.alias") == alias("globex")]
    (user,) = {fields["enduser.pseudo.id"] for _, fields in mine if fields["http.route"] != "/miles"}
    rows = athena.ask("requests_of_a_user", user)
    expected = [(fields["http.request.method"], fields["http.route"], fields["http.response.status_code"], fields["duration_ms"], fields["trace_id"])
                for _, fields in mine if fields["enduser.pseudo.id"] == user]  # fmt: skip
    found = [(row["method"], row["route"], row["status"], row["duration_ms"], row["trace_id"]) for row in rows]
    assert sorted(found) == sorted(expected) and len(found) == 6
    assert [row["written_at"] for row in rows] == sorted((row["written_at"] for row in rows), reverse=True)


def test_p99_by_tenant_is_that_of_a_recount(athena):
    durations, errors = {}, Counter()
    for line, fields in parsed():
        if "http.response.status_code" in fields:
            service = rest.partition(json.dumps({"owner": line["account"], "logGroup": line["log_group"], "logEvents": [line]})).split("service=")[1].split("/")[0]
            durations.setdefault((service, fields["tenant.alias"]), []).append(fields["duration_ms"])
            errors[service, fields["tenant.alias"]] += fields["http.response.status_code"] >= 500

    def rank(values, percent):
        return sorted(values)[ceil(len(values) * percent / 100) - 1]

    rows = athena.ask("p99_by_tenant")
    found = {(row["service"], row["tenant"]): (row["requests"], row["errors"], row["p50_ms"], row["p99_ms"], row["slowest_ms"]) for row in rows}
    assert found == {key: (len(values), errors[key], rank(values, 50), rank(values, 99), max(values)) for key, values in durations.items()}
    assert len(found) == 5 and [row["p99_ms"] for row in rows] == sorted((row["p99_ms"] for row in rows), reverse=True)


def test_a_percentile_is_a_rank_and_no_estimate(tmp_path):
    """Of two hundred requests the second slowest but one: what 99 of 100 took at most."""
    message = '{{"message":"request served","duration_ms":{0},"http.response.status_code":200,"tenant.alias":"one"}}'
    events = [{"account": BOOKING, "log_group": "/aws/lambda/booking-api-local", "log_stream": "1", "timestamp": 1795743259000 + each,
               "message": message.format(each)} for each in range(1, 201)]  # fmt: skip
    rest.deliver(rest.records(events), tmp_path)
    (row,) = Athena(tmp_path).ask("p99_by_tenant")
    assert (row["p50_ms"], row["p99_ms"], row["slowest_ms"]) == (100, 198, 200)


def test_a_metric_that_is_in_the_log_is_no_request(tmp_path):
    """The embedded metric format writes a measurement's attributes as fields, the status among them."""
    metric = {"_aws": {"Timestamp": 1795743259000, "CloudWatchMetrics": []}, "service.name": "booking-api", "http.response.status_code": "200",
              "tenant.id": "acme", "http.server.request.duration": {"Values": [0.2], "Counts": [1]}}  # fmt: skip
    line = {"account": BOOKING, "log_group": "/aws/lambda/booking-api-local", "log_stream": "1", "timestamp": 1795743259000, "message": json.dumps(metric)}
    half = {**line, "message": '{"message":"request served","http.response.status_code":200,"tenant.alias":"one"}'}
    rest.deliver(rest.records([line, half]), tmp_path)
    assert Athena(tmp_path).ask("p99_by_tenant") == [] == Athena(tmp_path).ask("requests_of_a_user", "ada")


def test_the_objects_of_a_tenant_are_all_that_hold_its_lines(athena):
    rows = athena.ask("objects_of_a_tenant", alias("acme"))
    assert sum(row["lines"] for row in rows) == sum(fields.get("tenant.alias") == alias("acme") for _, fields in parsed())
    others = {row["object"] for row in athena.ask("objects_of_a_tenant", alias("oceanic"))}
    assert 1 < len(rows) and others and all("/service=booking-api/" in each for each in others)


@pytest.mark.parametrize("name", ["who_was_turned_away", "before_anybody_was_known", "p99_by_tenant"])
def test_other_days_are_not_read(athena, name):
    day = athena.engine.execute("SELECT min(day), max(day) FROM batches WHERE messagetype = 'DATA_MESSAGE'").fetchone()
    assert athena.ask(name, days=day) == athena.ask(name) != []
    assert athena.ask(name, days=("2000-01-01", "2000-12-31")) == []
