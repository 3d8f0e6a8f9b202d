"""Logs at rest: who hands lines over, who writes them, who reads them."""

from callers import ACCOUNT, ARN, other_accounts
from cases import BOOKING, MILEAGE, OBSERVABILITY, STRANGER_ACCOUNT, short
from deployed import REGION


def needed(deployed, stack):
    """What roles need, as whose, role, action and resource: Firehose writes, CloudWatch Logs hands over, and who may read asks.
    https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html, https://docs.aws.amazon.com/athena/latest/ug/workgroups-iam-policy.html"""
    bucket, place = stack.arn("LogsBucket"), f"{REGION}:{stack.account}"
    lines, answer = f"{bucket}/logs/account={BOOKING}/service=booking-api/day=2026-11-25/1.gz", f"{bucket}/results/1.csv"
    stream = f"arn:aws:logs:{place}:log-group:{stack.name('StreamLogs')}:log-stream:errors"
    written = [("s3:GetBucketLocation", bucket), ("s3:ListBucket", bucket), ("s3:ListBucketMultipartUploads", bucket), ("logs:PutLogEvents", stream)]
    written += [(f"s3:{action}", key) for action in ("PutObject", "AbortMultipartUpload") for key in (lines, f"{bucket}/errors/processing-failed/1.gz")]
    for action, resource in written:
        yield "Firehose", ("logs", "StreamRole"), action, resource
    for action in ("firehose:PutRecord", "firehose:PutRecordBatch"):
        yield "CloudWatch Logs", ("logs", "DestinationRole"), action, stack.arn("LogsStream")
    if ("logs", "LogsReaderRole") not in deployed.roles:
        return
    group, database = f"arn:aws:athena:{place}:workgroup/{stack.name('LogsWorkGroup')}", stack.name("Database")
    asked = [(f"athena:{action}", group) for action in (
        "BatchGetNamedQuery", "GetNamedQuery", "GetQueryExecution", "GetQueryResults", "GetWorkGroup", "ListNamedQueries", "StartQueryExecution", "StopQueryExecution",
    )]  # fmt: skip
    tables = [f"arn:aws:glue:{place}:{each}" for each in ("catalog", f"database/{database}", f"table/{database}/batches")]
    asked += [("glue:GetTable", each) for each in tables] + [("glue:GetDatabase", each) for each in tables[:2]]
    # https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html: the default database, too.
    asked.append(("glue:GetDatabase", f"arn:aws:glue:{place}:database/default"))
    asked += [("s3:GetBucketLocation", bucket), ("s3:ListBucket", bucket), ("s3:GetObject", lines)]
    asked += [(f"s3:{action}", answer) for action in ("GetObject", "PutObject", "AbortMultipartUpload")]
    for action, resource in asked:
        yield "who reads logs", ("logs", "LogsReaderRole"), action, resource


def ask(book):
    """Source accounts subscribe to the destination; its roles are for the one stream and for these accounts' logs; the bucket is reached by TLS."""
    stack = book.deployed.stacks["logs"]
    destination, bucket = stack.arn("LogsDestination"), stack.arn("LogsBucket")
    other_accounts(book, "logs:PutSubscriptionFilter to logs at rest", "logs:PutSubscriptionFilter", destination, {}, {BOOKING, MILEAGE})
    for action in ("logs:PutDestinationPolicy", "logs:DeleteDestination"):
        other_accounts(book, f"{action} of logs at rest", action, destination, {}, ())
    roles = book.deployed.roles
    taken(book, "firehose", roles["logs", "StreamRole"], {ARN: stack.arn("LogsStream"), ACCOUNT: OBSERVABILITY}, {
        "another stream": {ARN: f"arn:aws:firehose:{REGION}:{OBSERVABILITY}:deliverystream/stranger"},
        "another account": {ACCOUNT: STRANGER_ACCOUNT},
    })  # fmt: skip
    for account in (BOOKING, MILEAGE, OBSERVABILITY):
        taken(book, "logs", roles["logs", "DestinationRole"], {ARN: f"arn:aws:logs:{REGION}:{account}:log-group:/aws/lambda/one:*"}, {
            "another account": {ARN: f"arn:aws:logs:{REGION}:{STRANGER_ACCOUNT}:log-group:/aws/lambda/one:*"},
            "something that is no log group": {ARN: f"arn:aws:sns:{REGION}:{account}:one"},
        })  # fmt: skip
    reader = roles.get(("logs", "LogsReaderRole"))
    for account in (OBSERVABILITY, STRANGER_ACCOUNT) if reader else ():
        for name in ("on-call", "stranger"):
            principal, of = book.stranger(account, name)
            may = (account, name) == (OBSERVABILITY, "on-call")
            book.ask(f"{name} of {account} {'may' if may else 'may not'} read logs at rest", may, principal, "sts:AssumeRole", reader.arn,
                     "service" if may else "trust", of, ["everything"])
    on_call, of = book.stranger(OBSERVABILITY, "on-call")
    if reader:
        book.ask("on-call may not sts:SetSourceIdentity of who reads logs", False, on_call, "sts:SetSourceIdentity", reader.arn, "another action", of)
    admin, of = book.stranger(OBSERVABILITY, "admin")
    for resource, action in ((f"{bucket}/logs/1.gz", "s3:GetObject"), (f"{bucket}/logs/1.gz", "s3:DeleteObject"), (bucket, "s3:ListBucket")):
        book.ask(f"an administrator may {action} of logs at rest", True, admin, action, resource, "service", of, ["everything"])
        book.ask(f"an administrator may not {action} of logs at rest without TLS", False, admin, action, resource, "deputy",
                 {**of, "aws:SecureTransport": "false"}, ["everything"])
    for account in (BOOKING, MILEAGE, STRANGER_ACCOUNT):
        principal, of = book.stranger(account)
        for action in ("s3:GetObject", "s3:PutObject"):
            book.ask(f"a role of {account} may not {action} of logs at rest", False, principal, action, f"{bucket}/logs/1.gz", "another account", of, ["everything"])


def taken(book, service, role, given, others):
    """A role that a service takes for what `given` names, and for none of `others`."""
    principal, whose = f"{service}.amazonaws.com", short(role.arn)
    given = {"aws:PrincipalIsAWSService": "true", **given}
    about = short(given[ARN])
    book.ask(f"{service} may sts:AssumeRole {whose} for {about}", True, principal, "sts:AssumeRole", role.arn, "service", given)
    for what, changes in others.items():
        book.ask(f"{service} may not sts:AssumeRole {whose} for {what}", False, principal, "sts:AssumeRole", role.arn, "deputy", {**given, **changes})
    book.ask(f"{service} may not sts:AssumeRole {whose} for nobody", False, principal, "sts:AssumeRole", role.arn, "deputy", {"aws:PrincipalIsAWSService": "true"})
    book.ask(f"another service may not sts:AssumeRole {whose} for {about}", False, "s3.amazonaws.com", "sts:AssumeRole", role.arn, "another service", given)
    book.ask(f"{service} may not sts:SetSourceIdentity of {whose} for {about}", False, principal, "sts:SetSourceIdentity", role.arn, "another action", given)
    for account in (role.account, STRANGER_ACCOUNT):
        stranger, context = book.stranger(account)
        book.ask(f"a role of {account} may not sts:AssumeRole {whose} for {about}", False, stranger, "sts:AssumeRole", role.arn, "trust", {**given, **context,
                 "aws:PrincipalIsAWSService": "false"}, ["everything"])


__all__ = ["ask", "needed", "taken"]
