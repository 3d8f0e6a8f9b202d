"""The templates as SAM expands them, with every name and ARN in place: roles, their policies, and policies of resources."""

import copy
import functools
import json
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from cloudformation import PSEUDO, Stack, as_list
from project import BOOKING, EVERYTHING, MILEAGE, OBSERVABILITY, STAGE, Project
from sam import transformed

HERE = Path(__file__).resolve().parent
REGION = PSEUDO["AWS::Region"]
MANAGED = json.loads((HERE / "managed.json").read_text())
TIER_ACCOUNT = "444444444444"

# What stands for a name that only AWS gives.
IDS = {
    "AWS::Serverless::Api": "{label}{logical}0",
    "AWS::ApiGateway::RestApi": "{label}{logical}0",
    "AWS::CloudFront::Distribution": "E1{logical}",
    "AWS::Cognito::UserPool": REGION + "_{logical}1",
    "AWS::Oam::Sink": "{logical}-1",
}
ARNS = {
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::Alias": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "AWS::Cognito::UserPool": "arn:aws:cognito-idp:{region}:{account}:userpool/{name}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{name}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{region}:{account}:secret:{name}-AbCdEf",
    "AWS::Oam::Sink": "arn:aws:oam:{region}:{account}:sink/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::Logs::Destination": "arn:aws:logs:{region}:{account}:destination:{name}",
    "AWS::KinesisFirehose::DeliveryStream": "arn:aws:firehose:{region}:{account}:deliverystream/{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
}
NAMED_BY = {"AWS::Lambda::Function": "FunctionName", "AWS::IAM::Role": "RoleName", "AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName",
            "AWS::SNS::Topic": "TopicName", "AWS::S3::Bucket": "BucketName", "AWS::Events::Rule": "Name", "AWS::SecretsManager::Secret": "Name",
            "AWS::Logs::LogGroup": "LogGroupName", "AWS::Logs::LogStream": "LogStreamName", "AWS::Logs::Destination": "DestinationName",
            "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName", "AWS::Athena::WorkGroup": "Name", "AWS::Glue::Database": "DatabaseInput"}
# The physical id of these is their ARN.
REF_IS_ARN = ("AWS::SNS::Topic", "AWS::SecretsManager::Secret", "AWS::Lambda::Alias", "AWS::Oam::Sink")


class Named(Stack):
    """A stack in which everything has a name and an ARN."""

    def __init__(self, label, template, parameters, account):
        super().__init__(template, parameters, account)
        self.label = label

    def name(self, logical):
        resource = self.template["Resources"].get(logical, {})
        kind = resource.get("Type")
        if kind == "AWS::Lambda::Alias":
            return f"{self.resolve(resource['Properties']['FunctionName'])}:{resource['Properties']['Name']}"
        given = resource.get("Properties", {}).get(NAMED_BY.get(kind, ""))
        if given:
            return self.resolve(given["Name"] if kind == "AWS::Glue::Database" else given)
        if kind == "AWS::KMS::Key":
            return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.label}/{logical}"))
        return IDS.get(kind, f"airline-{STAGE}-{{label}}-{{logical}}-1A2B3C4D5E6F").format(label=self.label, logical=logical)

    def arn(self, logical):
        kind = self.template["Resources"].get(logical, {}).get("Type")
        form = ARNS.get(kind, f"arn:aws:unknown:{{region}}:{{account}}:{logical}")
        return form.format(region=REGION, account=self.account, name=self.name(logical))

    def ref(self, name):
        if self.template["Resources"].get(name, {}).get("Type") in REF_IS_ARN:
            return self.arn(name)
        # A stage's name is its path.
        if self.template["Resources"].get(name, {}).get("Type") == "AWS::ApiGateway::Stage":
            return STAGE
        return super().ref(name)

    def _function(self, function, argument):
        if function == "GetAtt":
            logical, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
            if attribute == "StreamArn":
                return f"{self.arn(logical)}/stream/2026-11-25T00:00:00.000"
        return super()._function(function, argument)


