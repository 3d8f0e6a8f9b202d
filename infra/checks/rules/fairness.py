"""No tenant waits for another's many messages."""

from .registered import check

# A tenant is noisy to SQS with more than a tenth of the messages in flight and at least so many of its own:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
NOISY_WITH = 30


@check
def queues_between_accounts_can_be_fair(project):
    """Fair queues are standard ones, behind standard topics, whose consumers take enough at once for one tenant to stand out."""
    for label, stack in project.stacks():
        for name, properties in stack.resources("AWS::SQS::Queue", "AWS::SNS::Topic"):
            if any(properties.get(fifo) for fifo in ("FifoQueue", "FifoTopic")):
                yield f"{label} {name}: one tenant's messages wait for each other, and SQS tells no noisy tenant"
        for name, properties in stack.resources("AWS::Lambda::EventSourceMapping"):
            if stack.template["Resources"][name]["Properties"]["EventSourceArn"].get("Fn::GetAtt", ["", ""])[1] == "Arn":
                # Without a maximum there are a thousand invocations.
                at_once = int(properties.get("BatchSize", 10)) * int(properties.get("ScalingConfig", {}).get("MaximumConcurrency", 1000))
                if at_once < 2 * NOISY_WITH:
                    yield f"{label} {name}: with {at_once} messages in flight, SQS can hardly tell which tenant is noisy"
