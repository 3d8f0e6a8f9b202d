"""Each row of the table of refusals refuses: small stacks that AWS would not take, and why."""

import ast
import json
import time

import pytest

import stage
import tree

ME, OTHER = stage.ACCOUNTS["observability"], stage.ACCOUNTS["booking"]
SINK = {
    "Type": "AWS::Oam::Sink",
    "Properties": {
        "Name": "one",
        "Policy": {"Statement": [{"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "oam:CreateLink", "Resource": "*"}]},
    },
}
METRIC = {"Metric": {"Namespace": "AWS/SQS", "MetricName": "NumberOfMessagesSent"}, "Period": 60, "Stat": "Sum"}
ALARM = {"EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}
ACL = f"arn:aws:wafv2:us-east-1:{ME}:regional/webacl/none/11111111-1111-1111-1111-111111111111"
FUNCTION = {
    "FunctionName": "f", "Role": f"arn:aws:iam::{ME}:role/r", "Runtime": "python3.12", "Handler": "index.handler",
    "Code": {"ZipFile": "handler = print"},
}  # fmt: skip


def table(name, **more):
    return {"TableName": name, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], **more}  # fmt: skip


def trust(principal):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}]}


LOGS_OF_OTHERS = f"arn:aws:logs:us-east-1:{OTHER}:destination:one"
FOR_OTHERS, LOGS = {"PolicyDocument": trust(f"arn:aws:iam::{OTHER}:root")}, f"arn:aws:logs:us-east-1:{ME}:log-group:a"
# Rule -> resource types and properties, in order; the last is refused.
REFUSED = {
    "properties_are_valid": [("AWS::SQS::Queue", {"MessageRetentionPeriod": 5})],
    "names_are_taken": [("AWS::DynamoDB::Table", table("taken"))],
    "identifiers_are_unique": [("AWS::XRay::Group", {"GroupName": "g"}), ("AWS::XRay::Group", {"GroupName": "g"})],
    "alarms_need_a_working_link": [("AWS::CloudWatch::Alarm", {**ALARM, "Metrics": [{"Id": "a", "AccountId": OTHER, "MetricStat": METRIC}]})],
    "one_sink": [("AWS::Oam::Sink", SINK["Properties"]), ("AWS::Oam::Sink", {**SINK["Properties"], "Name": "two"})],
    "links_need_a_sink_that_lets_them": [
        ("AWS::Oam::Link", {"SinkIdentifier": f"arn:aws:oam:us-east-1:{OTHER}:sink/none", "ResourceTypes": ["AWS::CloudWatch::Metric"]})
    ],
    "transaction_search_needs_its_policy": [("AWS::XRay::TransactionSearchConfig", {"IndexingPercentage": 1})],
    "composites_need_their_children": [("AWS::CloudWatch::CompositeAlarm", {"AlarmName": "c", "AlarmRule": "ALARM(none)"})],
    "log_groups_take_two_filters": [
        ("AWS::Logs::LogGroup", {"LogGroupName": "full"}),
        *(("AWS::Logs::SubscriptionFilter", {"FilterName": each, "LogGroupName": "full", "FilterPattern": "", "DestinationArn": LOGS_OF_OTHERS}) for each in "abc"),
    ],
    "filters_need_a_stream_and_a_role": [
        ("AWS::Logs::LogGroup", {"LogGroupName": "streamed"}),
        ("AWS::Logs::SubscriptionFilter", {
            "FilterName": "a", "LogGroupName": "streamed", "FilterPattern": "", "RoleArn": f"arn:aws:iam::{ME}:role/r",
            "DestinationArn": f"arn:aws:firehose:us-east-1:{ME}:deliverystream/none",
        })
    ],
    "canaries_need_their_user": [
        ("AWS::Synthetics::Canary", {
            "Name": "journey", "ArtifactS3Location": "s3://b", "ExecutionRoleArn": f"arn:aws:iam::{ME}:role/r", "RuntimeVersion": "syn-nodejs-4.1",
            "Schedule": {"Expression": "rate(5 minutes)"}, "StartCanaryAfterCreation": True, "Code": {"Handler": "index.handler", "Script": "x"},
            "RunConfig": {"EnvironmentVariables": {"SECRET_ARN": "none", "USER_POOL_ID": "none"}},
        })
    ],
    "principals_exist": [("AWS::IAM::Role", {"AssumeRolePolicyDocument": trust(f"arn:aws:iam::{OTHER}:role/none")})],
    "subscriptions_need_a_topic_that_lets_them": [
        ("AWS::SNS::Subscription", {"TopicArn": f"arn:aws:sns:us-east-1:{OTHER}:none", "Protocol": "sqs", "Endpoint": "e"})
    ],
    "tables_for_others_need_another_key": [
        ("AWS::DynamoDB::Table", table("shared", SSESpecification={"SSEEnabled": True}, ResourcePolicy=FOR_OTHERS))
    ],
    "access_logs_need_the_accounts_role": [
        ("AWS::ApiGateway::RestApi", {"Name": "a"}),
        ("AWS::ApiGateway::Stage", {"RestApiId": {"Ref": "R0"}, "StageName": "s", "AccessLogSetting": {"DestinationArn": LOGS}}),
    ],
    "a_hundred_stay_unreserved": [("AWS::Lambda::Function", {**FUNCTION, "ReservedConcurrentExecutions": 950})],
    "associations_need_both_sides": [
        ("AWS::WAFv2::WebACLAssociation", {"WebACLArn": ACL, "ResourceArn": "arn:aws:apigateway:us-east-1::/restapis/a/stages/s"})
    ],
}  # fmt: skip
# Seen where they happen: in the acts of the other files, or below.
ELSEWHERE = {"sinks_go_after_their_links"}


