"""Erases a tenant's lines from logs at rest.

    erase.py STAGE FIRST-DAY LAST-DAY TENANT

TENANT is what logs call it: its alias, or its id where LOG_TENANT is plain. The named query objects_of_a_tenant finds the objects; each is written anew
without the tenant's lines. Without YES=1 it only says how many there are. docs/operate.md says what else knows a tenant.
"""

import csv
import gzip
import io
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

QUERY = Path(__file__).resolve().parent / "queries/objects_of_a_tenant.sql"
NAMES = ("tenant.alias", "tenant.id")
POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "1"))
UNDER_WAY = ("QUEUED", "RUNNING")


class NotErased(Exception):
    """Why it stopped; the same command goes on from there."""


def tenant_of(message):
    """Whom a line names, as the queries read it."""
    try:
        fields = json.loads(message)
    except ValueError:
        return None
    return next((fields[name] for name in NAMES if fields.get(name) is not None), None) if isinstance(fields, dict) else None


def without(text, tenant):
    """An object's text without the tenant's lines, and how many there were. Every batch without one stays as it is, byte for byte."""
    kept, erased = [], 0
    for line in text.splitlines(keepends=True):
        batch = json.loads(line)
        events = [event for event in batch["logEvents"] if tenant_of(event["message"]) != tenant]
        erased += len(batch["logEvents"]) - len(events)
        if len(events) == len(batch["logEvents"]):
            kept.append(line)
        elif events:
            kept.append(json.dumps({**batch, "logEvents": events}, ensure_ascii=False, separators=(",", ":")) + "\n")
    return "".join(kept), erased


def erase(at_rest, first, last, tenant, really):
    """Lines found, or erased where `really`. An object that somebody writes at the same time stops it."""
    found = 0
    for key in at_rest.objects(first, last, tenant):
        body, version = at_rest.read(key)
        text, erased = without(gzip.decompress(body).decode(), tenant)
        found += erased
        if really and text:
            at_rest.write(key, gzip.compress(text.encode()), version)
        elif really:
            at_rest.delete(key)
    if really and (left := at_rest.objects(first, last, tenant)):
        raise NotErased(f"{len(left)} objects hold lines of {tenant} still: run this again")
    return found


@dataclass
class AtRest:
    """Account C's bucket, and the workgroup that answers questions about it."""

    s3: object
    athena: object
    bucket: str
    group: str
    database: str

    def objects(self, first, last, tenant):
        """Keys of the objects with lines of the tenant."""
        # Text in quotes, as Athena reads parameters; a tenant's name has none in it.
        parameters = [f"'{each}'" for each in (first, last, tenant)]
        started = self.athena.start_query_execution(
            QueryString=QUERY.read_text(), QueryExecutionContext={"Database": self.database}, WorkGroup=self.group, ExecutionParameters=parameters,
        )  # fmt: skip
        while True:
            execution = self.athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
            if execution["Status"]["State"] not in UNDER_WAY:
                break
            time.sleep(POLL_SECONDS)
        if execution["Status"]["State"] != "SUCCEEDED":
            raise NotErased(f"the query ended as {execution['Status']['State']}: {execution['Status'].get('StateChangeReason', '')}")
        bucket, _, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
        rows = csv.DictReader(io.StringIO(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()))
        return [row["object"].removeprefix(f"s3://{self.bucket}/") for row in rows]

    def read(self, key):
        found = self.s3.get_object(Bucket=self.bucket, Key=key)
        return found["Body"].read(), found["ETag"]

    def write(self, key, body, version):
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, IfMatch=version)

    def delete(self, key):
        self.s3.delete_object(Bucket=self.bucket, Key=key)


def main(arguments):
    if len(arguments) != 4 or not all(part.replace("-", "").replace("_", "").isalnum() for part in arguments[1:]):
        sys.exit(__doc__.strip())
    from deployment.cloud import Cloud
    from deployment.config import Config

    stage, first, last, tenant = arguments
    cloud, really = Cloud(Config(stage)), os.environ.get("YES") == "1"
    outputs = cloud.outputs("logs")
    if not outputs:
        sys.exit(f"{stage} keeps no logs: `make deploy STAGE={stage}`")
    kept = AtRest(cloud.client("logs", "s3"), cloud.client("logs", "athena"), outputs["LogsBucket"], outputs["LogsWorkGroup"], outputs["LogsDatabase"])
    try:
        lines = erase(kept, first, last, tenant, really)
    except NotErased as error:
        sys.exit(str(error))
    print(f"{lines} lines of {tenant} {'erased' if really else 'found; YES=1 erases them'}")


if __name__ == "__main__":
    main(sys.argv[1:])
