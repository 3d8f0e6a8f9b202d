"""Mistakes with versions of functions."""

from .made import properties


def version_of_code_alone(project):
    del properties(project, "booking", "BookingApi")["AutoPublishCodeSha256"]


def version_by_another_functions_hash(project):
    properties(project, "booking", "RegistrationApi")["AutoPublishCodeSha256"] = {"Ref": "BookingApiVersionHash"}


def version_by_a_fixed_hash(project):
    project.templates["mileage"]["Parameters"]["MileageApiVersionHash"]["Default"] = "0" * 64


def function_with_an_alias_and_no_hash(project):
    properties(project, "mileage", "MileageAccrual")["AutoPublishAlias"] = "live"


MISTAKES = [
    (version_of_code_alone, "versions_move_with_what_functions_read"),
    (version_by_another_functions_hash, "versions_move_with_what_functions_read"),
    (version_by_a_fixed_hash, "without_a_hash_code_alone_decides"),
    (function_with_an_alias_and_no_hash, "every_alias_moves_by_a_hash"),
]
