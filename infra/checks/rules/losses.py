"""Nothing gets lost: every queue and source has a place for what fails, and somebody is told."""

from .reading import watched
from .registered import check

# Takes what a function sets aside by itself; the alarm on it is what moves it on.
SET_ASIDE = {"ParkingQueue"}


@check
def every_queue_and_source_has_a_dead_letter_queue(project):
    for label, stack in project.stacks():
        resources = dict(stack.resources())
        types = {name: stack.template["Resources"][name]["Type"] for name in resources}
        last = SET_ASIDE | set(_last_resorts(stack, resources))
        # Functions whose asynchronous runs leave something behind when they fail.
        kept = {stack.template["Resources"][name]["Properties"]["FunctionName"].get("Ref") for name, properties in resources.items()
                if types[name] == "AWS::Lambda::EventInvokeConfig" and "OnFailure" in properties.get("DestinationConfig", {})}
        for name, properties in resources.items():
            kind, where = types[name], f"{label} {name}"
            if kind == "AWS::SQS::Queue" and name not in last:
                redrive = properties.get("RedrivePolicy", {})
                if not redrive.get("deadLetterTargetArn") or not redrive.get("maxReceiveCount"):
                    yield f"{where}: no dead-letter queue"
            if kind == "AWS::SQS::Queue" and name in last and int(properties.get("MessageRetentionPeriod", 345600)) < 1209600:
                yield f"{where}: what it keeps is forgotten before 14 days"
            if kind == "AWS::SNS::Subscription" and properties["Protocol"] != "email" and "RedrivePolicy" not in properties:
                yield f"{where}: no dead-letter queue"
            if kind == "AWS::Lambda::EventSourceMapping":
                source = stack.template["Resources"][name]["Properties"]["EventSourceArn"].get("Fn::GetAtt", ["", ""])
                if source[1] == "StreamArn":
                    if "OnFailure" not in properties.get("DestinationConfig", {}):
                        yield f"{where}: what fails is forgotten with the stream"
                    for limit in ("MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "BisectBatchOnFunctionError"):
                        if properties.get(limit) in (None, -1, False):
                            yield f"{where}: {limit} is unbounded"
                elif "ReportBatchItemFailures" not in properties.get("FunctionResponseTypes", []):
                    yield f"{where}: one bad message fails its batch"
            if kind == "AWS::Events::Rule":
                for target in stack.template["Resources"][name]["Properties"].get("Targets", []):
                    if "DeadLetterConfig" not in target:
                        yield f"{where} {target['Id']}: no dead-letter queue"
                    function = target["Arn"].get("Fn::GetAtt", [""])[0]
                    if types.get(function) == "AWS::Serverless::Function" and function not in kept:
                        yield f"{label} {function}: a run that fails is forgotten"
            if kind == "AWS::Serverless::Function":
                for event, definition in properties.get("Events", {}).items():
                    if definition["Type"] in ("Schedule", "ScheduleV2", "EventBridgeRule"):
                        if "DeadLetterConfig" not in definition["Properties"]:
                            yield f"{where} {event}: no dead-letter queue"
                        if name not in kept:
                            yield f"{where}: a run that fails is forgotten"


def _last_resorts(stack, resources):
    """Queues that others' failures go to."""
    def targets(value, key=None):
        if isinstance(value, dict):
            if "Fn::GetAtt" in value and key in ("deadLetterTargetArn", "Destination", "Arn"):
                yield value["Fn::GetAtt"][0] if isinstance(value["Fn::GetAtt"], list) else value["Fn::GetAtt"].split(".")[0]
            for inner, item in value.items():
                yield from targets(item, inner)
        elif isinstance(value, list):
            for item in value:
                yield from targets(item, key)

    for name in resources:
        yield from targets(stack.template["Resources"][name].get("Properties", {}))


@check
def every_dead_letter_queue_has_an_alarm(project):
    seen = {(account, dimensions.get("QueueName")) for _, _, account, dimensions in watched(project)}
    for label, stack in project.stacks():
        resources = dict(stack.resources("AWS::SQS::Queue"))
        last = SET_ASIDE | set(_last_resorts(stack, dict(stack.resources())))
        for name in resources.keys() & last:
            if (stack.account, stack.name(name)) not in seen:
                yield f"{label} {name}: nobody sees what is in it"
