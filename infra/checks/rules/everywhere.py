"""The same templates and functions everywhere, and accounts that trust each other as meant."""

import re

from cloudformation import statements
from project import BOOKING, FUNCTIONS, MILEAGE, REGION

from .reading import condition_values, principals, resource_statements
from .registered import check


@check
def the_local_cloud_deploys_these_templates(project):
    if 'join("infra").join(name).join("template.yaml")' not in project.local_cloud:
        yield "local/src/cloud.rs: its templates are not infra/<name>/template.yaml"
    for name in ("booking", "mileage"):
        if f'template("{name}")' not in project.local_cloud:
            yield f"local/src/cloud.rs: does not deploy infra/{name}/template.yaml"


@check
def functions_are_binaries_of_this_workspace(project):
    known = set(FUNCTIONS)
    for label, _, name, properties in project.resources("AWS::Serverless::Function"):
        match = re.fullmatch(r"\.\./\.\./target/lambda/([a-z0-9-]+)/", properties["CodeUri"])
        if not match or match[1] not in known:
            yield f"{label} {name}: no binary is built into {properties['CodeUri']}"


@check
def accounts_trust_each_other_as_meant(project):
    """Booking's topic is subscribed to by the mileage account alone; mileage's distance is asked for by booking's account alone."""
    for label, where, statement in resource_statements(project):
        if "sns:Subscribe" in statement["Action"]:
            expected = [("AWS", f"arn:aws:iam::{MILEAGE}:root")]
            if principals(statement) != expected:
                yield f"{label} {where}: others may subscribe"
    for label, stack, name, properties in project.resources("AWS::SQS::QueuePolicy"):
        if label == "mileage":
            for statement in statements(properties["PolicyDocument"]):
                if f"arn:aws:sns:{REGION}:{BOOKING}:booking-events-dev" not in condition_values(statement, "aws:SourceArn"):
                    yield f"{label} {name}: takes messages of another topic"
