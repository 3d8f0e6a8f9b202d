"""Mistakes with logs at rest: lines that stay behind, that are not masked, that others send or read, that no query finds."""

from .made import properties


def function_whose_lines_stay(project):
    del project.templates["mileage"]["Resources"]["MileageAccrualLogsAtRest"]


def filter_of_errors_alone(project):
    properties(project, "booking", "BookingApiLogsAtRest")["FilterPattern"] = "ERROR"


def lines_to_another_destination(project):
    properties(project, "booking", "BookingPublisherLogsAtRest")["DestinationArn"] = {"Ref": "AlarmTopicArn"}


def filter_without_a_destination(project):
    del project.templates["booking"]["Resources"]["BookingApiLogsAtRest"]["Condition"]


def filter_of_a_group_that_is_not_there(project):
    properties(project, "logs", "SloEvaluatorLogsAtRest")["LogGroupName"] = {"Fn::Sub": "/aws/lambda/slo-evaluation-${Stage}"}


def stream_that_feeds_on_itself(project):
    project.templates["logs"]["Resources"]["Recursion"] = {
        "Type": "AWS::Logs::SubscriptionFilter",
        "Properties": {**properties(project, "logs", "SloEvaluatorLogsAtRest"), "LogGroupName": {"Ref": "StreamLogs"}},
    }


def function_that_is_not_masked(project):
    del properties(project, "booking", "RegistrationApiLogs")["DataProtectionPolicy"]


def mail_addresses_not_masked(project):
    for statement in properties(project, "mileage", "MileageApiLogs")["DataProtectionPolicy"]["Fn::If"][1]["Statement"]:
        statement["DataIdentifier"] = [each for each in statement["DataIdentifier"] if "EmailAddress" not in str(each)]


def tokens_found_and_not_masked(project):
    properties(project, "mileage", "MileageApiLogs")["DataProtectionPolicy"]["Fn::If"][1]["Statement"][1]["DataIdentifier"].remove("Token")


def token_known_otherwise(project):
    properties(project, "booking", "BookingApiLogs")["DataProtectionPolicy"]["Fn::If"][1]["Configuration"]["CustomDataIdentifier"][0]["Regex"] = "Bearer .+"


def masked_groups_that_only_count(project):
    properties(project, "booking", "BookingApiLogs")["DataProtectionPolicy"]["Fn::If"][1]["Statement"][1]["Operation"] = {"Audit": {"FindingsDestination": {}}}


def access_log_with_programs(project):
    setting = properties(project, "booking", "Api")["AccessLogSetting"]["Fn::If"][1]
    setting["Format"] = setting["Format"].replace('"method"', '"program":"$context.identity.userAgent","method"')


def access_log_with_whole_addresses(project):
    setting = properties(project, "booking", "IsolatedApi")["AccessLogSetting"]["Fn::If"][1]
    setting["Format"] = setting["Format"].replace('"address"', '"source"')


def addresses_that_nobody_shortens(project):
    del project.templates["mileage"]["Resources"]["ApiAccessLogsNetworks"]


def addresses_as_they_were_before(project):
    del properties(project, "booking", "ApiAccessLogsAtRest")["ApplyOnTransformedLogs"]


def addresses_of_ipv6_whole(project):
    properties(project, "booking", "ApiAccessLogsNetworks")["TransformerConfig"][1]["SubstituteString"]["Entries"].pop(1)


