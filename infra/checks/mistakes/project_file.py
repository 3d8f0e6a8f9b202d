"""Changes in one place that project.toml does not know."""

from .made import properties


def function_without_an_entry(project):
    properties(project, "mileage", "MileageApi")["CodeUri"] = "../../target/lambda/offers-api/"


def function_of_another_name(project):
    resources = project.templates["booking"]["Resources"]
    resources["Publisher"] = resources.pop("BookingPublisher")


def version_nobody_counts(project):
    del project.templates["mileage"]["Parameters"]["MileageApiVersionHash"]


def portal_with_a_claim_of_its_own(project):
    path = "portal/src/session/user.ts"
    project.claim_readers[path] = project.claim_readers[path].replace("custom:tier-level", "custom:plan")


MISTAKES = [
    (function_without_an_entry, "functions_are_those_of_project_toml"),
    (function_of_another_name, "functions_are_those_of_project_toml"),
    (version_nobody_counts, "functions_are_those_of_project_toml"),
    (portal_with_a_claim_of_its_own, "claims_are_those_of_project_toml"),
]
