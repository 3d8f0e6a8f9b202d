"""What needs a link between accounts is not there before it works."""

from project import EVERYTHING

from .registered import check

ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
UNLINKED = {**EVERYTHING, "SourceAccountsLinked": "false"}


def _first_step(project):
    """The observability stack as it is before the source accounts have linked."""
    return next(stack for label, stack in project.stacks(UNLINKED) if label == "observability")


@check
def nothing_needs_a_link_before_it_works(project):
    """PutMetricAlarm answers "One or more metrics in your request are Forbidden" where the alarm's account may not read another's.
    https://github.com/hashicorp/terraform-provider-aws/issues/32436"""
    stack = _first_step(project)
    resources = dict(stack.resources())
    there = {stack.name(name) for name in resources if stack.template["Resources"][name]["Type"] in ALARMS}
    for name, properties in stack.resources(*ALARMS):
        if any(metric.get("AccountId", stack.account) != stack.account for metric in properties.get("Metrics", [])):
            yield f"observability {name}: watches another account before it may"
        rule = properties.get("AlarmRule", "")
        for alarm in (part for part in rule.split('"')[1::2] if part not in there):
            yield f"observability {name}: {alarm} is not there yet"
    for name, properties in stack.resources("AWS::Events::Rule"):
        if "ScheduleExpression" in properties:
            yield f"observability {name}: starts what has nothing to read yet"
    for name, properties in stack.resources("AWS::CloudWatch::Alarm"):
        if properties.get("TreatMissingData") == "breaching" and properties.get("MetricName") == "Invocations":
            yield f"observability {name}: rings because nothing starts yet"


@check
def everything_is_there_once_linked(project):
    """The parameter takes away nothing for good."""
    later = dict(next(stack for label, stack in project.stacks() if label == "observability").resources())
    for name, resource in project.templates["observability"]["Resources"].items():
        if name not in later:
            yield f"observability {name} ({resource['Type']}): not there when the source accounts are linked"


@check
def the_canarys_sign_in_is_there_before_the_canary(project):
    """Its user is made by what is in the secret, and the canary runs once the user is there."""
    stack = next(stack for label, stack in project.stacks({**UNLINKED, "BookingApiUrl": ""}) if label == "observability")
    resources = dict(stack.resources())
    if "CanarySecret" not in resources:
        yield "observability CanarySecret: not there in the first step"
    if "Condition" in stack.template["Outputs"]["CanarySecretArn"]:
        yield "observability CanarySecretArn: not always an output"
    if "Canary" in resources:
        yield "observability Canary: runs before there is an API"


@check
def alarms_fall_again(project):
    """The depth of a queue that nobody empties stays what it is: the alarm rings for as long as the queue keeps its messages, and a
    second failure changes nothing. Queues that hold lost bookings are for somebody to empty."""
    emptied_by_somebody = {"BookingDeadLetters", "SubscriptionDeadLetters", "ParkingQueue"}
    names = {stack.name(name) for _, stack, name, _ in project.resources("AWS::SQS::Queue") if name in emptied_by_somebody}
    for label, _, name, properties in project.resources("AWS::CloudWatch::Alarm"):
        stats = [m["MetricStat"]["Metric"] for m in properties.get("Metrics", []) if "MetricStat" in m] or [properties]
        for metric in stats:
            queues = {d["Value"] for d in metric.get("Dimensions", []) if d["Name"] == "QueueName"}
            if metric.get("MetricName") == "ApproximateNumberOfMessagesVisible" and queues - names:
                yield f"{label} {name}: nobody empties {', '.join(queues - names)}, so it never falls again"
