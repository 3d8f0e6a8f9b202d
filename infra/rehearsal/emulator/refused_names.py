"""What is not valid, and names that are taken: by what a deleted stack retained, or by somebody else."""

from ministack.services import cloudwatch, cloudwatch_logs, dynamodb, eventbridge, iam, lambda_svc, secretsmanager, sns, sqs

import registry
import stand_ins
from refusals import Refused, rule
from state import resources

# Type -> the property that names it, and the names that the emulator has.
TAKEN = {
    "AWS::DynamoDB::Table": ("TableName", lambda: set(dynamodb._tables)),
    "AWS::Logs::LogGroup": ("LogGroupName", lambda: set(cloudwatch_logs._log_groups)),
    "AWS::Lambda::Function": ("FunctionName", lambda: set(lambda_svc._functions)),
    "AWS::CloudWatch::Alarm": ("AlarmName", lambda: set(cloudwatch._alarms)),
    "AWS::SecretsManager::Secret": ("Name", lambda: {each["Name"] for each in secretsmanager._secrets.values()}),
    "AWS::SNS::Topic": ("TopicName", lambda: {arn.rsplit(":", 1)[-1] for arn in sns._topics}),
    "AWS::SQS::Queue": ("QueueName", lambda: {each["name"] for each in sqs._queues.values()}),
    "AWS::IAM::Role": ("RoleName", lambda: set(iam._roles)),
    "AWS::Events::Rule": ("Name", lambda: {each["Name"] for each in eventbridge._rules.values()}),
}


@rule(source="CloudFormation CLI: properties are validated against the type's registry schema before the handler is called")
def properties_are_valid(resource):
    if invalid := registry.problems(resource.kind, resource.properties):
        raise Refused(f"Properties validation failed for resource {resource.logical} with message: {invalid}")


@rule(*TAKEN, on=("create",), source="CloudFormation User Guide, troubleshooting: 'already exists' for what a deleted stack retained")
def names_are_taken(resource):
    name, taken = TAKEN[resource.kind]
    if resource.properties.get(name) in taken():
        raise Refused(f"{resource.properties[name]} already exists")


@rule(*stand_ins.KINDS, on=("create",), source="the primary identifier of the type's registry schema")
def identifiers_are_unique(resource):
    name = stand_ins.name(resource.kind, resource.properties)
    if name and name in {stand_ins.name(resource.kind, each) for each in resources(resource.kind).values()}:
        raise Refused(f"{name} already exists")
