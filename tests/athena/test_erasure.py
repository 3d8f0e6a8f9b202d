"""A tenant's lines are erased from logs at rest, and nobody else's."""

import hashlib
import importlib.util

import pytest

import rest
from conftest import Athena
from test_queries import alias, parsed

SPEC = importlib.util.spec_from_file_location("erase", rest.ROOT / "infra/logs/erase.py")
erase = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(erase)


class Folder:
    """A bucket that is a folder, asked by the query that Athena is asked."""

    def __init__(self, bucket):
        self.bucket = bucket

    def objects(self, first, last, tenant):
        return [row["object"] for row in Athena(self.bucket).ask("objects_of_a_tenant", tenant, days=(first, last))]

    def read(self, key):
        body = open(key, "rb").read()
        return body, hashlib.md5(body).hexdigest()

    def write(self, key, body, version):
        assert self.read(key)[1] == version
        open(key, "wb").write(body)

    def delete(self, key, version):
        assert self.read(key)[1] == version
        rest.Path(key).unlink()


@pytest.fixture
def folder(tmp_path):
    rest.deliver(rest.records(rest.lines()), tmp_path)
    return Folder(tmp_path)


DAYS = ("2000-01-01", "2999-12-31")
LINE = {"account": "111111111111", "log_group": "/aws/lambda/booking-api-local", "log_stream": "1", "timestamp": 1795743259000}
EVERY = "SELECT account, service, day, item.message FROM (SELECT account, service, day, unnest(logevents) AS item FROM batches) ORDER BY ALL"


def every_line(folder):
    return Athena(folder.bucket).engine.execute(EVERY).fetchall()


def test_a_tenants_lines_are_gone_and_every_other_line_is_where_it_was(folder):
    tenant, before = alias("acme"), every_line(folder)
    mine = [row for row in before if tenant in row[3]]
    assert erase.erase(folder, *DAYS, tenant, really=True, forgotten="2000-01-01") == len(mine) == sum(fields.get("tenant.alias") == tenant for _, fields in parsed()) > 5
    assert every_line(folder) == [row for row in before if tenant not in row[3]]
    assert all(tenant not in rest.gzip.decompress(path.read_bytes()).decode() for path in folder.bucket.rglob("*.gz"))


def test_it_only_counts_until_it_is_told_twice(folder):
    before = {path: path.read_bytes() for path in folder.bucket.rglob("*.gz")}
    assert erase.erase(folder, *DAYS, alias("globex"), really=False, forgotten="2000-01-01") > 0
    assert {path: path.read_bytes() for path in folder.bucket.rglob("*.gz")} == before


def test_other_days_stay(folder):
    assert erase.erase(folder, "2000-01-01", "2000-12-31", alias("acme"), really=True, forgotten="2000-01-01") == 0


def test_an_object_with_nothing_else_in_it_goes(tmp_path):
    rest.deliver(rest.records([{**LINE, "message": '{"tenant.alias":"one"}'}]), tmp_path)
    assert erase.erase(Folder(tmp_path), *DAYS, "one", really=True, forgotten="2000-01-01") == 1
    assert not [path for path in tmp_path.rglob("*.gz") if "service=booking-api" in str(path)]


def test_what_a_caller_sent_does_not_hinder_it(tmp_path):
    """An error that quotes other ends of lines than JSON's own, and a line that was cut off."""
    odd = ['{"message":"one\u2028two\u2029three\u0085four","tenant.alias":"other"}', '{"tenant.alias":"one","error":"cut o', '{"tenant.alias":"one"}']
    rest.deliver(rest.records([{**LINE, "message": each} for each in odd]), tmp_path)
    folder = Folder(tmp_path)
    assert erase.erase(folder, *DAYS, "one", really=True, forgotten="2000-01-01") == 2
    assert [row[3] for row in every_line(folder) if row[1] == "booking-api"] == odd[:1]


def test_a_batch_that_began_the_day_before_is_looked_at(tmp_path):
    midnight = 1795737600000
    rest.deliver(rest.records([{**LINE, "timestamp": midnight - 1, "message": "{}"}, {**LINE, "timestamp": midnight, "message": '{"tenant.alias":"one"}'}]), tmp_path)
    assert erase.erase(Folder(tmp_path), "2026-11-27", "2026-11-27", "one", really=True, forgotten="2000-01-01") == 1


def test_an_object_that_was_written_anew_is_found_and_goes_when_its_time_is_over(folder):
    """S3 counts its days from when it was written last."""
    erase.erase(folder, *DAYS, alias("acme"), really=True, forgotten="2000-01-01")
    assert erase.erase(folder, *DAYS, alias("globex"), really=True, forgotten="2999-12-31") > 0
    assert not [row for row in every_line(folder) if alias("globex") in row[3]]


def test_a_tenant_is_not_taken_for_one_whose_name_begins_the_same():
    text = '{"logEvents":[{"message":"{\\"tenant.id\\":\\"acme2\\"}"},{"message":"acme"}]}\n'
    assert erase.without(text, "acme") == (text, 0)
