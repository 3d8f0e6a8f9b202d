"""Mistakes with refused requests on their way to the control plane: too many lines or too few, no key, no end, nobody who sees what was not taken."""

from .made import properties

SOURCE = "source-account"


def destination(project):
    return properties(project, SOURCE, "AccessLogsStream")["HttpEndpointDestinationConfiguration"]


def filter_of_everything(project):
    properties(project, "booking", "ApiRefusals")["FilterPattern"] = ""


def filter_of_one_status(project):
    properties(project, "mileage", "ApiRefusals")["FilterPattern"] = '{ $.status = "401" }'


def filter_of_failures(project):
    properties(project, "mileage", "ApiRefusals")["FilterPattern"] = '{ $.status = "5*" }'


def filter_of_a_field_that_is_not_there(project):
    properties(project, "booking", "ApiRefusals")["FilterPattern"] = '{ $.code = "4*" }'


def refusals_that_stay(project):
    del project.templates["mileage"]["Resources"]["ApiRefusals"]


def refusals_to_another_stream(project):
    properties(project, "mileage", "ApiRefusals")["DestinationArn"] = {"Fn::Sub": "arn:aws:firehose:eu-west-1:111111111111:deliverystream/access-logs-${Stage}"}


def refusals_without_a_role(project):
    del properties(project, "booking", "ApiRefusals")["RoleArn"]


def networks_that_would_be_hashed(project):
    properties(project, "booking", "ApiRefusals")["ApplyOnTransformedLogs"] = True


def lines_of_a_function_for_the_control_plane(project):
    project.templates["booking"]["Resources"]["More"] = {
        "Type": "AWS::Logs::SubscriptionFilter",
        "Properties": {**properties(project, "booking", "ApiRefusals"), "LogGroupName": {"Ref": "BookingApiLogs"}},
    }


def filter_without_a_stream(project):
    project.templates["mileage"]["Conditions"]["SendsRefusals"] = {"Condition": "HasAccessLogs"}


def stream_without_a_control_plane(project):
    del project.templates[SOURCE]["Resources"]["AccessLogsStream"]["Condition"]


def refusals_that_nobody_sees_waiting_for_the_stream(project):
    del project.templates[SOURCE]["Resources"]["AccessLogsNotSentAlarm"]


def refusals_in_the_clear(project):
    destination(project)["EndpointConfiguration"]["Url"] = {"Fn::Sub": "http://control-plane.example.com/v1/access-logs"}


def refusals_as_spans(project):
    destination(project)["EndpointConfiguration"]["Url"]["Fn::Sub"] = "${ControlPlaneIntakeUrl}/v1/traces"


def key_in_the_template(project):
    destination(project)["EndpointConfiguration"]["AccessKey"] = "secret"


def delivery_without_a_key(project):
    del destination(project)["SecretsManagerConfiguration"]


def key_that_firehose_cannot_read(project):
    properties(project, SOURCE, "AccessLogsKey")["GenerateSecretString"]["GenerateStringKey"] = "key"


def key_that_can_be_guessed(project):
    properties(project, SOURCE, "AccessLogsKey")["GenerateSecretString"]["PasswordLength"] = 8


def delivery_as_long_as_it_is(project):
    del destination(project)["RequestConfiguration"]


def delivery_that_is_too_large(project):
    destination(project)["BufferingHints"]["SizeInMBs"] = 64


def delivery_that_is_tried_once(project):
    destination(project)["RetryOptions"]["DurationInSeconds"] = 0


def batches_taken_apart(project):
    destination(project)["ProcessingConfiguration"] = {"Enabled": True, "Processors": [{"Type": "Decompression"}]}


def waiting_in_the_clear(project):
    del properties(project, SOURCE, "AccessLogsStream")["DeliveryStreamEncryptionConfigurationInput"]


def everything_kept(project):
    destination(project)["S3BackupMode"] = "AllData"


def kept_elsewhere(project):
    destination(project)["S3Configuration"]["BucketARN"] = "arn:aws:s3:::stranger"


def bucket(project):
    return properties(project, SOURCE, "AccessLogsUndelivered")


def addresses_for_ever(project):
    bucket(project)["LifecycleConfiguration"]["Rules"].pop(0)


