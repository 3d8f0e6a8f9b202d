"""Mistakes with what needs a link, and with alarms that never fall."""

from .made import properties


def alarm_before_a_link(project):
    del project.templates["observability"]["Resources"]["DeadLettersAlarm"]["Condition"]


def composite_before_its_alarms(project):
    del project.templates["observability"]["Resources"]["BookingBudgetAlarm"]["Condition"]


def schedule_before_a_link(project):
    del project.templates["observability"]["Resources"]["SloEvaluatorEveryFiveMinutes"]["Condition"]


def silence_alarm_before_a_schedule(project):
    del project.templates["observability"]["Resources"]["EvaluatorSilentAlarm"]["Condition"]


def alarm_that_never_comes_back(project):
    project.templates["observability"]["Resources"]["ParkedAlarm"]["Condition"] = "NeverHolds"
    project.templates["observability"]["Conditions"]["NeverHolds"] = {"Fn::Equals": ["a", "b"]}


def sign_in_made_with_the_canary(project):
    project.templates["observability"]["Resources"]["CanarySecret"]["Condition"] = "HasCanary"


def canary_from_the_first_step(project):
    project.templates["observability"]["Conditions"]["HasCanary"] = {"Fn::Equals": ["a", "a"]}


def alarm_on_what_lies_in_a_queue(project):
    properties(project, "observability", "EvaluatorFailuresAlarm")["MetricName"] = "ApproximateNumberOfMessagesVisible"


MISTAKES = [
    (alarm_before_a_link, "nothing_needs_a_link_before_it_works"),
    (composite_before_its_alarms, "nothing_needs_a_link_before_it_works"),
    (schedule_before_a_link, "nothing_needs_a_link_before_it_works"),
    (silence_alarm_before_a_schedule, "nothing_needs_a_link_before_it_works"),
    (alarm_that_never_comes_back, "everything_is_there_once_linked"),
    (sign_in_made_with_the_canary, "the_canarys_sign_in_is_there_before_the_canary"),
    (canary_from_the_first_step, "the_canarys_sign_in_is_there_before_the_canary"),
    (alarm_on_what_lies_in_a_queue, "alarms_fall_again"),
]
