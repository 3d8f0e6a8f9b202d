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

    def delete(self, key):
        rest.Path(key).unlink()


@pytest.fixture
def folder(tmp_path):
    rest.deliver(rest.records(rest.lines()), tmp_path)
    return Folder(tmp_path)


DAYS = ("2000-01-01", "2999-12-31")
EVERY = "SELECT account, service, day, item.message FROM (SELECT account, service, day, unnest(logevents) AS item FROM batches) ORDER BY ALL"


def every_line(folder):
    return Athena(folder.bucket).engine.execute(EVERY).fetchall()


def test_a_tenants_lines_are_gone_and_every_other_line_is_where_it_was(folder):
    tenant, before = alias("acme"), every_line(folder)
    mine = [row for row in before if tenant in row[3]]
    assert erase.erase(folder, *DAYS, tenant, really=True) == len(mine) == sum(fields.get("tenant.alias") == tenant for _, fields in parsed()) > 5
    assert every_line(folder) == [row for row in before if tenant not in row[3]]
    assert all(tenant not in rest.gzip.decompress(path.read_bytes()).decode() for path in folder.bucket.rglob("*.gz"))


def test_it_only_counts_until_it_is_told_twice(folder):
    before = {path: path.read_bytes() for path in folder.bucket.rglob("*.gz")}
    assert erase.erase(folder, *DAYS, alias("globex"), really=False) > 0
    assert {path: path.read_bytes() for path in folder.bucket.rglob("*.gz")} == before


def test_other_days_stay(folder):
    assert erase.erase(folder, "2000-01-01", "2000-12-31", alias("acme"), really=True) == 0


def test_an_object_with_nothing_else_in_it_goes(tmp_path):
    line = {"account": "111111111111", "log_group": "/aws/lambda/booking-api-local", "log_stream": "1", "timestamp": 1795743259000}
    rest.deliver(rest.records([{**line, "message": '{"tenant.alias":"one"}'}]), tmp_path)
    assert erase.erase(Folder(tmp_path), *DAYS, "one", really=True) == 1
    assert not [path for path in tmp_path.rglob("*.gz") if "service=booking-api" in str(path)]


def test_a_tenant_is_not_taken_for_one_whose_name_begins_the_same():
    text = '{"logEvents":[{"message":"{\\"tenant.id\\":\\"acme2\\"}"},{"message":"acme"}]}\n'
    assert erase.without(text, "acme") == (text, 0)
