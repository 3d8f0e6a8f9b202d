"""Erases a tenant's lines from logs at rest.

    erase.py STAGE FIRST-DAY LAST-DAY TENANT

TENANT is what logs call it: its alias, or its id where LOG_TENANT is plain. The named query objects_of_a_tenant finds the objects, from the day before on,
since a batch is kept with the day of its first line; each is written anew without the tenant's lines. One that is older than KeepDays, because it was
written anew before, is deleted. Without YES=1 it only says how many lines there are. README.md says what else knows a tenant.
"""

import csv
import datetime
import gzip
import io
import json
import os
import re
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


def names(message, tenant):
    """Whether a line names the tenant as the queries read it. Of one that was cut off Athena reads what is before the cut: it is looked for there."""
    try:
        fields = json.loads(message)
    except ValueError:
        return any(f'"{name}":"{tenant}"' in message for name in NAMES)
    return isinstance(fields, dict) and next((fields[name] for name in NAMES if fields.get(name) is not None), None) == tenant


def without(text, tenant):
    """An object's text without the tenant's lines, and how many there were. Every batch without one stays as it is, byte for byte."""
    kept, erased = [], 0
    # At line feeds alone: a line's text may hold other ends of lines, which JSON leaves as they are.
    for line in re.findall(r"[^\n]+\n?", text):
        batch = json.loads(line)
        events = [event for event in batch["logEvents"] if not names(event["message"], tenant)]
        erased += len(batch["logEvents"]) - len(events)
        if len(events) == len(batch["logEvents"]):
            kept.append(line)
        elif events:
            kept.append(json.dumps({**batch, "logEvents": events}, ensure_ascii=False, separators=(",", ":")) + "\n")
    return "".join(kept), erased


def erase(at_rest, first, last, tenant, really, forgotten):
    """Lines found, or erased where `really`; objects of a day before `forgotten` go as a whole. One that somebody writes at the same time stops it."""
    found, first = 0, str(datetime.date.fromisoformat(first) - datetime.timedelta(days=1))
    for key in at_rest.objects(first, last, tenant):
        body, version = at_rest.read(key)
        text, erased = without(gzip.decompress(body).decode(), tenant)
        found += erased
        if really and text and day_of(key) >= forgotten:
            at_rest.write(key, gzip.compress(text.encode()), version)
        elif really:
            at_rest.delete(key, version)
    if really and (left := at_rest.objects(first, last, tenant)):
        raise NotErased(f"{len(left)} objects hold lines of {tenant} still: run this again")
    return found


def day_of(key):
    """The day of an object's folder."""
    return re.search(r"/day=([0-9-]{10})/", key)[1]


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
        self._unchanged(self.s3.put_object, key, IfMatch=version, Body=body)

    def delete(self, key, version):
        self._unchanged(self.s3.delete_object, key, IfMatch=version)

    def _unchanged(self, change, key, **given):
        """Only where nobody wrote the object in between."""
        try:
            change(Bucket=self.bucket, Key=key, **given)
        except self.s3.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (404, 409, 412):
                raise
            raise NotErased(f"somebody else wrote {key} at the same time: run this again") from None


def main(arguments):
    day, name = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[A-Za-z0-9_-]+"
    if not re.fullmatch(f"{name} {day} {day} {name}", " ".join(arguments)):
        sys.exit(__doc__.strip())
    from deployment.cloud import Cloud
    from deployment.config import Config

    stage, first, last, tenant = arguments
    cloud, really = Cloud(Config(stage)), os.environ.get("YES") == "1"
    outputs = cloud.outputs("logs")
    if not outputs:
        sys.exit(f"{stage} keeps no logs: `make deploy STAGE={stage}`")
    kept = AtRest(cloud.client("logs", "s3"), cloud.client("logs", "athena"), outputs["LogsBucket"], outputs["LogsWorkGroup"], outputs["LogsDatabase"])
    forgotten = datetime.date.today() - datetime.timedelta(days=int(cloud.parameters("logs").get("KeepDays", 365)))
    try:
        lines = erase(kept, first, last, tenant, really, str(forgotten))
    except NotErased as error:
        sys.exit(str(error))
    print(f"{lines} lines of {tenant} {'erased' if really else 'found; YES=1 erases them'}")


if __name__ == "__main__":
    main(sys.argv[1:])
