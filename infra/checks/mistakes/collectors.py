"""Mistakes with what the collectors do with metrics and log records."""


def metrics_go_nowhere(project):
    del project.collectors["adot"]["service"]["pipelines"]["metrics"]


def vendor_gets_plain_points(project):
    del project.collectors["community"]["processors"]["transform/pseudonyms"]["metric_statements"]


def vendor_gets_plain_lines(project):
    project.collectors["community"]["service"]["pipelines"]["logs/vendor"]["processors"].remove("transform/pseudonyms")


def condition_on_points_that_does_not_parse(project):
    project.collectors["community"]["processors"]["filter/vendor"]["metrics"]["datapoint"].append('Unknown("none") == "none"')


MISTAKES = [
    (metrics_go_nowhere, "collectors_carry_all_signals"),
    (vendor_gets_plain_points, "xray_gets_annotations_and_vendors_get_pseudonyms"),
    (vendor_gets_plain_lines, "xray_gets_annotations_and_vendors_get_pseudonyms"),
    (condition_on_points_that_does_not_parse, "collector_statements_parse"),
]
