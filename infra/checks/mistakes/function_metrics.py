"""Mistakes with what is asked of functions' own metrics."""

from .made import properties


def _dashboard(project, old, new):
    body = properties(project, "observability", "Functions")["DashboardBody"]
    body["Fn::Sub"] = body["Fn::Sub"].replace(old, new)


def _memory(project, template, alarm):
    return properties(project, template, alarm)["Metrics"][1]["MetricStat"]["Metric"]


def metric_by_another_name(project):
    _dashboard(project, "faas.coldstarts", "faas.cold_starts")


def metric_that_no_widget_shows(project):
    _dashboard(project, "faas.timeouts", "faas.errors")


def metrics_grouped_by_what_they_have_not(project):
    _dashboard(project, 'GROUP BY \\"messaging.destination.name\\"', 'GROUP BY \\"queue\\"')


def metrics_of_another_namespace(project):
    _dashboard(project, "FROM mileage", "FROM airline")


def metrics_query_without_quotes(project):
    _dashboard(project, '\\"faas.mem_usage\\"', "faas.mem_usage")


def alarm_without_a_dimension(project):
    properties(project, "mileage", "MessageAgeAlarm")["Dimensions"].pop(1)


def alarm_on_a_metric_by_tenant(project):
    _memory(project, "booking", "BookingApiMemoryAlarm")["MetricName"] = "faas.timeouts"


def alarm_on_another_trigger(project):
    _memory(project, "booking", "BookingPublisherMemoryAlarm")["Dimensions"][1]["Value"] = "http"


def alarm_on_the_age_in_another_queue(project):
    properties(project, "mileage", "MessageAgeAlarm")["Dimensions"][3]["Value"] = {"Fn::Sub": "bookings-${Stage}"}


def alarm_on_what_nobody_writes(project):
    del project.templates["mileage"]["Resources"]["MileageApiMemoryAlarm"]["Condition"]


def function_whose_memory_nobody_watches(project):
    del project.templates["booking"]["Resources"]["RegistrationApiMemoryAlarm"]


def tenants_named_by_sandboxes_that_have_one(project):
    del properties(project, "booking", "BookingApiIsolated")["Environment"]["Variables"]["METRICS_TENANT"]


DASHBOARD, ALARM = "dashboards_ask_for_what_functions_measure", "alarms_on_what_functions_measure_name_it_whole"
MISTAKES = [
    (metric_by_another_name, DASHBOARD),
    (metric_that_no_widget_shows, DASHBOARD),
    (metrics_grouped_by_what_they_have_not, DASHBOARD),
    (metrics_of_another_namespace, DASHBOARD),
    (metrics_query_without_quotes, DASHBOARD),
    (alarm_without_a_dimension, ALARM),
    (alarm_on_a_metric_by_tenant, ALARM),
    (alarm_on_another_trigger, ALARM),
    (alarm_on_the_age_in_another_queue, ALARM),
    (alarm_on_what_nobody_writes, ALARM),
    (function_whose_memory_nobody_watches, ALARM),
    (tenants_named_by_sandboxes_that_have_one, "a_sandbox_of_one_tenant_names_nobody_in_metrics"),
]
