"""Who calls besides functions: AWS's services, other accounts, people."""


from cases import ANONYMOUS, BOOKING, MILEAGE, NEIGHBOURS, OBSERVABILITY, OPEN, STRANGER_ACCOUNT, kind_of, short
from deployed import REGION, STAGE, TIER_ACCOUNT

ARN, ACCOUNT = "aws:SourceArn", "aws:SourceAccount"
PRIVATE_KEYS = "keys that AWS manages take their own account's callers alone"


def ask(book):
    _services(book)
    _roles(book)
    _registry(book)
    _topic(book)
    _distance(book)
    _sink(book)
    _portal(book)


def _service(book, service, action, resource, source=None, deputies=(), context=None):
    """A service may; another may not, nor may this one for somebody else. `deputies` are the source conditions that are to hold it."""
    account = source.split(":")[4] if source and source.split(":")[4] else resource.split(":")[4]
    given = {"aws:PrincipalIsAWSService": "true", **(context or {})}
    if source:
        given |= {ARN: source, ACCOUNT: account}
    what = f"{action} {short(resource)}"
    principal = f"{service}.amazonaws.com"
    book.ask(f"{service} may {what}", True, principal, action, resource, "service", given)
    for name in deputies:
        other = {ARN: (source or "").replace(f":{account}:", f":{STRANGER_ACCOUNT}:"), ACCOUNT: STRANGER_ACCOUNT}
        book.ask(f"{service} may not {what} for another account ({name})", False, principal, action, resource, "deputy", {**given, name: other[name]})
        without = {key: value for key, value in given.items() if key != name}
        book.ask(f"{service} may not {what} for nobody ({name})", False, principal, action, resource, "deputy", without)
    if ARN in deputies:
        stranger = source[:max(source.rfind("/"), source.rfind(":"))] + "/stranger" if "/" in source else source.rsplit(":", 1)[0] + ":stranger"
        if action != "logs:PutLogEvents" and ":alarm:" not in source:
            book.ask(f"{service} may not {what} for another of the account", False, principal, action, resource, "deputy", {**given, ARN: stranger})
    book.ask(f"another service may not {what}", False, "s3.amazonaws.com", action, resource, "another service", given)
    outsider, context = book.stranger(STRANGER_ACCOUNT)
    context = {**given, **context, "aws:PrincipalIsAWSService": "false"}
    book.ask(f"another account may not {what}", False, outsider, action, resource, "another account", context, ["everything"])
    allowed = {case.action for case in book.cases if case.allowed and case.principal == principal and case.resource == resource} | {action}
    if kind_of(resource) in ("sns", "sqs", "kms", "bucket", "object", "logs", "lambda", "oam"):
        for neighbour in NEIGHBOURS[kind_of(resource)]:
            if neighbour not in allowed and not (kind_of(resource) == "kms" and neighbour in ("kms:GenerateDataKey", "kms:Decrypt")):
                book.ask(f"{service} may not {neighbour} {short(resource)}", False, principal, neighbour, resource, "another action", given)


