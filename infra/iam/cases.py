"""Cases: who asks for what, and whether it must be allowed."""

from dataclasses import dataclass, field

from deployed import BOOKING, MILEAGE, OBSERVABILITY

STRANGER_ACCOUNT = "999999999999"
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
# What the other side of a call across accounts says, where only this side is asked about.
OPEN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
ANONYMOUS = "anonymous"


@dataclass
class Case:
    """One request and what must come of it."""

    name: str
    allowed: bool
    principal: str
    action: str
    resource: str
    account: str
    context: dict = field(default_factory=dict)
    identity: list = field(default_factory=list)
    resourcePolicy: str | None = None
    # Why it is asked: "call" (a function's), "platform", "service", or what it probes.
    kind: str = "call"


class Book:
    """The cases of a deployment."""

    def __init__(self, deployed):
        self.deployed = deployed
        self.cases = []
        self.not_evaluated = []
        deployed.policies.update({"everything": ALLOW_ALL, "stranger/open": OPEN})
        for account in (BOOKING, MILEAGE, OBSERVABILITY):
            # A key of the account's that trusts its policies, as most do.
            deployed.policies[f"stranger/key of {account}"] = {**OPEN, "Statement": [{**OPEN["Statement"][0], "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}]}
        self.buckets = {stack.arn(name): stack.account for stack in deployed.stacks.values() for name, _ in stack.resources("AWS::S3::Bucket")}

    def ask(self, name, allowed, principal, action, resource, kind, context=None, identity=(), policy=None, account=None):
        """Adds a case; the resource's account and policy are looked up where they are not given."""
        context = {"aws:SecureTransport": "true", **(context or {})}
        policy = policy or self._policy(principal, resource)
        account = account or self._account(resource, principal)
        self.cases.append(Case(name, allowed, principal, action, resource, account, context, list(identity), policy, kind))

    def as_role(self, role, **more):
        """The context of a role's session, besides what the caller adds."""
        return {"aws:PrincipalArn": role.arn, "aws:PrincipalAccount": role.account, **more}

    def stranger(self, account, name="stranger"):
        """A role that has every permission that its own account can give: principal and context."""
        context = {"aws:PrincipalArn": f"arn:aws:iam::{account}:role/{name}", "aws:PrincipalAccount": account}
        return f"arn:aws:sts::{account}:assumed-role/{name}/somebody", context

    def _policy(self, principal, resource):
        if ":key/" in resource:
            return self.deployed.resource_policy(resource) or f"stranger/key of {resource.split(':')[4]}"
        if resource == "*":
            account = principal.split(":")[4] if principal.startswith("arn:") else None
            return self.deployed.of_resources.get(f"xray of {account}")
        if principal.startswith("arn:") and ":log-group:" in resource:
            return None
        if ":log-group:" in resource:
            return self.deployed.of_resources.get(f"logs of {resource.split(':')[4]}")
        return self.deployed.resource_policy(resource)

    def _account(self, resource, principal):
        bucket = resource.split("/")[0]
        if bucket in self.buckets:
            return self.buckets[bucket]
        if resource == "*" or bucket.startswith("arn:aws:s3:::"):
            return principal.split(":")[4]
        return resource.split(":")[4]

    def covered(self):
        """What is allowed: session, action, resource."""
        return {(case.principal, case.action, case.resource) for case in self.cases if case.allowed}


# --- Probes: what follows from a call that is allowed --------------------------------------------------------------------

# Actions that nobody here needs, or that others need; the simulator wants those that fit the kind of resource.
NEIGHBOURS = {
    "table": ["dynamodb:Scan", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteTable"],
    "index": ["dynamodb:Scan", "dynamodb:Query", "dynamodb:PartiQLSelect"],
    "stream": ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DeleteResourcePolicy"],
    "sns": ["sns:Publish", "sns:Subscribe", "sns:SetTopicAttributes", "sns:DeleteTopic"],
    "sqs": ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue", "sqs:SetQueueAttributes"],
    "kms": ["kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"],
    "role": ["sts:SetSourceIdentity", "sts:TagSession", "sts:AssumeRole", "iam:PassRole", "iam:PutRolePolicy"],
    "cognito-idp": ["cognito-idp:AdminSetUserPassword", "cognito-idp:AdminUpdateUserAttributes", "cognito-idp:AdminDeleteUser", "cognito-idp:ListUsers"],
    "execute-api": ["execute-api:InvalidateCache"],
    "bucket": ["s3:DeleteBucket", "s3:PutBucketPolicy", "s3:ListBucket"],
    "object": ["s3:GetObject", "s3:DeleteObject", "s3:PutObject"],
    "secretsmanager": ["secretsmanager:PutSecretValue", "secretsmanager:DeleteSecret"],
    "logs": ["logs:DeleteLogGroup", "logs:FilterLogEvents"],
    "destination": ["logs:PutDestinationPolicy", "logs:DeleteDestination"],
    "firehose": ["firehose:UpdateDestination", "firehose:DeleteDeliveryStream"],
    "athena": ["athena:UpdateWorkGroup", "athena:DeleteWorkGroup", "athena:CreateNamedQuery"],
    "catalog": [],
    "glue database": ["glue:UpdateDatabase", "glue:DeleteDatabase"],
    "glue table": ["glue:UpdateTable", "glue:DeleteTable"],
    "lambda": ["lambda:UpdateFunctionCode", "lambda:DeleteFunction"],
    "oam": ["oam:DeleteSink", "oam:PutSinkPolicy"],
}
# Without a resource of its own: what a role that may some of it may not.
ANY = ["xray:PutResourcePolicy", "xray:GetTraceSummaries", "dynamodb:ListTables", "cloudwatch:GetMetricData", "logs:GetQueryResults", "s3:ListAllMyBuckets",
       "sqs:ListQueues", "sns:ListTopics", "logs:DescribeLogGroups"]


def kind_of(resource):
    """The kind of resource, as NEIGHBOURS has it."""
    parts = resource.split(":", 5)
    if resource == "*":
        return "any"
    service, rest = parts[2], parts[5]
    if service == "dynamodb":
        return "stream" if "/stream/" in rest else "index" if "/index/" in rest else "table"
    if service == "s3":
        return "object" if "/" in rest else "bucket"
    if service == "logs" and rest.startswith("destination:"):
        return "destination"
    if service == "glue":
        return rest if rest == "catalog" else f"glue {rest.split('/')[0]}"
    return "role" if service == "iam" else service


def elsewhere(resource):
    """Resources of the same kind that are somebody else's."""
    kind, (head, rest) = kind_of(resource), (resource.split(":", 5)[:5], resource.split(":", 5)[-1])
    near = ":".join(head) + ":"
    if kind == "any":
        return []
    if kind in ("table", "index", "stream"):
        table, *more = rest.removeprefix("table/").split("/", 1)
        others = [f"{near}table/stranger" + "".join(f"/{part}" for part in more)]
        return others + ([f"{near}table/{table}/index/another"] if kind == "index" else [])
    if kind == "execute-api":
        api, stage, method, path = rest.split("/", 3)
        return [f"{near}stranger0/{stage}/{method}/{path}", f"{near}{api}/{stage}/POST/{path}", f"{near}{api}/{stage}/{method}/stranger",
                f"{near}{api}/prod/{method}/{path}"]
    if kind == "catalog":
        return []
    if kind == "logs":
        return [f"{near}log-group:/aws/lambda/stranger:*"]
    if kind in ("bucket", "object"):
        return ["arn:aws:s3:::stranger" + ("/" + rest.split("/", 1)[1] if kind == "object" else "")]
    if kind == "kms":
        return [f"{near}key/00000000-0000-0000-0000-000000000000"]
    if "/" in rest:
        return [f"{near}{rest.rsplit('/', 1)[0]}/stranger"]
    if kind == "secretsmanager":
        return [f"{near}secret:stranger-AbCdEf"]
    return [f"{near}stranger"]


def short(resource):
    """A resource as a name for people."""
    return resource.split(":", 5)[-1] if resource != "*" else "everything"


def probe(book, who, principal, identity, context, action, resource, place):
    """From an allowed call: other actions on the resource, and the action on other resources, are denied."""
    mine = book.covered()
    for other in NEIGHBOURS.get(kind_of(resource), ANY):
        if (principal, other, resource) not in mine and other != action:
            book.ask(f"{who} may not {other} {short(resource)}", False, principal, other, resource, "another action", context, identity, **place(resource))
    for stranger in elsewhere(resource):
        if (principal, action, stranger) not in mine:
            book.ask(f"{who} may not {action} {short(stranger)}", False, principal, action, stranger, "another resource", context, identity, **place(stranger))


__all__ = ["ALLOW_ALL", "ANONYMOUS", "BOOKING", "Book", "Case", "MILEAGE", "OBSERVABILITY", "STRANGER_ACCOUNT", "elsewhere", "kind_of", "probe", "short"]
