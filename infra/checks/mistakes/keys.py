"""Mistakes with keys: AWS's own where others need it, conditions on what is not sent."""

from .made import properties


def registry_under_the_aws_managed_key(project):
    properties(project, "booking", "Tenants")["SSESpecification"] = {"SSEEnabled": True}


def topic_under_the_aws_managed_key(project):
    properties(project, "booking", "BookingEvents")["KmsMasterKeyId"] = "alias/aws/sns"


def queue_under_the_aws_managed_key(project):
    queue = properties(project, "mileage", "BookingQueue")
    del queue["SqsManagedSseEnabled"]
    queue["KmsMasterKeyId"] = "alias/aws/sqs"


def bucket_under_the_aws_managed_key(project):
    rules = properties(project, "portal", "Files")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    rules[0]["ServerSideEncryptionByDefault"] = {"SSEAlgorithm": "aws:kms"}


def secret_for_another_account_under_the_aws_managed_key(project):
    del properties(project, "observability", "CanarySecret")["KmsKeyId"]
    statement = {"Effect": "Allow", "Principal": {"AWS": {"Ref": "BookingAccountId"}}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    project.templates["observability"]["Resources"]["CanarySecretPolicy"] = {
        "Type": "AWS::SecretsManager::ResourcePolicy",
        "Properties": {"SecretId": {"Ref": "CanarySecret"}, "ResourcePolicy": {"Version": "2012-10-17", "Statement": [statement]}},
    }


def key_asks_eventbridge_for_its_account(project):
    statement = properties(project, "observability", "TopicKey")["KeyPolicy"]["Statement"][2]
    statement["Condition"] = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def topic_asks_eventbridge_for_its_rule(project):
    statement = properties(project, "observability", "TopicPolicy")["PolicyDocument"]["Statement"][1]
    statement["Condition"] = {"ArnLike": {"aws:SourceArn": "arn:aws:events:eu-west-1:333333333333:rule/*"}}


def eventbridge_with_alarms_in_one_statement(project):
    statements = properties(project, "observability", "TopicKey")["KeyPolicy"]["Statement"]
    statements[1]["Principal"]["Service"] = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]


def key_without_eventbridge(project):
    del properties(project, "observability", "TopicKey")["KeyPolicy"]["Statement"][2]


MISTAKES = [
    (registry_under_the_aws_managed_key, "what_others_use_has_no_aws_managed_key"),
    (topic_under_the_aws_managed_key, "what_others_use_has_no_aws_managed_key"),
    (queue_under_the_aws_managed_key, "what_others_use_has_no_aws_managed_key"),
    (bucket_under_the_aws_managed_key, "what_others_use_has_no_aws_managed_key"),
    (secret_for_another_account_under_the_aws_managed_key, "what_others_use_has_no_aws_managed_key"),
    (key_asks_eventbridge_for_its_account, "eventbridge_is_not_asked_for_its_source"),
    (topic_asks_eventbridge_for_its_rule, "eventbridge_is_not_asked_for_its_source"),
    (eventbridge_with_alarms_in_one_statement, "eventbridge_is_not_asked_for_its_source"),
    (key_without_eventbridge, "rules_reach_encrypted_topics"),
]
