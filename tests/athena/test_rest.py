"""What is at rest, and where: by account, service and day as CloudWatch Logs vouches for them, masked, and nothing lost on the way."""

import gzip
import json

import rest

TOKEN = "eyJraWQiOiJhYmNkZWYxMiIsImFsZyI6IlJTMjU2In0.eyJzdWIiOiIxMjM0NTY3ODkwIiwiY3VzdG9tOnRlbmFudC1pZCI6ImFjbWUifQ.c2lnbmF0dXJlLW9mLWl0"
LINE = {"account": "111111111111", "log_group": "/aws/lambda/booking-api-local", "log_stream": "1", "timestamp": 1795737599999, "message": "{}"}


def objects(bucket):
    return {path.relative_to(bucket): gzip.decompress(path.read_bytes()).decode() for path in sorted(bucket.rglob("*.gz"))}


def at_rest(bucket):
    """Message and folder of each line that was written."""
    for path, text in objects(bucket).items():
        assert text.endswith("\n")
        for batch in map(json.loads, text.splitlines()):
            for event in batch["logEvents"]:
                if batch["messageType"] == "DATA_MESSAGE":
                    yield event["message"], str(path.parent)


def test_every_line_comes_to_rest_in_its_accounts_services_days_folder(tmp_path):
    rest.deliver(rest.records(rest.lines()), tmp_path)
    found = dict(at_rest(tmp_path))
    logged = rest.lines()
    assert sorted(message for message, _ in at_rest(tmp_path)) == sorted(map(rest.arrives, logged))
    for line in logged:
        assert found[rest.arrives(line)].startswith(f"logs/account={line['account']}/service=")
    projected = rest.RESOURCES["Batches"]["TableInput"]["Parameters"]["projection.service.values"].split(",")
    services = {folder.split("service=")[1].split("/")[0] for _, folder in at_rest(tmp_path)}
    assert services <= set(projected) and {"booking", "booking-api", "mileage-accrual"} <= services
    assert not (tmp_path / "errors").exists()


def test_the_day_is_that_of_the_line_in_utc(tmp_path):
    rest.deliver(rest.records([LINE, {**LINE, "log_stream": "2", "timestamp": LINE["timestamp"] + 1}]), tmp_path)
    assert {folder.rsplit("day=")[-1] for _, folder in at_rest(tmp_path)} == {"2026-11-26", "2026-11-27"}


def test_what_a_function_writes_chooses_no_folder(tmp_path):
    forged = json.dumps({"owner": "999999999999", "account": "999999999999", "logGroup": "/aws/lambda/other", "service": "../../errors", "day": "1999-01-01"})
    rest.deliver(rest.records([{**LINE, "message": forged}]), tmp_path)
    assert [folder for _, folder in at_rest(tmp_path)] == ["logs/account=111111111111/service=booking-api/day=2026-11-26"]


def test_what_cannot_be_partitioned_is_an_error_and_not_lost(tmp_path):
    whole = [b"not JSON", json.dumps({"owner": "1", "logGroup": "/a/b", "logEvents": []}).encode()]
    rest.deliver([gzip.compress(each) for each in whole], tmp_path)
    assert [text.splitlines() for path, text in objects(tmp_path).items() if str(path).startswith("errors/")] == [[each.decode() for each in whole]]


def test_a_token_does_not_come_to_rest(tmp_path):
    messages = [f'{{"error":"Bearer {TOKEN} was refused"}}', f"Authorization: {TOKEN}", f'{{"token":"{TOKEN}"}}']
    rest.deliver(rest.records([{**LINE, "message": each} for each in messages]), tmp_path)
    found = [message for message, _ in at_rest(tmp_path)]
    assert len(found) == 3 and not any("eyJ" in message for message in found)
    assert json.loads(found[0])["error"].startswith("Bearer ***"), "it is JSON still"


def test_what_stands_for_awss_identifiers_masks_what_they_would():
    for secret in ("ada@example.com", "203.0.113.7", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"):
        assert rest.masked(f'{{"error":"no {secret} here"}}') == f'{{"error":"no {"*" * len(secret)} here"}}'


def test_what_functions_log_today_is_not_masked():
    for line in rest.RECORDED["events"]:
        assert rest.masked(line["message"]) == line["message"]


def test_of_a_callers_address_the_network_alone_comes_to_rest(tmp_path):
    rest.deliver(rest.records(rest.lines()), tmp_path)
    said = [json.loads(message)["address"] for message, folder in at_rest(tmp_path) if "/service=booking/" in folder or "/service=mileage/" in folder]
    assert said and set(said) == {"203.0.113.0/24"}
