"""Preflight's looks at what an account lets a deployment do. Each takes what was found so far and adds to it."""

from project_file import SERVICES

from .steps import wants_portal

# What a deployment does, one action of each service, and to what: IAM decides by both. `{}` is region, account, stage; "*" is for actions that
# know no resource, or none before it is made.
ACTIONS = {
    "every": [
        ("cloudformation:CreateChangeSet", "arn:aws:cloudformation:{region}:{account}:stack/airline-{stage}-observability/*"),
        ("iam:CreateRole", "arn:aws:iam::{account}:role/airline-{stage}-role"),
        ("iam:PutRolePolicy", "arn:aws:iam::{account}:role/airline-{stage}-role"),
        ("iam:PassRole", "arn:aws:iam::{account}:role/airline-{stage}-role"),
        ("xray:UpdateTraceSegmentDestination", "*"),
    ],
    "observability": [
        ("cloudwatch:PutMetricAlarm", "arn:aws:cloudwatch:{region}:{account}:alarm:booking-p99-{stage}"),
        ("athena:CreateWorkGroup", "arn:aws:athena:{region}:{account}:workgroup/logs-{stage}"),
        ("dynamodb:CreateTable", "arn:aws:dynamodb:{region}:{account}:table/slo-state-{stage}"),
        ("firehose:CreateDeliveryStream", "arn:aws:firehose:{region}:{account}:deliverystream/logs-at-rest-{stage}"),
        ("glue:CreateTable", "arn:aws:glue:{region}:{account}:table/logs_{stage}/batches"),
        ("kms:CreateKey", "*"),
        ("lambda:CreateFunction", "arn:aws:lambda:{region}:{account}:function:slo-evaluator-{stage}"),
        ("oam:CreateSink", "*"),
        ("s3:CreateBucket", "arn:aws:s3:::canary-artifacts-{stage}-{account}"),
        ("secretsmanager:CreateSecret", "arn:aws:secretsmanager:{region}:{account}:secret:canary-{stage}-*"),
        ("sns:CreateTopic", "arn:aws:sns:{region}:{account}:pages-{stage}"),
        ("synthetics:CreateCanary", "*"),
    ],
    "booking": [
        ("apigateway:POST", "arn:aws:apigateway:{region}::/restapis"),
        ("cloudfront:CreateDistribution", "*"),
        ("cognito-idp:CreateUserPool", "*"),
        ("dynamodb:CreateTable", "arn:aws:dynamodb:{region}:{account}:table/reservations-{stage}"),
        ("kms:CreateKey", "*"),
        ("lambda:CreateFunction", "arn:aws:lambda:{region}:{account}:function:booking-api-{stage}"),
        ("oam:CreateLink", "*"),
        ("s3:CreateBucket", "arn:aws:s3:::portal-{stage}-{account}"),
        ("sns:CreateTopic", "arn:aws:sns:{region}:{account}:booking-events-{stage}"),
        ("sqs:CreateQueue", "arn:aws:sqs:{region}:{account}:booking-parking-{stage}"),
        ("wafv2:CreateIPSet", "arn:aws:wafv2:{region}:{account}:regional/ipset/booking-{stage}-blocked-ipv4/*"),
        ("wafv2:CreateWebACL", "arn:aws:wafv2:{region}:{account}:regional/webacl/booking-{stage}/*"),
    ],
    "mileage": [
        ("apigateway:POST", "arn:aws:apigateway:{region}::/restapis"),
        ("dynamodb:CreateTable", "arn:aws:dynamodb:{region}:{account}:table/mileage-ledger-{stage}"),
        ("lambda:CreateFunction", "arn:aws:lambda:{region}:{account}:function:mileage-api-{stage}"),
        ("oam:CreateLink", "*"),
        ("s3:CreateBucket", "arn:aws:s3:::access-logs-undelivered-{stage}-{account}"),
        ("sqs:CreateQueue", "arn:aws:sqs:{region}:{account}:mileage-bookings-{stage}"),
        ("wafv2:CreateIPSet", "arn:aws:wafv2:{region}:{account}:regional/ipset/mileage-{stage}-blocked-ipv4/*"),
        ("wafv2:CreateWebACL", "arn:aws:wafv2:{region}:{account}:regional/webacl/mileage-{stage}/*"),
    ],
}
# What a role is passed to, which a policy may ask for.
CONTEXT = [{"ContextKeyName": "iam:PassedToService", "ContextKeyType": "string", "ContextKeyValues": ["lambda.amazonaws.com"]}]
# Functions behind an API, of which each gets ReservedConcurrency; Lambda keeps 100 of an account for all others.
RESERVED = {"booking": 2, "mileage": 1, **dict.fromkeys(SERVICES, 1)}
UNRESERVED = 100


