"""How lines come to rest, without AWS: masked by their log group's policy, sent in batches as CloudWatch Logs sends them, and written as Firehose
does by the stream of infra/logs/template.yaml, whose partition keys are asked of jq itself."""

import functools
import gzip
import json
import re
import sys
from pathlib import Path

import jq

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "infra"))

from cloudformation import Stack, load  # noqa: E402

RECORDED = json.loads((Path(__file__).with_name("recorded.json")).read_text())
OBSERVABILITY = "333333333333"
# Lines of a batch, and batches of an object: few, so that lines are spread as they are in use.
BATCH, OBJECT = 7, 3


@functools.cache
def stack(name, account=OBSERVABILITY, **parameters):
    """A template's stack at the recorded stage."""
    template = load((ROOT / f"infra/{name}/template.yaml").read_text())
    return Stack(template, {"Stage": RECORDED["stage"], **parameters}, account)


LOGS = stack("logs", SourceAccountIds=",".join(RECORDED["accounts"].values()))
RESOURCES = dict(LOGS.resources())
DESTINATION = RESOURCES["LogsStream"]["ExtendedS3DestinationConfiguration"]
PROCESSORS = {each["Type"]: {one["ParameterName"]: one["ParameterValue"] for one in each["Parameters"]} for each in DESTINATION["ProcessingConfiguration"]["Processors"]}


@functools.cache
def access_log(api, account):
    """The format of an API's access log."""
    return dict(stack(api, account).resources("AWS::Serverless::Api"))["Api"]["AccessLogSetting"]["Format"]


def access_lines():
    """What API Gateway writes of each recorded request, by the format of its template."""
    invocations = {}
    for event in RECORDED["events"]:
        if '"faas.invocation_id"' in event["message"]:
            fields = json.loads(event["message"])
            invocations[event["account"], fields["trace_id"]] = fields["faas.invocation_id"]
    for number, request in enumerate(RECORDED["requests"]):
        account, answered = RECORDED["accounts"][request["api"]], request["trace_id"] != ""
        # Of what it refused by itself, API Gateway says a trace too, which leads to its own segment.
        trace = request["trace_id"] or f"{number + 1:032x}"
        said = {
            "requestTimeEpoch": request["at_ms"], "identity.sourceIp": f"203.0.113.{number}", "requestId": request["request_id"],
            "integration.requestId": invocations.get((account, trace), "-"), "xrayTraceId": f"1-{trace[:8]}-{trace[8:]}",
            "httpMethod": request["method"], "resourcePath": request["route"], "status": request["status"], "responseLatency": 12,
            "integrationLatency": 10 if answered else "-", "integrationStatus": request["status"] if answered else "-", "waf.status": "-",
            "error.responseType": "-" if answered else "UNAUTHORIZED",
        }  # fmt: skip
        message = re.sub(r"\$context\.([A-Za-z.]+)", lambda match: str(said[match[1]]), access_log(request["api"], account))
        yield {"account": account, "log_group": f"/aws/apigateway/{request['api']}-{RECORDED['stage']}", "log_stream": "0", "timestamp": request["at_ms"],
               "message": message}  # fmt: skip


def lines():
    """All that was logged: recorded of the functions, and what API Gateway says of the same requests."""
    return sorted([*RECORDED["events"], *access_lines()], key=lambda line: line["timestamp"])


@functools.cache
def custom_identifiers():
    """Regular expressions of what the log groups of functions mask, besides what AWS knows by itself."""
    group = stack("booking", LogDestinationArn="arn:aws:logs:eu-west-1:333333333333:destination:one")
    policy = dict(group.resources("AWS::Logs::LogGroup"))["BookingApiLogs"]["DataProtectionPolicy"]
    return [each["Regex"] for each in policy["Configuration"]["CustomDataIdentifier"]]


# Wider than AWS's own identifiers, which are not told in full: mail addresses, IPv4 addresses, and 40 characters as a secret key has them.
MANAGED = (r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+", r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])", r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")


def masked(message):
    """As a subscription filter gets it: asterisks for each character."""
    for expression in (*custom_identifiers(), *MANAGED):
        message = re.sub(expression, lambda match: "*" * len(match[0]), message)
    return message


def transformed(message, api):
    """As the transformer of an API's access log makes a line: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Transformation-Processors.html"""
    parse, substitute = dict(stack(api, LogDestinationArn="arn:aws:logs:eu-west-1:333333333333:destination:one").resources())["ApiAccessLogsNetworks"]["TransformerConfig"]
    assert parse == {"ParseJSON": {}}
    fields = json.loads(message)
    for entry in substitute["SubstituteString"]["Entries"]:
        if entry["Source"] in fields:
            fields[entry["Source"]] = re.sub(entry["From"], re.sub(r"\$(\d)", r"\\g<\1>", entry["To"]), fields[entry["Source"]])
    return json.dumps(fields)


def arrives(line):
    """What a subscription filter gets of a line."""
    api = re.fullmatch(rf"/aws/apigateway/(\w+)-{RECORDED['stage']}", line["log_group"])
    return transformed(line["message"], api[1]) if api else masked(line["message"])


def records(logged):
    """What Firehose is sent: gzip'd batches of one log stream each, after the message by which CloudWatch Logs tries the destination."""
    control = {"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "", "logStream": "", "subscriptionFilters": [],
               "logEvents": [{"id": "", "timestamp": logged[0]["timestamp"], "message": "CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}  # fmt: skip
    yield gzip.compress(json.dumps(control).encode())
    streams = {}
    for number, line in enumerate(logged):
        event = {"id": f"{number:056}", "timestamp": line["timestamp"], "message": arrives(line)}
        streams.setdefault((line["account"], line["log_group"], line["log_stream"]), []).append(event)
    for (account, group, name), events in streams.items():
        for start in range(0, len(events), BATCH):
            batch = {"messageType": "DATA_MESSAGE", "owner": account, "logGroup": group, "logStream": name, "subscriptionFilters": ["to-rest"],
                     "logEvents": events[start : start + BATCH]}  # fmt: skip
            yield gzip.compress(json.dumps(batch, ensure_ascii=False).encode())


def partition(batch):
    """Where Firehose puts a batch: its prefix; `None` where it cannot say, and writes an error."""
    query = jq.compile(PROCESSORS["MetadataExtraction"]["MetadataExtractionQuery"])
    try:
        keys = query.input_value(json.loads(batch)).first()
    except ValueError:
        return None
    if any(not isinstance(value, str) or not value for value in keys.values()):
        return None
    return re.sub(r"!\{partitionKeyFromQuery:(\w+)\}", lambda match: keys[match[1]], DESTINATION["Prefix"])


def deliver(sent, bucket):
    """Writes objects below the folder; what cannot be partitioned below the prefix of errors."""
    waiting, number = {}, 0
    ends = PROCESSORS["AppendDelimiterToRecord"]["Delimiter"].replace("\\n", "\n")
    for record in sent:
        batch = gzip.decompress(record).decode() if PROCESSORS["Decompression"]["CompressionFormat"] == "GZIP" else record
        waiting.setdefault(partition(batch) or DESTINATION["ErrorOutputPrefix"].split("!")[0], []).append(batch + ends)
    for prefix, batches in waiting.items():
        for start in range(0, len(batches), OBJECT):
            path = bucket / prefix / f"{number:04}.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress("".join(batches[start : start + OBJECT]).encode()))
            number += 1