def _services(book):
    deployed = book.deployed
    booking, mileage, observability = (deployed.stacks[label] for label in ("booking", "mileage", "observability"))
    topic = booking.arn("BookingEvents")
    # SNS to account B's queue, and what it cannot deliver.
    for queue in ("BookingQueue", "SubscriptionDeadLetters"):
        _service(book, "sns", "sqs:SendMessage", mileage.arn(queue), topic, [ARN])
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        _service(book, "sns", action, booking.arn("TopicKey"), topic, [ACCOUNT])
    # Alarms of every account: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    for account in (BOOKING, MILEAGE, OBSERVABILITY):
        alarm = f"arn:aws:cloudwatch:{REGION}:{account}:alarm:one"
        for name in ("Pages", "Notices"):
            _service(book, "cloudwatch", "sns:Publish", observability.arn(name), alarm, [ACCOUNT])
        for action in ("kms:GenerateDataKey", "kms:Decrypt"):
            _service(book, "cloudwatch", action, observability.arn("TopicKey"), alarm, [ACCOUNT])
    for what, source in (("something that is no alarm", {ARN: f"arn:aws:cloudwatch:{REGION}:{BOOKING}:insight-rule/one"}), ("nothing", {})):
        book.ask(f"cloudwatch may not sns:Publish notices for {what}", False, "cloudwatch.amazonaws.com", "sns:Publish", observability.arn("Notices"), "deputy",
                 {"aws:PrincipalIsAWSService": "true", ACCOUNT: BOOKING, **source})
    # EventBridge tells an encrypted topic neither its rule nor its account, so no condition can be asked of it.
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html
    _service(book, "events", "sns:Publish", observability.arn("Notices"))
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        _service(book, "events", action, observability.arn("TopicKey"))
    book.ask("events may not sns:Publish pages", False, "events.amazonaws.com", "sns:Publish", observability.arn("Pages"), "another resource",
             {"aws:PrincipalIsAWSService": "true"})
    resources = dict(observability.resources())
    for rule, queue in (("InsightsToNotices", "UndeliveredEvents"), ("SloEvaluatorEveryFiveMinutes", "SloEvaluatorFailures")):
        if rule in resources:
            _service(book, "events", "sqs:SendMessage", observability.arn(queue), observability.arn(rule), [ARN])
    # Transaction Search, in every account.
    for account in (BOOKING, MILEAGE, OBSERVABILITY):
        for group in ("aws/spans", "/aws/application-signals/data"):
            stream = f"arn:aws:logs:{REGION}:{account}:log-group:{group}:log-stream:default"
            _service(book, "xray", "logs:PutLogEvents", stream, f"arn:aws:xray:{REGION}:{account}:any", [ARN, ACCOUNT])
        stranger = f"arn:aws:logs:{REGION}:{account}:log-group:/aws/lambda/stranger:log-stream:default"
        book.ask("xray may not logs:PutLogEvents to other log groups", False, "xray.amazonaws.com", "logs:PutLogEvents", stranger, "another resource",
                 {"aws:PrincipalIsAWSService": "true", ARN: f"arn:aws:xray:{REGION}:{account}:any", ACCOUNT: account})
    # Segments of the topic itself: https://docs.aws.amazon.com/sns/latest/dg/sns-active-tracing.html
    segments = deployed.of_resources[f"xray of {BOOKING}"]
    given = {"aws:PrincipalIsAWSService": "true", ARN: topic, ACCOUNT: BOOKING}
    for action in ("xray:PutTraceSegments", "xray:GetSamplingRules", "xray:GetSamplingTargets"):
        for name, allowed, service, changes in [
            ("sns may", True, "sns", {}),
            ("sns may not, for another topic,", False, "sns", {ARN: topic.replace("booking-events", "stranger")}),
            ("sns may not, for another account,", False, "sns", {ACCOUNT: STRANGER_ACCOUNT}),
            ("another service may not", False, "s3", {}),
        ]:
            book.ask(f"{name} {action}", allowed, f"{service}.amazonaws.com", action, "*", "service" if allowed else "deputy", {**given, **changes},
                     policy=segments, account=BOOKING)
    book.ask("sns may not xray:GetTraceSummaries", False, "sns.amazonaws.com", "xray:GetTraceSummaries", "*", "another action", given,
             policy=segments, account=BOOKING)
    _invocations(book)