def rights(cloud, found):
    """Asks IAM's simulator about the caller. It does not know an organisation's policies, and a denial may hang on what it was not told."""
    for name in cloud.config.accounts:
        with found.looking_at(f"what the identity of {found.accounts[name]} may do"):
            caller = cloud.client(name, "sts").get_caller_identity()["Arn"]
            if caller.endswith(":root"):
                found.note(f"{found.accounts[name]} is used as root: deploy by a role, such as the one that infra/bootstrap/template.yaml makes")
                continue
            iam = cloud.client(name, "iam")
            if ":assumed-role/" in caller:
                caller = iam.get_role(RoleName=caller.split("/")[1])["Role"]["Arn"]
            answers = []
            for action, resource in [*ACTIONS["every"], *ACTIONS[name.split("-")[0]]]:
                arn = resource.format(region=found.region, account=found.accounts[name], stage=cloud.stage)
                answers += iam.simulate_principal_policy(
                    PolicySourceArn=caller, ActionNames=[action], ResourceArns=[arn], ContextEntries=CONTEXT
                )["EvaluationResults"]  # fmt: skip
            denied = [each for each in answers if each["EvalDecision"] != "allowed"]
            sure = [each["EvalActionName"] for each in denied if not each.get("MissingContextValues")]
            if sure:
                found.stop(f"{caller} may not {', '.join(dict.fromkeys(sure))} in {found.accounts[name]}: allow this, or deploy by another role")
            if unsure := [each["EvalActionName"] for each in denied if each.get("MissingContextValues")]:
                found.note(f"{caller} may {', '.join(dict.fromkeys(unsure))} only under conditions, which were not tried")


def transaction_search(cloud, found):
    """CloudFormation turns it on only where it is off."""
    for name in (name for name in cloud.config.stacks if name == "observability" or name.startswith("source-")):
        account, profile = found.accounts[cloud.config.stacks[name][0]], cloud.config.sections[name]["profile"]
        wide = {**found.parameters.get(name, {}), **cloud.config.given(name)}.get("AccountWide", "true") == "true"
        with found.looking_at(f"Transaction Search of {account}"):
            on = cloud.client(name, "xray").get_trace_segment_destination()["Destination"] == "CloudWatchLogs"
            if on and wide and name not in found.stacks:
                found.stop(
                    f"Transaction Search is on in {account}, and CloudFormation can turn it on only where it is off. Turn it off, and the stack turns it"
                    f" on again: `aws xray update-trace-segment-destination --destination XRay --profile {profile}`"
                )


def concurrency(cloud, found):
    for name in RESERVED:
        wanted = int(cloud.config.given(name).get("ReservedConcurrency", 0)) * RESERVED[name]
        account = found.accounts[cloud.config.stacks[name][0]]
        with found.looking_at(f"Lambda's concurrency in {account}"):
            limits = cloud.client(name, "lambda").get_account_settings()["AccountLimit"]
            total, free = limits["ConcurrentExecutions"], limits.get("UnreservedConcurrentExecutions", limits["ConcurrentExecutions"])
            if wanted and name not in found.stacks and free - wanted < UNRESERVED:
                found.stop(
                    f"ReservedConcurrency of {cloud.config.stack_name(name)} reserves {wanted}, and {account} has {free} unreserved, of which"
                    f" Lambda keeps {UNRESERVED}: ask for a higher quota, or reserve nothing"
                )
            elif total < 1000:
                found.note(f"{account} runs {total} functions at once (new accounts start low): beyond that callers get 429 or wait")


def mail(cloud, found):
    """Who sends invitations: Cognito itself, 50 a day and account, or SES."""
    identity = cloud.config.given("booking").get("EmailFromArn", "")
    if not identity:
        found.note("Cognito sends at most 50 invitations a day for an account: to send more, give the booking stack an identity of SES as EmailFromArn")
        return
    with found.looking_at("SES"):
        client = cloud.client("booking", "sesv2")
        if not client.get_account()["ProductionAccessEnabled"]:
            found.note("SES is in its sandbox: it mails only verified addresses until you get production access")
        name = identity.rsplit("/", 1)[-1]
        if not client.get_email_identity(EmailIdentity=name)["VerifiedForSendingStatus"]:
            found.stop(f"SES has not verified {name}, which EmailFromArn names: Cognito could not send mail from it")


def refusals(cloud, found):
    """Each account's source stack is told for itself where the control plane is."""
    sources = [name for name in cloud.config.stacks if name.startswith("source-")]
    without = [cloud.config.stack_name(name) for name in sources if not cloud.config.given(name).get("ControlPlaneIntakeUrl")]
    if without and len(without) < len(sources):
        found.note(f"{', '.join(without)} has no ControlPlaneIntakeUrl, as others have: what API Gateway refuses there does not come to the control plane")


def portal(cloud, found):
    if not wants_portal():
        found.note("SKIP_PORTAL=1: no portal is deployed, and the APIs allow only the pages of an earlier one")
        return
    with found.looking_at("CloudFront"):
        cloud.client("portal", "cloudfront").list_distributions(MaxItems="1")
    if "portal" not in found.stacks:
        found.note(
            "CloudFront refuses accounts that AWS has not verified yet, and cannot be asked beforehand. If the portal's step says so, open a support"
            " case and deploy with SKIP_PORTAL=1 until it is answered"
        )


def bootstrap(cloud, found):
    without = [found.accounts[name] for name in cloud.config.accounts if not cloud.bootstrap_bucket(name)]
    if without:
        found.note(f"no bootstrap in {', '.join(without)} (infra/bootstrap/template.yaml): SAM makes a bucket of its own for packages there")


def tiers(cloud, found):
    """A tier belongs to one mileage account."""
    mine = cloud.config.given("mileage").get("Tiers", "").split(",")
    if twice := [tier for tier in cloud.config.tiers if tier in mine]:
        stack = cloud.config.stack_name("mileage")
        found.stop(f"Tiers of {stack} names {', '.join(twice)}, which has an account of its own: its miles would be posted twice")