@pytest.fixture(scope="module")
def accounts():
    rehearsal = stage.Rehearsal("refusals")
    rehearsal.client("observability", "dynamodb").create_table(**table("taken"))
    yield rehearsal
    rehearsal.close()


def ended(client, name):
    """The stack's last state, and why a resource failed."""
    while (status := client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]).endswith("_IN_PROGRESS"):
        time.sleep(0.1)
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    return status, " ".join(each.get("ResourceStatusReason", "") for each in events)


@pytest.mark.parametrize("rule", REFUSED)
def test_refused(accounts, rule):
    name = rule.replace("_", "-")
    resources = {f"R{number}": {"Type": kind, "Properties": properties} for number, (kind, properties) in enumerate(REFUSED[rule])}
    for number in range(1, len(resources)):
        resources[f"R{number}"]["DependsOn"] = f"R{number - 1}"
    client = accounts.client("observability", "cloudformation")
    client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_NAMED_IAM"])
    status, why = ended(client, name)
    assert status.startswith("ROLLBACK") and f"[{rule}: " in why, f"{status}: {why}"


def test_a_sink_stays_while_something_is_linked(accounts):
    here, there = accounts.client("observability", "cloudformation"), accounts.client("booking", "cloudformation")
    here.create_stack(StackName="sink", TemplateBody=json.dumps({"Resources": {"S": SINK}, "Outputs": {"Arn": {"Value": {"Ref": "S"}}}}))
    assert ended(here, "sink")[0] == "CREATE_COMPLETE"
    arn = here.describe_stacks(StackName="sink")["Stacks"][0]["Outputs"][0]["OutputValue"]
    link = {"Type": "AWS::Oam::Link", "Properties": {"SinkIdentifier": arn, "ResourceTypes": ["AWS::CloudWatch::Metric"]}}
    there.create_stack(StackName="link", TemplateBody=json.dumps({"Resources": {"L": link}}))
    assert ended(there, "link")[0] == "CREATE_COMPLETE"
    here.delete_stack(StackName="sink")
    status, why = ended(here, "sink")
    assert status == "DELETE_FAILED" and "sinks_go_after_their_links" in why


def test_a_deletion_is_asked_for_once(accounts):
    client = accounts.client("observability", "cloudformation")
    client.create_stack(StackName="short", TemplateBody=json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}))
    assert ended(client, "short")[0] == "CREATE_COMPLETE"
    client.delete_stack(StackName="short")
    client.describe_stacks(StackName="short")
    with pytest.raises(client.exceptions.ClientError, match="cannot be deleted while in status DELETE_IN_PROGRESS"):
        client.delete_stack(StackName="short")


def test_a_template_has_limits(accounts):
    client = accounts.client("observability", "cloudformation")
    topics = {f"T{number}": {"Type": "AWS::SNS::Topic"} for number in range(501)}
    with pytest.raises(client.exceptions.ClientError, match="500"):
        create(accounts, "many", {"Resources": topics})
    with pytest.raises(client.exceptions.ClientError, match="(?i)size|length|1048576|1,048,576"):
        create(accounts, "large", {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Metadata": {"x": "x" * 1_100_000}}}})
    with pytest.raises(client.exceptions.ClientError, match="4096|4,096|length"):
        client.create_stack(
            StackName="long", TemplateBody=json.dumps({"Parameters": {"P": {"Type": "String"}}, "Resources": {"T": {"Type": "AWS::SNS::Topic"}}}),
            Parameters=[{"ParameterKey": "P", "ParameterValue": "x" * 4097}],
        )  # fmt: skip


def create(accounts, name, template):
    """By way of a bucket: a template in the request itself may have 51,200 bytes."""
    s3 = accounts.client("observability", "s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key=name, Body=json.dumps(template).encode())
    accounts.client("observability", "cloudformation").create_stack(StackName=name, TemplateURL=f"{accounts.endpoint}/templates/{name}")


def test_every_row_is_shown_and_described():
    """With its name in the README, and a case above."""
    rows, readme = set(), (tree.ROOT / "infra/rehearsal/README.md").read_text()
    for file in (tree.ROOT / "infra/rehearsal/emulator").glob("refused_*.py"):
        for function in ast.parse(file.read_text()).body:
            decorators = [each for each in getattr(function, "decorator_list", []) if isinstance(each, ast.Call)]
            rows |= {function.name for each in decorators if each.func.id == "rule"}
    assert rows == REFUSED.keys() | ELSEWHERE
    assert not {row for row in rows | {"aliases_follow_their_functions", "one_deletion"} if f"`{row}`" not in readme}
