"""How infra/logs/erase.py asks Athena and S3; what it does to lines is in tests/athena/test_erasure.py."""

import importlib.util
import io

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from project import ROOT

SPEC = importlib.util.spec_from_file_location("erase", ROOT / "infra/logs/erase.py")
erase = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(erase)


def body(content):
    return StreamingBody(io.BytesIO(content), len(content))


@pytest.fixture
def stubbed(monkeypatch):
    monkeypatch.setattr(erase, "POLL_SECONDS", 0)
    session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="eu-west-1")
    s3, athena = session.client("s3"), session.client("athena")
    with Stubber(s3) as of_s3, Stubber(athena) as of_athena:
        yield erase.AtRest(s3, athena, "logs", "logs-dev", "logs_dev"), of_s3, of_athena
        of_s3.assert_no_pending_responses()
        of_athena.assert_no_pending_responses()


def asked(athena, *states):
    expected = {"QueryString": erase.QUERY.read_text(), "QueryExecutionContext": {"Database": "logs_dev"}, "WorkGroup": "logs-dev",
                "ExecutionParameters": ["'2026-01-01'", "'2026-11-27'", "'one'"]}  # fmt: skip
    athena.add_response("start_query_execution", {"QueryExecutionId": "1"}, expected)
    for state in states:
        execution = {"Status": {"State": state, "StateChangeReason": "because"}, "ResultConfiguration": {"OutputLocation": "s3://logs/results/1.csv"}}
        athena.add_response("get_query_execution", {"QueryExecution": execution}, {"QueryExecutionId": "1"})


def test_the_query_is_asked_in_its_workgroup_and_its_answer_is_read(stubbed):
    kept, s3, athena = stubbed
    asked(athena, "QUEUED", "RUNNING", "SUCCEEDED")
    s3.add_response("get_object", {"Body": body(b'"object","lines"\n"s3://logs/logs/account=1/1.gz","2"\n')}, {"Bucket": "logs", "Key": "results/1.csv"})
    assert kept.objects("2026-01-01", "2026-11-27", "one") == ["logs/account=1/1.gz"]


def test_a_query_that_reads_more_than_it_may_is_no_empty_answer(stubbed):
    kept, _, athena = stubbed
    asked(athena, "CANCELLED")
    with pytest.raises(erase.NotErased, match="because"):
        kept.objects("2026-01-01", "2026-11-27", "one")


def test_an_object_is_written_only_where_nobody_else_wrote_it(stubbed):
    kept, s3, _ = stubbed
    s3.add_response("get_object", {"Body": body(b"old"), "ETag": '"1"'}, {"Bucket": "logs", "Key": "logs/1.gz"})
    s3.add_response("put_object", {}, {"Bucket": "logs", "Key": "logs/1.gz", "Body": b"new", "IfMatch": '"1"'})
    content, version = kept.read("logs/1.gz")
    kept.write("logs/1.gz", b"new", version)
    assert content == b"old"


def test_an_object_that_somebody_wrote_in_between_stops_it(stubbed):
    kept, s3, _ = stubbed
    s3.add_client_error("put_object", "PreconditionFailed", http_status_code=412, expected_params={"Bucket": "logs", "Key": "logs/1.gz", "Body": b"new", "IfMatch": '"1"'})
    with pytest.raises(erase.NotErased, match="run this again"):
        kept.write("logs/1.gz", b"new", '"1"')
    s3.add_client_error("delete_object", "PreconditionFailed", http_status_code=412, expected_params={"Bucket": "logs", "Key": "logs/1.gz", "IfMatch": '"1"'})
    with pytest.raises(erase.NotErased, match="run this again"):
        kept.delete("logs/1.gz", '"1"')


@pytest.mark.parametrize("arguments", [[], ["dev", "2026-01-01", "2026-11-27"], ["dev", "2026-01-01", "2026-11-27", "one' OR '1'='1"], ["dev", "yesterday", "2026-11-27", "one"]])
def test_a_name_that_is_none_is_asked_for_nothing(arguments):
    with pytest.raises(SystemExit, match="erase.py STAGE"):
        erase.main(arguments)
