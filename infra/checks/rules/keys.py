"""Keys and what is encrypted by them: who else has to use it can."""

from cloudformation import as_list, statements
from project import EVERYTHING

from .reading import as_json, condition_values, kind, principals, resource_statements
from .registered import check


def _is_aws_managed(alias):
    return str(alias).removeprefix("arn:aws:kms:").split(":")[-1].startswith("alias/aws/")


def _has_aws_managed_key(of_type, properties):
    """Whether it is encrypted by a key that only its own account's principals can use."""
    if of_type == "AWS::DynamoDB::Table":
        specification = properties.get("SSESpecification", {})
        key = specification.get("KMSMasterKeyId")
        return str(specification.get("SSEEnabled")).lower() == "true" and (key is None or _is_aws_managed(key))
    if of_type in ("AWS::SNS::Topic", "AWS::SQS::Queue"):
        return "KmsMasterKeyId" in properties and _is_aws_managed(properties["KmsMasterKeyId"])
    if of_type == "AWS::SecretsManager::Secret":
        return "KmsKeyId" not in properties or _is_aws_managed(properties["KmsKeyId"])
    if of_type == "AWS::S3::Bucket":
        rules = [r.get("ServerSideEncryptionByDefault", {}) for r in
                 properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])]
        return any(r.get("SSEAlgorithm", "").startswith("aws:kms") and ("KMSMasterKeyID" not in r or _is_aws_managed(r["KMSMasterKeyID"])) for r in rules)
    return False


# Which property of a policy names what it is of.
POLICY_OF = {"AWS::SNS::TopicPolicy": "Topics", "AWS::SQS::QueuePolicy": "Queues", "AWS::S3::BucketPolicy": "Bucket",
             "AWS::SecretsManager::ResourcePolicy": "SecretId"}


def _shared(stack):
    """Each resource with the statements of the policy on it."""
    for name, properties in stack.resources(*POLICY_OF, "AWS::DynamoDB::Table"):
        raw = stack.template["Resources"][name]["Properties"]
        if kind(stack, name) == "AWS::DynamoDB::Table":
            document, targets = properties.get("ResourcePolicy", {}).get("PolicyDocument", {}), [name]
        else:
            document = as_json(properties.get("PolicyDocument") or properties.get("ResourcePolicy"))
            targets = [target.get("Ref") for target in as_list(raw[POLICY_OF[kind(stack, name)]]) if isinstance(target, dict)]
        for target in targets:
            yield target, list(statements(document or {}))


@check
def what_others_use_has_no_aws_managed_key(project):
    """Such a key's policy names its own account's principals alone and cannot be changed, so neither another account nor a service gets
    by it: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-cross-account-access.html and
    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html."""
    for label, stack in project.stacks({**EVERYTHING, "TierAccountIds": "444444444444"}):
        resources = dict(stack.resources())
        for target, allowed in _shared(stack):
            if target not in resources or not _has_aws_managed_key(kind(stack, target), resources[target]):
                continue
            for statement in allowed:
                for of_kind, value in principals(statement):
                    if statement.get("Effect") == "Allow" and (of_kind == "Service" or f":{stack.account}:" not in f"{value}:"):
                        yield f"{label} {target}: {value} cannot use the AWS-managed key"


# Keys of conditions that EventBridge sends neither to KMS nor to SNS.
SOURCE = ("aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID", "aws:PrincipalOrgID")


@check
def eventbridge_is_not_asked_for_its_source(project):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html (topics) and
    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html (keys); a queue does hear of the rule."""
    for label, where, statement in resource_statements(project):
        if ("Service", "events.amazonaws.com") not in principals(statement):
            continue
        if any(action.startswith(("kms:", "sns:")) for action in statement["Action"]):
            if len(principals(statement)) > 1:
                yield f"{label} {where}: EventBridge needs a statement of its own"
            for key in SOURCE:
                if condition_values(statement, key):
                    yield f"{label} {where}: EventBridge sends no {key}, so this refuses it"


@check
def rules_reach_encrypted_topics(project):
    """A rule whose target is a topic with a key of its own needs both the topic's policy and the key's."""
    for label, stack in project.stacks():
        resources = dict(stack.resources())
        may = [
            (name, action)
            for name in resources
            for statement in _statements_of(stack, name, resources)
            if ("Service", "events.amazonaws.com") in principals(statement) and statement.get("Effect") == "Allow"
            for action in statement["Action"]
        ]
        for name, rule in stack.resources("AWS::Events::Rule"):
            for target in stack.template["Resources"][name]["Properties"]["Targets"]:
                topic = target["Arn"].get("Ref") if isinstance(target["Arn"], dict) else None
                if topic not in resources or kind(stack, topic) != "AWS::SNS::Topic":
                    continue
                if not any(action == "sns:Publish" for _, action in may):
                    yield f"{label} {name}: may not publish to {topic}"
                key = stack.template["Resources"][topic]["Properties"].get("KmsMasterKeyId", {}).get("Ref")
                if key and not {"kms:GenerateDataKey*", "kms:Decrypt"} <= {action for holder, action in may if holder == key}:
                    yield f"{label} {name}: may not use {key}, which encrypts {topic}"


def _statements_of(stack, name, resources):
    holder = {"AWS::KMS::Key": "KeyPolicy", "AWS::SNS::TopicPolicy": "PolicyDocument"}.get(kind(stack, name))
    return list(statements(resources[name].get(holder, {}))) if holder else []
