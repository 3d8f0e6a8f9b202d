"""Refused requests on their way to the control plane: who hands them over, who delivers them, who reads what was not taken."""

from at_rest import taken
from callers import ACCOUNT, ARN
from cases import BOOKING, MILEAGE, STRANGER_ACCOUNT
from deployed import REGION


def needed(label, stack):
    """What roles need, as whose, role, action and resource.
    https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-http, https://docs.aws.amazon.com/firehose/latest/dev/secrets-manager-how.html"""
    there = dict(stack.resources())
    if "ApiRefusals" in there:
        yield "CloudWatch Logs", (label, "ApiRefusalsRole"), "firehose:PutRecordBatch", there["ApiRefusals"]["DestinationArn"]
    if "AccessLogsStream" not in there:
        return
    bucket, group = stack.arn("AccessLogsUndelivered"), stack.name("AccessLogsStreamLogs")
    wanted = [("secretsmanager:GetSecretValue", stack.arn("AccessLogsKey"))]
    wanted += [(f"s3:{action}", bucket) for action in ("GetBucketLocation", "ListBucket", "ListBucketMultipartUploads")]
    wanted += [(f"s3:{action}", f"{bucket}/http-endpoint-failed/2026-11-27/1.gz") for action in ("PutObject", "AbortMultipartUpload")]
    wanted.append(("logs:PutLogEvents", f"arn:aws:logs:{REGION}:{stack.account}:log-group:{group}:log-stream:errors"))
    for action, resource in wanted:
        yield "Firehose", (label, "AccessLogsStreamRole"), action, resource


def ask(book):
    """Both roles are for this account's stream and log groups; what was not taken is reached by its account alone, and by TLS."""
    deployed = book.deployed
    for (label, name), role in deployed.roles.items():
        if name == "AccessLogsStreamRole":
            stream = deployed.arn(label, "AccessLogsStream")
            taken(book, "firehose", role, {ARN: stream, ACCOUNT: role.account}, {
                "another stream": {ARN: f"arn:aws:firehose:{REGION}:{role.account}:deliverystream/stranger"},
                "another account": {ACCOUNT: STRANGER_ACCOUNT},
            })  # fmt: skip
        elif name == "ApiRefusalsRole":
            group = f"arn:aws:logs:{REGION}:{role.account}:log-group:/aws/apigateway/{label}-dev:*"
            taken(book, "logs", role, {ARN: group, ACCOUNT: role.account}, {
                "a log group of another account": {ARN: group.replace(role.account, STRANGER_ACCOUNT)},
                "another account": {ACCOUNT: STRANGER_ACCOUNT},
                "something that is no log group": {ARN: f"arn:aws:sns:{REGION}:{role.account}:one"},
            })  # fmt: skip
    for label in ("source-account-booking", "source-account-mileage"):
        stack = deployed.stacks[label]
        bucket = stack.arn("AccessLogsUndelivered")
        admin, of = book.stranger(stack.account, "admin")
        for resource, action in ((f"{bucket}/1.gz", "s3:GetObject"), (f"{bucket}/1.gz", "s3:DeleteObject"), (bucket, "s3:ListBucket")):
            what = f"{action} of what the control plane did not take in {stack.account}"
            book.ask(f"an administrator may {what}", True, admin, action, resource, "service", of, ["everything"])
            book.ask(f"an administrator may not {what} without TLS", False, admin, action, resource, "deputy", {**of, "aws:SecureTransport": "false"}, ["everything"])
        for account in {BOOKING, MILEAGE, STRANGER_ACCOUNT} - {stack.account}:
            principal, of = book.stranger(account)
            for action in ("s3:GetObject", "s3:PutObject"):
                book.ask(f"a role of {account} may not {action} of what was not taken in {stack.account}", False, principal, action, f"{bucket}/1.gz", "another account",
                         of, ["everything"])


__all__ = ["ask", "needed"]
