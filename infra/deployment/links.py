"""Whether account C may alarm on the source accounts' metrics yet.

PutMetricAlarm answers "One or more metrics in your request are Forbidden" until an OAM link works, which it does up to some fifteen minutes
after it was made (hashicorp/terraform-provider-aws, issue 32436). A throw-away alarm finds out without a stack that fails.
"""

import sys
import time

from .progress import Line, pause

WITHIN_MINUTES = 30


def wait_for_links(cloud, accounts):
    """Returns once CloudWatch takes an alarm on each account's metrics; exits with its answer after half an hour."""
    client = cloud.client("observability", "cloudwatch")
    until = time.monotonic() + 60 * WITHIN_MINUTES
    for account in accounts:
        line = Line(f"  link to {account}")
        while answer := refusal(client, cloud.stage, account):
            if time.monotonic() > until:
                line.done()
                sys.exit(f"{WITHIN_MINUTES} minutes after {account} was linked, account C still may not use its metrics in alarms: {answer}")
            line.tick("CloudWatch does not take alarms on its metrics yet")
            pause()
        line.done(" works")


def refusal(client, stage, account):
    """What CloudWatch says to an alarm on a metric of that account; nothing if it takes one."""
    name = f"airline-link-probe-{stage}-{account}"
    metric = {"Namespace": "AWS/ApiGateway", "MetricName": "Count", "Dimensions": [{"Name": "ApiName", "Value": f"link-probe-{stage}"}]}
    try:
        client.put_metric_alarm(
            AlarmName=name, AlarmDescription="Made and deleted by a deployment, to see whether an account is linked.", ActionsEnabled=False,
            ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Threshold=0, TreatMissingData="notBreaching",
            Metrics=[{"Id": "probe", "AccountId": account, "ReturnData": True, "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}}],
        )  # fmt: skip
    except client.exceptions.ClientError as error:
        if "Forbidden" in str(error):
            return str(error)
        raise
    client.delete_alarms(AlarmNames=[name])
    return ""