def _invocations(book):
    """API Gateway calls functions for the routes of its APIs, EventBridge for its schedule, Cognito to have its mails written."""
    for label, stack in book.deployed.stacks.items():
        for name, properties in stack.resources("AWS::ApiGateway::RestApi"):
            for path, methods in properties["Body"]["paths"].items():
                for method, operation in methods.items():
                    uri = operation.get("x-amazon-apigateway-integration", {}).get("uri", "")
                    if ":function:" in uri:
                        function = uri.split("/functions/")[1].removesuffix("/invocations")
                        source = f"arn:aws:execute-api:{REGION}:{stack.account}:{stack.name(name)}/{STAGE}/{method.upper()}{path}"
                        _api_calls(book, function, source)
        for name, properties in stack.resources("AWS::Events::Rule"):
            for target in properties["Targets"]:
                if ":function:" in target["Arn"]:
                    _service(book, "events", "lambda:InvokeFunction", target["Arn"], stack.arn(name), [ARN])
        for name, properties in stack.resources("AWS::Cognito::UserPool"):
            for function in properties.get("LambdaConfig", {}).values():
                _service(book, "cognito-idp", "lambda:InvokeFunction", function, stack.arn(name), [ARN, ACCOUNT])


def _api_calls(book, function, source):
    given = {"aws:PrincipalIsAWSService": "true", ARN: source}
    what = f"lambda:InvokeFunction {short(function)} for {source.split(':')[-1]}"
    api = source.split(":")[-1].split("/")[0]
    for name, allowed, action, changes in [
        ("may", True, "lambda:InvokeFunction", {}),
        ("may not, with another API,", False, "lambda:InvokeFunction", {ARN: source.replace(f":{api}/", ":stranger0/")}),
        ("may not, in another account,", False, "lambda:InvokeFunction", {ARN: source.replace(source.split(":")[4], STRANGER_ACCOUNT)}),
        ("may not lambda:UpdateFunctionCode", False, "lambda:UpdateFunctionCode", {}),
    ]:
        book.ask(f"apigateway {name} {what}", allowed, "apigateway.amazonaws.com", action, function, "service" if allowed else "deputy", {**given, **changes})
    book.ask(f"another service may not {what}", False, "s3.amazonaws.com", "lambda:InvokeFunction", function, "another service", given)


def _roles(book):
    """Who takes a role: the service it is for, and no other, and nobody in person."""
    for (label, name), role in book.deployed.roles.items():
        # at_rest.py and access_logs.py ask about those of streams.
        if name in ("TenantRole", "AccessLogsStreamRole", "ApiRefusalsRole") or label == "logs":
            continue
        service = "apigateway" if name == "ApiGatewayLogsRole" else "lambda"
        whose, principal = f"{label}'s {name}", f"{service}.amazonaws.com"
        book.ask(f"{service} may sts:AssumeRole {whose}", True, principal, "sts:AssumeRole", role.arn, "service", {"aws:PrincipalIsAWSService": "true"})
        book.ask(f"another service may not sts:AssumeRole {whose}", False, "s3.amazonaws.com", "sts:AssumeRole", role.arn, "another service")
        book.ask(f"{service} may not sts:SetSourceIdentity of {whose}", False, principal, "sts:SetSourceIdentity", role.arn, "another action")
        for account in (role.account, STRANGER_ACCOUNT):
            principal, context = book.stranger(account)
            book.ask(f"a role of {account} may not sts:AssumeRole {label}'s {name}", False, principal, "sts:AssumeRole", role.arn, "trust", context, ["everything"])


def other_accounts(book, what, action, resource, context, may, kind="another account"):
    """Roles with every permission of their own account: those named in `may` get it, others do not."""
    for account in (BOOKING, MILEAGE, OBSERVABILITY, TIER_ACCOUNT, STRANGER_ACCOUNT):
        if account != resource.split(":")[4]:
            principal, of = book.stranger(account)
            allowed = account in may
            book.ask(f"a role of {account} {'may' if allowed else 'may not'} {what}", allowed, principal, action, resource, "service" if allowed else kind,
                     {**of, **context}, ["everything"])