def addresses_for_a_year(project):
    bucket(project)["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] = 365


def addresses_that_could_be_public(project):
    bucket(project)["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] = False


def addresses_in_the_clear(project):
    del bucket(project)["BucketEncryption"]


def addresses_without_tls(project):
    del project.templates[SOURCE]["Resources"]["AccessLogsUndeliveredPolicy"]


def stream_role_for_any_account(project):
    del properties(project, SOURCE, "AccessLogsStreamRole")["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]


def filter_role_for_any_account(project):
    del properties(project, "mileage", "ApiRefusalsRole")["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"]


def filter_role_for_any_log_group(project):
    properties(project, "booking", "ApiRefusalsRole")["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["ArnLike"]["aws:SourceArn"] = "arn:aws:logs:*"


def stream_that_reads_every_secret(project):
    properties(project, SOURCE, "AccessLogsStreamWrites")["PolicyDocument"]["Statement"][0]["Resource"] = "*"


def undelivered_that_nobody_sees(project):
    properties(project, SOURCE, "AccessLogsUndelivered")["MetricsConfigurations"][0]["Id"] = "errors"


def late_refusals_that_nobody_sees(project):
    properties(project, SOURCE, "AccessLogsLateAlarm")["MetricName"] = "DeliveryToS3.DataFreshness"


MISTAKES = [
    (filter_of_everything, "refusals_come_to_the_control_plane"),
    (filter_of_one_status, "refusals_come_to_the_control_plane"),
    (filter_of_failures, "refusals_come_to_the_control_plane"),
    (filter_of_a_field_that_is_not_there, "refusals_come_to_the_control_plane"),
    (refusals_that_stay, "refusals_come_to_the_control_plane"),
    (refusals_to_another_stream, "refusals_come_to_the_control_plane"),
    (refusals_to_another_stream, "every_log_group_comes_to_rest"),
    (refusals_without_a_role, "refusals_come_to_the_control_plane"),
    (networks_that_would_be_hashed, "refusals_come_to_the_control_plane"),
    (lines_of_a_function_for_the_control_plane, "refusals_come_to_the_control_plane"),
    (filter_without_a_stream, "without_a_control_plane_refusals_stay"),
    (stream_without_a_control_plane, "without_a_control_plane_refusals_stay"),
    (refusals_that_nobody_sees_waiting_for_the_stream, "what_is_not_taken_is_seen"),
    (refusals_in_the_clear, "the_control_plane_knows_who_delivers"),
    (refusals_as_spans, "the_control_plane_knows_who_delivers"),
    (key_in_the_template, "the_control_plane_knows_who_delivers"),
    (delivery_without_a_key, "the_control_plane_knows_who_delivers"),
    (key_that_firehose_cannot_read, "the_control_plane_knows_who_delivers"),
    (key_that_can_be_guessed, "the_control_plane_knows_who_delivers"),
    (delivery_as_long_as_it_is, "the_control_plane_knows_who_delivers"),
    (delivery_that_is_too_large, "the_control_plane_knows_who_delivers"),
    (delivery_that_is_tried_once, "the_control_plane_knows_who_delivers"),
    (batches_taken_apart, "the_control_plane_knows_who_delivers"),
    (waiting_in_the_clear, "the_control_plane_knows_who_delivers"),
    (everything_kept, "what_was_not_delivered_is_closed_and_forgotten"),
    (kept_elsewhere, "what_was_not_delivered_is_closed_and_forgotten"),
    (addresses_for_ever, "what_was_not_delivered_is_closed_and_forgotten"),
    (addresses_for_a_year, "what_was_not_delivered_is_closed_and_forgotten"),
    (addresses_that_could_be_public, "what_was_not_delivered_is_closed_and_forgotten"),
    (addresses_in_the_clear, "what_was_not_delivered_is_closed_and_forgotten"),
    (addresses_without_tls, "what_was_not_delivered_is_closed_and_forgotten"),
    (stream_role_for_any_account, "roles_of_streams_are_taken_for_this_account_alone"),
    (filter_role_for_any_account, "roles_of_streams_are_taken_for_this_account_alone"),
    (filter_role_for_any_log_group, "roles_of_streams_are_taken_for_this_account_alone"),
    (stream_that_reads_every_secret, "policies_name_actions_and_resources"),
    (undelivered_that_nobody_sees, "what_the_control_plane_does_not_take_is_seen"),
    (late_refusals_that_nobody_sees, "what_the_control_plane_does_not_take_is_seen"),
]
