"""Why a stack could not be deployed, in the words that help: which resource, what AWS said, and which alarm moved traffic back."""

import re
from datetime import timedelta


def explain(cloud, name, since, output=""):
    """A few lines for a person. `since` is when the step began (an aware datetime), `output` what `sam deploy` printed."""
    stack_name = cloud.config.stack_name(name)
    stack = cloud.find(name)
    lines = [f"{stack_name} was not deployed" + (f": it is {stack['StackStatus']}." if stack else ".")]
    happened = events(cloud, name, since - timedelta(seconds=5))
    failed = failures(happened)
    if not failed and any(event.get("DetailedStatus") == "VALIDATION_FAILED" for event in happened):
        failed = invalid(cloud, name, since - timedelta(seconds=5))
    for event in failed[:5]:
        lines.append(f"  {event['LogicalResourceId']} ({event.get('ResourceType', '')}): {event.get('ResourceStatusReason', 'no reason given')}")
    if not failed:
        # It ended before CloudFormation began: SAM's own words are all there is.
        lines += [f"  {line}" for line in output.rstrip().splitlines()[-15:]]
    alarms = sorted({alarm for event in failed for alarm in activated(cloud, name, event)})
    if alarms:
        lines.append(f"  Alarm: {', '.join(alarms)}. CodeDeploy moved traffic back to the version before; users have that one.")
    if stack and "ROLLBACK" in stack["StackStatus"]:
        lines.append("  CloudFormation took the whole step back. Fix the cause and run the same command again: it continues from here.")
    lines.append(f"  All that `sam deploy` printed: target/deploy/{stack_name}.log")
    return "\n".join(lines)


def events(cloud, name, since):
    """Newest first."""
    client, more, found = cloud.client(name, "cloudformation"), {}, []
    while True:
        try:
            page = client.describe_stack_events(StackName=cloud.config.stack_name(name), **more)
        except client.exceptions.ClientError:
            return found
        for event in page["StackEvents"]:
            if event["Timestamp"] < since:
                return found
            found.append(event)
        if not page.get("NextToken"):
            return found
        more = {"NextToken": page["NextToken"]}


def invalid(cloud, name, since):
    """What CloudFormation found wrong before it began, such as a name that is taken: the stack's own events only count it
    (CloudFormation API, DescribeEvents)."""
    found = cloud.client(name, "cloudformation").describe_events(StackName=cloud.config.stack_name(name))["OperationEvents"]
    return [
        {**event, "ResourceStatusReason": f"{event.get('ValidationStatusReason', 'not valid')} {event.get('ValidationPath', '')}".rstrip()}
        for event in found
        if event.get("EventType") == "VALIDATION_ERROR" and event["Timestamp"] >= since
    ]


def failures(found):
    """The first that failed, first; not those that were only cancelled because of it."""
    failed = [event for event in reversed(found) if event["ResourceStatus"].endswith("_FAILED")]
    failed = [event for event in failed if event.get("ResourceType") != "AWS::CloudFormation::Stack"]
    own = [event for event in failed if "cancelled" not in event.get("ResourceStatusReason", "").lower()]
    return own or failed


def activated(cloud, name, event):
    """The alarms that stopped a CodeDeploy deployment, which the event's reason names by its id.

    CodeDeploy's error `ALARM_ACTIVE` ends with "Activated alarms: <name>, <name>" (CodeDeploy User Guide, "Monitoring deployments with
    CloudWatch alarms").
    """
    text = event.get("ResourceStatusReason", "")
    for deployment in re.findall(r"\bd-[A-Z0-9]{9}\b", text):
        client = cloud.client(name, "codedeploy")
        try:
            info = client.get_deployment(deploymentId=deployment)["deploymentInfo"]
        except Exception as error:  # noqa: BLE001  the alarm's name is a help; the failure is reported without it, too
            text += f" (CodeDeploy could not be asked about {deployment}: {error})"
            continue
        text += " " + info.get("errorInformation", {}).get("message", "")
    named = re.search(r"alarms?:\s*([<>\w.-]+(?:\s*,\s*[<>\w.-]+)*)", text, re.IGNORECASE)
    return [alarm.strip(" <>.") for alarm in named[1].split(",")] if named else []