def _registry(book):
    """Of other accounts mileage-api reads entries, by name of its role."""
    table = book.deployed.arn("booking", "Tenants")
    with_tiers = book.deployed.stacks["booking"].parameters["TierAccountIds"] != ""
    other_accounts(book, "dynamodb:GetItem tenants", "dynamodb:GetItem", table, {"dynamodb:LeadingKeys": ["acme"]}, ())
    for account in (MILEAGE, TIER_ACCOUNT, STRANGER_ACCOUNT):
        principal, of = book.stranger(account, f"airline-{STAGE}-mileage-MileageApiRole-1A2B3C4D5E6F")
        may = account == MILEAGE or (account == TIER_ACCOUNT and with_tiers)
        book.ask(f"mileage-api of {account} {'may' if may else 'may not'} dynamodb:GetItem tenants", may, principal, "dynamodb:GetItem", table,
                 "service" if may else "another account", {**of, "dynamodb:LeadingKeys": ["acme"]}, ["everything"])
        for action in ("dynamodb:PutItem", "dynamodb:Scan", "dynamodb:DeleteItem"):
            book.ask(f"mileage-api of {account} may not {action} tenants", False, principal, action, table, "another action", {**of, "dynamodb:LeadingKeys": ["acme"]},
                     ["everything"])
    # A table that another account reads cannot be under a key that AWS manages in this one.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-cross-account-access.html
    encryption = dict(book.deployed.stacks["booking"].resources("AWS::DynamoDB::Table"))["Tenants"].get("SSESpecification", {})
    if encryption.get("SSEEnabled") and "KMSMasterKeyId" not in encryption:
        book.deployed.policies["aws/dynamodb"] = {**OPEN, "Statement": [{**OPEN["Statement"][0], "Condition": {
            "StringEquals": {"kms:CallerAccount": BOOKING, "kms:ViaService": f"dynamodb.{REGION}.amazonaws.com"}}}]}
        principal, of = book.stranger(MILEAGE, "MileageApiRole")
        context = {**of, "kms:CallerAccount": MILEAGE, "kms:ViaService": f"dynamodb.{REGION}.amazonaws.com"}
        book.ask(f"mileage-api may kms:Decrypt the registry ({PRIVATE_KEYS})", True, principal, "kms:Decrypt",
                 f"arn:aws:kms:{REGION}:{BOOKING}:key/aws-dynamodb", "platform", context, ["everything"], policy="aws/dynamodb")


def _topic(book):
    """Mileage accounts subscribe queues to account A's topic, when their stack is deployed."""
    topic = book.deployed.arn("booking", "BookingEvents")
    tiers = {TIER_ACCOUNT} if book.deployed.stacks["booking"].parameters["TierAccountIds"] else set()
    other_accounts(book, "sns:Subscribe a queue", "sns:Subscribe", topic, {"sns:Protocol": "sqs"}, {MILEAGE} | tiers)
    for protocol in ("email", "https"):
        other_accounts(book, f"sns:Subscribe by {protocol}", "sns:Subscribe", topic, {"sns:Protocol": protocol}, ())
    for action in ("sns:Publish", "sns:SetTopicAttributes"):
        other_accounts(book, f"{action} {short(topic)}", action, topic, {}, ())


def _distance(book):
    """Account A asks for miles as booking-api alone; what users ask for, Cognito's authorizer decides, and the API's policy lets everybody reach it."""
    stack = book.deployed.stacks["mileage"]
    api = f"arn:aws:execute-api:{REGION}:{MILEAGE}:{stack.name('Api')}/{STAGE}"
    other_accounts(book, "GET /miles", "execute-api:Invoke", f"{api}/GET/miles", {}, ())
    principal, of = book.stranger(STRANGER_ACCOUNT, f"airline-{STAGE}-booking-BookingApiRole-1A2B3C4D5E6F")
    book.ask("booking-api of another account may not GET /miles", False, principal, "execute-api:Invoke", f"{api}/GET/miles", "another account", of, ["everything"])
    for route, allowed in (("GET/mileage", True), ("GET/mileage/7K3M9Q2X", True), ("OPTIONS/mileage", True), ("GET/miles", False), ("POST/mileage", False)):
        book.ask(f"a user {'may' if allowed else 'may not'} {route}", allowed, ANONYMOUS, "execute-api:Invoke", f"{api}/{route}",
                 "service" if allowed else "another action")
    principal, of = book.stranger(BOOKING, f"airline-{STAGE}-booking-BookingApiRole-1A2B3C4D5E6F")
    for what, action, resource in [
        ("another route by signature", "execute-api:Invoke", f"{api}/POST/miles"),
        ("the API's cache", "execute-api:InvalidateCache", f"{api}/GET/miles"),
    ]:
        book.ask(f"booking-api may not reach {what}", False, principal, action, resource, "another action", of, ["everything"])
    book.ask("a user may not empty the API's cache", False, ANONYMOUS, "execute-api:InvalidateCache", f"{api}/GET/mileage", "another action")


