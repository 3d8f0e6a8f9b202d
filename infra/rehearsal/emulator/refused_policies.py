"""Refusals that policies are about: principals, other accounts, encryption."""

import fnmatch
import json
import re

from ministack.core.responses import get_account_id
from ministack.services import apigateway_v1, iam, lambda_svc, sns

from refusals import Refused, rule
from state import as_account, as_list, resources, wanted

# Of a new account, of which 100 must stay unreserved.
CONCURRENCY = 1000


@rule("AWS::IAM::Role", "AWS::SNS::TopicPolicy", "AWS::KMS::Key", "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy", "AWS::DynamoDB::Table",
      source="IAM User Guide, troubleshooting: 'Invalid principal in policy' for a role that is not there")  # fmt: skip
def principals_exist(resource):
    for each in _principals(*_documents(resource.properties)):
        match = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(?:.*/)?([^/]+)", str(each))
        if match:
            with as_account(match[1]):
                if match[2] not in iam._roles:
                    raise Refused(f"MalformedPolicyDocument: Invalid principal in policy: {each}")


@rule("AWS::SNS::Subscription", source="SNS API, Subscribe: the topic's policy decides about other accounts")
def subscriptions_need_a_topic_that_lets_them(resource):
    topic_arn, me = resource.properties["TopicArn"], get_account_id()
    owner = topic_arn.split(":")[4]
    with as_account(owner):
        topic = sns._topics.get(topic_arn)
    if topic is None:
        raise Refused(f"Subscribe: NotFoundException: there is no topic {topic_arn}")
    if owner == me:
        return
    policy = topic.get("attributes", {}).get("Policy") or "{}"
    policy = json.loads(policy) if isinstance(policy, str) else policy
    for statement in policy.get("Statement", []):
        named = f":{me}:" in json.dumps(statement["Principal"]) or me in as_list((statement["Principal"] or {}).get("AWS"))
        if named and any(fnmatch.fnmatchcase("sns:subscribe", each.lower()) for each in as_list(statement["Action"])):
            return
    raise Refused("Subscribe: AuthorizationError: the topic's policy does not let this account subscribe")


@rule("AWS::DynamoDB::Table", finding=True,
      source="DynamoDB Developer Guide, resource-based policies: the AWS-managed key cannot be used from another account")  # fmt: skip
def tables_for_others_need_another_key(resource):
    """Other accounts' reads would be denied: `across_accounts.py` denies them, too, where this row is only noted."""
    policy = (resource.properties.get("ResourcePolicy") or {}).get("PolicyDocument")
    others = [each for each in _principals(policy) if get_account_id() not in str(each)]
    if others and has_aws_managed_key(resource.properties):
        name = resource.properties.get("TableName")
        raise Refused(f"{name} lets {', '.join(others)} in, and they may not use the AWS-managed key it is encrypted with")


def has_aws_managed_key(table):
    """Whether a table of these properties is encrypted with alias/aws/dynamodb."""
    encryption = table.get("SSESpecification") or {}
    return str(encryption.get("SSEEnabled")).lower() == "true" and not encryption.get("KMSMasterKeyId")


@rule("AWS::ApiGateway::Stage", source="API Gateway Developer Guide, logging: 'CloudWatch Logs role ARN must be set in account settings'")
def access_logs_need_the_accounts_role(resource):
    if not resource.properties.get("AccessLogSetting"):
        return
    settings = dict(apigateway_v1._account_settings.items())
    if not resources("AWS::ApiGateway::Account") and "cloudwatchRoleArn" not in json.dumps(settings, default=str):
        raise Refused("CloudWatch Logs role ARN must be set in account settings to enable logging")


@rule("AWS::Lambda::Function", source="Lambda Developer Guide, reserved concurrency: 100 of an account's must stay unreserved")
def a_hundred_stay_unreserved(resource):
    mine = int(resource.properties.get("ReservedConcurrentExecutions") or 0)
    others = sum(
        int(each.get("ReservedConcurrentExecutions") or 0)
        for physical, each in resources("AWS::Lambda::Function").items()
        if physical != resource.physical and physical in lambda_svc._functions
    )
    if mine and mine + others > wanted("concurrency", CONCURRENCY) - 100:
        decreases = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution"
        raise Refused(f"{decreases} below its minimum value of [100].")


@rule("AWS::WAFv2::WebACLAssociation", on=("create",), source="WAF API, AssociateWebACL: WAFNonexistentItemException, WAFUnavailableEntityException")
def associations_need_both_sides(resource):
    acl, stage = resource.properties["WebACLArn"], resource.properties["ResourceArn"]
    known = {name for physical, each in resources("AWS::WAFv2::WebACL").items() for name in (each.get("Name"), physical.split("|")[0])}
    if acl.split("/")[-2] not in known:
        raise Refused(f"AssociateWebACL: WAFNonexistentItemException: {acl}")
    match = re.fullmatch(r"arn:aws:apigateway:[a-z0-9-]+::/restapis/([^/]+)/stages/([^/]+)", stage)
    if match and match[2] not in (apigateway_v1._stages_v1.get(match[1]) or {}):
        raise Refused(f"AssociateWebACL: WAFUnavailableEntityException: {stage} is not there")


def _documents(properties):
    yield from (properties.get(name) for name in ("AssumeRolePolicyDocument", "PolicyDocument", "KeyPolicy"))
    yield (properties.get("ResourcePolicy") or {}).get("PolicyDocument")


def _principals(*documents):
    for document in documents:
        for statement in as_list(document.get("Statement") if isinstance(document, dict) else None):
            principal = statement.get("Principal")
            yield from as_list(principal.get("AWS")) if isinstance(principal, dict) else []