def readers_of_any_account(project):
    del properties(project, "logs", "LogsReaderRole")["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]


def destination_open_to_all(project):
    policy = properties(project, "logs", "LogsDestination")["DestinationPolicy"]["Fn::Sub"]
    policy[0] = policy[0].replace('{ "AWS": ["${Accounts}"] }', '"*"')


def destination_that_hands_over_for_anybody(project):
    del properties(project, "logs", "DestinationRole")["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]


def logs_that_could_be_public(project):
    properties(project, "logs", "LogsBucket")["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"] = False


def logs_in_the_clear(project):
    del properties(project, "logs", "LogsBucket")["BucketEncryption"]


def logs_without_tls(project):
    properties(project, "logs", "LogsBucketPolicy")["PolicyDocument"]["Statement"][0]["Resource"].pop()


def logs_for_ever(project):
    properties(project, "logs", "LogsBucket")["LifecycleConfiguration"]["Rules"][0]["Status"] = "Disabled"


def versions_of_what_was_erased(project):
    properties(project, "logs", "LogsBucket")["VersioningConfiguration"] = {"Status": "Enabled"}


def errors_that_nobody_sees(project):
    properties(project, "logs", "LogsBucket")["MetricsConfigurations"][0]["Prefix"] = "error/"


def waiting_that_nobody_sees(project):
    del project.templates["logs"]["Resources"]["LateAlarm"]


def refused_lines_that_nobody_sees(project):
    del project.templates["mileage"]["Resources"]["LogsNotSentAlarm"]


def filter_of_another_name(project):
    properties(project, "booking", "BookingApiLogsAtRest")["FilterName"] = "mine"


def firehose(project):
    return properties(project, "logs", "LogsStream")["ExtendedS3DestinationConfiguration"]


def table(project):
    return properties(project, "logs", "Batches")["TableInput"]


def objects_where_the_table_does_not_look(project):
    firehose(project)["Prefix"] = firehose(project)["Prefix"].replace("day=", "date=")


def table_that_reads_errors(project):
    firehose(project)["ErrorOutputPrefix"] = "logs/errors/"


def lines_without_an_end(project):
    firehose(project)["ProcessingConfiguration"]["Processors"].pop()


def batches_that_stay_compressed(project):
    firehose(project)["ProcessingConfiguration"]["Processors"].pop(0)


def partitions_that_somebody_must_register(project):
    del table(project)["Parameters"]["projection.enabled"]


def account_that_no_query_finds(project):
    table(project)["Parameters"]["projection.account.values"] = {"Fn::Join": [",", {"Ref": "SourceAccountIds"}]}


def service_that_no_query_finds(project):
    values = table(project)["Parameters"]["projection.service.values"]["Fn::Sub"]
    values[0] = values[0].replace("registration-api,", "")


def days_that_are_gone(project):
    table(project)["Parameters"]["projection.day.range"] = "NOW-30DAYS,NOW"


def query_of_any_size(project):
    del properties(project, "logs", "LogsWorkGroup")["WorkGroupConfiguration"]["BytesScannedCutoffPerQuery"]


def callers_choose_their_limit(project):
    properties(project, "logs", "LogsWorkGroup")["WorkGroupConfiguration"]["EnforceWorkGroupConfiguration"] = False


def answers_in_the_clear(project):
    del properties(project, "logs", "LogsWorkGroup")["WorkGroupConfiguration"]["ResultConfiguration"]["EncryptionConfiguration"]


def query_changed_in_the_template(project):
    query = properties(project, "logs", "P99ByTenant")
    query["QueryString"] = query["QueryString"].replace("99", "95")


def query_without_a_file(project):
    properties(project, "logs", "P99ByTenant")["Name"] = "p99"


def query_of_every_workgroup(project):
    properties(project, "logs", "LinesOfATrace")["WorkGroup"] = "primary"


def one_database_for_all_stages(project):
    properties(project, "logs", "Database")["DatabaseInput"]["Name"] = "logs"


def stream_with_a_long_name(project):
    properties(project, "logs", "LogsStream")["DeliveryStreamName"] = {"Fn::Sub": "airline-log-lines-of-every-account-at-rest-for-queries-${Stage}"}


def stream_that_deletes(project):
    properties(project, "logs", "StreamWrites")["PolicyDocument"]["Statement"][1]["Action"] = ["s3:*"]


MISTAKES = [
    (function_whose_lines_stay, "every_log_group_comes_to_rest"),
    (filter_of_errors_alone, "every_log_group_comes_to_rest"),
    (lines_to_another_destination, "every_log_group_comes_to_rest"),
    (filter_without_a_destination, "without_a_destination_lines_stay"),
    (filter_of_a_group_that_is_not_there, "every_log_group_comes_to_rest"),
    (stream_that_feeds_on_itself, "every_log_group_comes_to_rest"),
    (function_that_is_not_masked, "what_comes_to_rest_is_masked"),
    (mail_addresses_not_masked, "what_comes_to_rest_is_masked"),
    (tokens_found_and_not_masked, "what_comes_to_rest_is_masked"),
    (token_known_otherwise, "what_comes_to_rest_is_masked"),
    (masked_groups_that_only_count, "what_comes_to_rest_is_masked"),
    (access_log_with_programs, "access_logs_say_nothing_of_a_caller"),
    (access_log_with_whole_addresses, "access_logs_say_nothing_of_a_caller"),
    (addresses_that_nobody_shortens, "access_logs_say_nothing_of_a_caller"),
    (addresses_as_they_were_before, "access_logs_say_nothing_of_a_caller"),
    (addresses_of_ipv6_whole, "access_logs_say_nothing_of_a_caller"),
    (destination_open_to_all, "only_the_stages_accounts_send_logs"),
    (readers_of_any_account, "only_people_of_the_account_read_lines"),
    (destination_that_hands_over_for_anybody, "only_the_stages_accounts_send_logs"),
    (logs_that_could_be_public, "lines_at_rest_are_closed_and_forgotten"),
    (logs_in_the_clear, "lines_at_rest_are_closed_and_forgotten"),
    (logs_without_tls, "lines_at_rest_are_closed_and_forgotten"),
    (logs_for_ever, "lines_at_rest_are_closed_and_forgotten"),
    (versions_of_what_was_erased, "lines_at_rest_are_closed_and_forgotten"),
    (errors_that_nobody_sees, "what_firehose_cannot_write_is_seen"),
    (waiting_that_nobody_sees, "what_firehose_cannot_write_is_seen"),
    (refused_lines_that_nobody_sees, "what_is_not_taken_is_seen"),
    (filter_of_another_name, "what_is_not_taken_is_seen"),
    (objects_where_the_table_does_not_look, "the_table_finds_what_firehose_writes"),
    (table_that_reads_errors, "the_table_finds_what_firehose_writes"),
    (lines_without_an_end, "the_table_finds_what_firehose_writes"),
    (batches_that_stay_compressed, "the_table_finds_what_firehose_writes"),
    (partitions_that_somebody_must_register, "the_table_finds_what_firehose_writes"),
    (account_that_no_query_finds, "the_table_finds_what_firehose_writes"),
    (service_that_no_query_finds, "the_table_finds_what_firehose_writes"),
    (days_that_are_gone, "the_table_finds_what_firehose_writes"),
    (query_of_any_size, "a_query_reads_no_more_than_it_may"),
    (callers_choose_their_limit, "a_query_reads_no_more_than_it_may"),
    (answers_in_the_clear, "a_query_reads_no_more_than_it_may"),
    (query_changed_in_the_template, "named_queries_are_those_of_the_files"),
    (query_without_a_file, "named_queries_are_those_of_the_files"),
    (query_of_every_workgroup, "named_queries_are_those_of_the_files"),
    (one_database_for_all_stages, "nothing_of_the_logs_stack_is_of_another_stage"),
    (stream_with_a_long_name, "names_fit_the_longest_stage"),
    (stream_that_deletes, "policies_name_actions_and_resources"),
]