@dataclass
class Role:
    """A role and the policies it has: their ids."""

    arn: str
    trust: str
    identity: list = field(default_factory=list)

    @property
    def account(self):
        return self.arn.split(":")[4]

    def session(self, name="session"):
        """The principal of somebody who assumed it."""
        return f"arn:aws:sts::{self.account}:assumed-role/{self.arn.rsplit('/', 1)[1]}/{name}"


@dataclass
class Deployed:
    """All accounts after a deployment: policies by id, roles by label and logical name, resources' policies by ARN."""

    policies: dict = field(default_factory=dict)
    roles: dict = field(default_factory=dict)
    of_resources: dict = field(default_factory=dict)
    stacks: dict = field(default_factory=dict)
    # Policies of AWS's, which are evaluated and not mutated.
    managed: set = field(default_factory=set)

    def arn(self, label, logical):
        return self.stacks[label].arn(logical)

    def resource_policy(self, arn):
        """The id of the policy of the resource that this ARN is in, if it has one."""
        found = [prefix for prefix in self.of_resources if arn == prefix or arn.startswith((prefix + "/", prefix + ":"))]
        return self.of_resources[max(found, key=len)] if found else None


# What samconfig.toml says, and what deploy.py adds once every account is deployed.
LAST_STEP = {"Exporter": "direct", "SourceAccountsLinked": "true", "MileageApiId": IDS["AWS::ApiGateway::RestApi"].format(label="mileage", logical="Api"),
             "UserPoolArn": f"arn:aws:cognito-idp:{REGION}:{BOOKING}:userpool/{REGION}_UserPool1"}
# The least that `make deploy` gives, and every option of the templates.
DEPLOYMENTS = {
    "as deployed": {**{name: EVERYTHING[name] for name in ("Stage", "BookingAccountId", "MileageAccountId", "SourceAccountIds", "SinkArn", "NoticesTopicArn",
                                                           "PagesTopicArn", "BookingApiUrl", "MileageApiUrl", "PortalUrl")}, **LAST_STEP},
    "with every option": {**EVERYTHING, **LAST_STEP, "TenantIsolationMode": "function", "TierAccountIds": TIER_ACCOUNT},
}


@functools.cache
def repository():
    return Project.read()


def deploy(parameters, project=None):
    """What a deployment with these parameters leaves in the accounts."""
    deployed = Deployed()
    for label, stack in (project or repository()).stacks(parameters):
        label = label.replace(" (", "-").rstrip(")")
        template = transformed(stack.template, stack.parameters, stack.account).template if "Transform" in stack.template else stack.template
        # JSON, because SAM shares parts of its output.
        named = Named(label, json.loads(json.dumps(template)), stack.parameters, stack.account)
        deployed.stacks[label] = named
        _read(deployed, label, named)
    return deployed


