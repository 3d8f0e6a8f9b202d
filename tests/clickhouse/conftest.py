"""ClickHouse, a control plane on it that takes what a collector wrote to `otel_traces`, and spans in it."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

import grafana
import points
import spans

SQL = Path(__file__).parents[2] / "infra" / "clickhouse"
DASHBOARDS = [json.loads(path.read_text()) for path in sorted((SQL.parent / "grafana/dashboards/clickhouse").glob("*.json"))]
BINARY = Path(__file__).parents[2] / "target/debug/control-plane"
SHIM = Path(__file__).with_name("shim.py")
# What a batch of the exporter has, or more.
BATCH = 10_000
PATIENCE = 240


class ClickHouse:
    """A real server where CLICKHOUSE_URL names one, its engine behind shim.py otherwise; and a control plane that leads on it."""

    def __init__(self, folder):
        self.shim = None
        self.url = os.environ.get("CLICKHOUSE_URL")
        if not self.url:
            command = [sys.executable, "-B", SHIM, folder / "clickhouse"]
            self.shim = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.url = self.shim.stdout.readline().strip()
        self.database, self.otel = f"control_plane_{os.getpid()}", f"otel_{os.getpid()}"
        self.post(f"CREATE DATABASE {self.otel}", database="default")
        # What is dropped for its age is no business of these tests, whose spans grow old.
        table = re.sub(r"^TTL .*\n", "", (SQL / "otel_traces.sql").read_text(), flags=re.MULTILINE)
        self.post(table.strip().rstrip(";"), database=self.otel)
        store = f"clickhouse://{self.url.removeprefix('http://')}/{self.database}"
        binary = os.environ.get("CONTROL_PLANE_BIN", BINARY)
        subprocess.run([binary, "migrate", "--store", store, "--otel-traces", f"{self.otel}.otel_traces"], check=True, stdout=subprocess.DEVNULL)
        config = folder / "control-plane.toml"
        # The prices that the dashboards have.
        config.write_text("[slo]\nsettle_seconds = 0\n" + (SQL.parents[1] / "local/prices.toml").read_text())
        command = [binary, "serve", "--listen", "127.0.0.1:0", "--data", folder / "data", "--config", config, "--store", store]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.control_plane = re.fullmatch(r"listening on (\S+)\n", self.process.stdout.readline())[1]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        for database in (self.database, self.otel):
            self.post(f"DROP DATABASE {database}", database="default")
        if self.shim:
            self.shim.stdin.close()
            self.shim.wait()
            self.shim.stdout.close()

    def post(self, sql, database=None):
        settings = {"database": database or self.database, "output_format_json_quote_64bit_integers": "0"}
        request = urllib.request.Request(f"{self.url}/?{urllib.parse.urlencode(settings)}", sql.encode())
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{refusal.read().decode()}\n{sql}") from None

    def get(self, path):
        """What the control plane's API answers."""
        with urllib.request.urlopen(self.control_plane + path, timeout=PATIENCE) as answer:
            return json.load(answer)

    def measure(self, points):
        """Points of metrics as a function sends them."""
        request = urllib.request.Request(f"{self.control_plane}/v1/metrics", json.dumps(points).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert json.load(answer).get("partialSuccess", {}) == {}

    def insert(self, rows):
        """As the exporter inserts a batch."""
        self.post("INSERT INTO otel_traces FORMAT JSONEachRow\n" + "\n".join(map(json.dumps, rows)), database=self.otel)

    def rows(self, sql):
        """Rows of a query as dictionaries."""
        return [json.loads(line) for line in self.post(f"{sql}\nFORMAT JSONEachRow").splitlines()]

    def minutes(self):
        """The sums of each minute that are counted."""
        first, last = (int(moment.timestamp()) for moment in (spans.MONTH, spans.END))
        return self.rows(f"""
            SELECT toUnixTimestamp(start) AS begin, account, service, operation, kind, tenant, tier,
                requests, failed, duration_ns, weight, weighted_failed, weighted_duration_ns, estimated, bins
            FROM cells
            WHERE together = 0 AND (width, start, version) IN
                (SELECT width, start, version FROM counted(from = {first}, to = {last}, hours_to = 0, days_to = 0))""")

    def ask(self, name, start, end, **variables):
        """Rows of one of the files; what is not said of variables is as the dashboards have it at first."""
        return self.panel((SQL / f"{name}.sql").read_text(), start, end, **variables)

    def panel(self, sql, start, end, interval=300, **variables):
        """Rows of what Grafana asks."""
        return self.rows(grafana.expand(sql, start.timestamp(), end.timestamp(), interval, grafana.at_first(DASHBOARDS) | variables))


@pytest.fixture(scope="session")
def all_spans():
    """Every span there is."""
    return spans.generate()


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory, all_spans):
    """All spans, inserted in batches, some of these again as a collector does that was not answered; and all sums made."""
    clickhouse = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    try:
        rows = [span.row for span in all_spans]
        for first in range(0, len(rows), BATCH):
            clickhouse.insert(rows[first:first + BATCH])
        clickhouse.insert(rows[:BATCH // 2])
        for _ in range(2):
            clickhouse.measure(points.request())
        begun = time.monotonic()
        unmade = "SELECT count() AS n FROM changed WHERE rank NOT IN (SELECT rank FROM done)"
        expected = len(spans.requests(all_spans, spans.MONTH, spans.END))
        while (requests := sum(row["requests"] for row in clickhouse.minutes())) != expected or clickhouse.rows(unmade) != [{"n": 0}]:
            assert time.monotonic() - begun < PATIENCE, f"{requests} of {expected} requests are in the sums"
            time.sleep(1)
        yield clickhouse
    finally:
        clickhouse.stop()