def _sink(book):
    """Source accounts link what the sink takes."""
    stack = book.deployed.stacks["observability"]
    sink, organization = stack.arn("Sink"), stack.parameters["OrganizationId"]
    kinds = ["AWS::CloudWatch::Metric", "AWS::Logs::LogGroup", "AWS::XRay::Trace"]
    book.not_evaluated.append("oam:UpdateLink: the simulator has it without a resource, and a sink's policy is asked for it as for oam:CreateLink")
    for action in ("oam:CreateLink",):
        for account in (BOOKING, MILEAGE, STRANGER_ACCOUNT):
            allowed = account != STRANGER_ACCOUNT
            principal, of = book.stranger(account)
            of["aws:PrincipalOrgID"] = (organization or "o-aaaaaaaaaa") if allowed else "o-zzzzzzzzzz"
            book.ask(f"{account} {'may' if allowed else 'may not'} {action}", allowed, principal, action, sink, "service" if allowed else "another account",
                     {**of, "oam:ResourceTypes": kinds}, ["everything"])
            book.ask(f"{account} may not {action} for other kinds", False, principal, action, sink, "another resource",
                     {**of, "oam:ResourceTypes": [*kinds, "AWS::InternetMonitor::Monitor"]}, ["everything"])
            book.ask(f"{account} may not oam:DeleteSink", False, principal, "oam:DeleteSink", sink, "another action", of, ["everything"])


def _portal(book):
    stack = book.deployed.stacks["portal"]
    bucket, distribution = stack.arn("Files"), f"arn:aws:cloudfront::{BOOKING}:distribution/{stack.name('Distribution')}"
    given = {"aws:PrincipalIsAWSService": "true", ARN: distribution, ACCOUNT: BOOKING}
    for name, allowed, service, action, changes in [
        ("cloudfront may s3:GetObject", True, "cloudfront", "s3:GetObject", {}),
        ("cloudfront may not s3:GetObject for another distribution", False, "cloudfront", "s3:GetObject", {ARN: distribution + "X"}),
        ("cloudfront may not s3:PutObject", False, "cloudfront", "s3:PutObject", {}),
        ("another service may not s3:GetObject", False, "s3", "s3:GetObject", {}),
    ]:
        book.ask(f"{name} of the portal", allowed, f"{service}.amazonaws.com", action, f"{bucket}/index.html", "service" if allowed else "deputy", {**given, **changes})
    principal, of = book.stranger(BOOKING, "deploy")
    for resource, action in ((f"{bucket}/index.html", "s3:PutObject"), (f"{bucket}/index.html", "s3:GetObject"), (bucket, "s3:ListBucket")):
        book.ask(f"a deployment may {action} of the portal", True, principal, action, resource, "service", of, ["everything"])
        book.ask(f"a deployment may not {action} of the portal without TLS", False, principal, action, resource, "deputy",
                 {**of, "aws:SecureTransport": "false"}, ["everything"])
    outsider, of = book.stranger(STRANGER_ACCOUNT)
    book.ask("another account may not s3:GetObject of the portal", False, outsider, "s3:GetObject", f"{bucket}/index.html", "another account", of,
             ["everything"])


__all__ = ["ACCOUNT", "ARN", "ask", "other_accounts"]