def _read(deployed, label, stack):
    resources = dict(stack.resources())
    kinds = {name: stack.template["Resources"][name]["Type"] for name in resources}

    def keep(identifier, document, arns=()):
        deployed.policies[identifier] = document
        for arn in arns:
            assert arn not in deployed.of_resources, f"{arn} has two policies"
            deployed.of_resources[arn] = identifier
        return identifier

    for name, properties in resources.items():
        if kinds[name] != "AWS::IAM::Role":
            continue
        role = Role(stack.arn(name), keep(f"{label}/{name}/trust", properties["AssumeRolePolicyDocument"], [stack.arn(name)]))
        for policy in properties.get("Policies", []):
            role.identity.append(keep(f"{label}/{name}/{policy['PolicyName']}", policy["PolicyDocument"]))
        for arn in properties.get("ManagedPolicyArns", []):
            managed = arn.split(":policy/", 1)[1]
            # A policy that managed.json does not have stops the evaluation.
            role.identity.append(keep(f"{label}/{name}/{managed}", MANAGED[managed]))
            deployed.managed.add(role.identity[-1])
        deployed.roles[label, name] = role
    for name, properties in resources.items():
        if kinds[name] == "AWS::IAM::Policy":
            identifier = keep(f"{label}/{name}", properties["PolicyDocument"])
            for role in deployed.roles.values():
                if role.arn.rsplit("/", 1)[1] in properties["Roles"] and role.account == stack.account:
                    role.identity.append(identifier)

    for name, properties in resources.items():
        kind, identifier = kinds[name], f"{label}/{name}"
        if kind == "AWS::DynamoDB::Table" and "ResourcePolicy" in properties:
            keep(identifier, properties["ResourcePolicy"]["PolicyDocument"], [stack.arn(name)])
        elif kind == "AWS::SNS::TopicPolicy":
            keep(identifier, properties["PolicyDocument"], properties["Topics"])
        elif kind == "AWS::SQS::QueuePolicy":
            keep(identifier, properties["PolicyDocument"], [f"arn:aws:sqs:{REGION}:{stack.account}:{queue}" for queue in properties["Queues"]])
        elif kind == "AWS::KMS::Key":
            keep(identifier, properties["KeyPolicy"], [stack.arn(name)])
        elif kind == "AWS::S3::BucketPolicy":
            keep(identifier, properties["PolicyDocument"], [f"arn:aws:s3:::{properties['Bucket']}"])
        elif kind == "AWS::Logs::Destination":
            keep(identifier, json.loads(properties["DestinationPolicy"]), [stack.arn(name)])
        elif kind == "AWS::Oam::Sink":
            keep(identifier, properties["Policy"], [stack.arn(name)])
        elif kind == "AWS::ApiGateway::RestApi" and "Policy" in properties:
            arn = f"arn:aws:execute-api:{REGION}:{stack.account}:{stack.name(name)}"
            keep(identifier, _expanded(properties["Policy"], arn), [arn])
        elif kind in ("AWS::Logs::ResourcePolicy", "AWS::XRay::ResourcePolicy"):
            # Of an account: for all its log groups, or for X-Ray.
            service = "logs" if kind.startswith("AWS::Logs") else "xray"
            keep(identifier, json.loads(properties["PolicyDocument"]), [f"{service} of {stack.account}"])
    _function_policies(deployed, label, stack, resources, kinds, keep)


def _function_policies(deployed, label, stack, resources, kinds, keep):
    """Lambda makes a statement of each permission, in the policy of the function or alias that it names.
    https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html"""
    policies = {}
    for name, properties in resources.items():
        if kinds[name] != "AWS::Lambda::Permission":
            continue
        of = properties["FunctionName"]
        arn = of if of.startswith("arn:") else f"arn:aws:lambda:{REGION}:{stack.account}:function:{of}"
        condition = {}
        if "SourceArn" in properties:
            condition["ArnLike"] = {"AWS:SourceArn": properties["SourceArn"]}
        if "SourceAccount" in properties:
            condition["StringEquals"] = {"AWS:SourceAccount": properties["SourceAccount"]}
        policies.setdefault(arn, []).append({"Sid": name, "Effect": "Allow", "Principal": {"Service": properties["Principal"]}, "Action": properties["Action"],
                                             "Resource": arn, **({"Condition": condition} if condition else {})})
    for arn, statements in policies.items():
        keep(f"{label}/{arn.split(':function:')[1]}/permissions", {"Version": "2012-10-17", "Statement": statements}, [arn])


def _expanded(policy, arn):
    """`execute-api:/…` is what an API may call itself in its own policy.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html"""
    policy = copy.deepcopy(policy)
    for statement in policy["Statement"]:
        statement["Resource"] = [re.sub(r"^execute-api:/", f"{arn}/", resource) for resource in as_list(statement["Resource"])]
    return policy


__all__ = ["BOOKING", "DEPLOYMENTS", "MILEAGE", "OBSERVABILITY", "REGION", "STAGE", "TIER_ACCOUNT", "Deployed", "Role", "deploy", "repository"]
