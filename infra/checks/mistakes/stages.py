"""Mistakes with stages: not set up, left behind, named too long."""

from .made import properties


def sampling_rule_with_a_long_name(project):
    properties(project, "source-account", "CriticalRule")["SamplingRule"]["RuleName"] = {"Fn::Sub": "critical-${ApiName}-${Stage}"}


def group_with_a_long_name(project):
    properties(project, "observability", "SlowOrFailedBookings")["GroupName"] = {"Fn::Sub": "bookings-slow-or-failed-${Stage}"}


def bucket_with_a_long_name(project):
    properties(project, "booking", "StreamFailures")["BucketName"] = {"Fn::Sub": "airline-booking-reservations-stream-failures-${Stage}-${AWS::AccountId}"}


def canary_with_capitals(project):
    properties(project, "observability", "Canary")["Name"] = {"Fn::Sub": "Journey-${Stage}"}


def named_resource_of_a_new_type(project):
    project.templates["booking"]["Resources"]["Bus"] = {"Type": "AWS::Events::EventBus", "Properties": {"Name": {"Fn::Sub": "bookings-${Stage}"}}}


def stack_name_that_cuts_a_roles_name(project):
    project.samconfig["dev-mileage"]["deploy"]["parameters"]["stack_name"] = "airline-development-environment-mileage"


def workflow_deploys_a_stage_that_is_not_set_up(project):
    project.workflows["deploy.yml"]["jobs"]["prod"]["with"]["stage"] = "production"


def stage_without_its_portal(project):
    del project.samconfig["prod-portal"]


def retained_without_a_name(project):
    del properties(project, "mileage", "Ledger")["TableName"]


def retained_of_a_type_that_nothing_finds(project):
    project.templates["booking"]["Resources"]["TopicKey"] |= {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def retained_under_one_name_for_all_stages(project):
    properties(project, "observability", "SloState")["TableName"] = "slo-state"


def retained_only_when_replaced(project):
    del project.templates["booking"]["Resources"]["Reservations"]["DeletionPolicy"]


MISTAKES = [
    (sampling_rule_with_a_long_name, "names_fit_the_longest_stage"),
    (group_with_a_long_name, "names_fit_the_longest_stage"),
    (bucket_with_a_long_name, "names_fit_the_longest_stage"),
    (canary_with_capitals, "names_fit_the_longest_stage"),
    (named_resource_of_a_new_type, "names_fit_the_longest_stage"),
    (stack_name_that_cuts_a_roles_name, "roles_that_policies_know_keep_their_names"),
    (workflow_deploys_a_stage_that_is_not_set_up, "every_stage_of_a_workflow_is_set_up"),
    (stage_without_its_portal, "every_stage_of_a_workflow_is_set_up"),
    (retained_without_a_name, "what_is_retained_can_be_found_again"),
    (retained_of_a_type_that_nothing_finds, "what_is_retained_can_be_found_again"),
    (retained_under_one_name_for_all_stages, "what_is_retained_can_be_found_again"),
    (retained_only_when_replaced, "what_is_retained_can_be_found_again"),
]
