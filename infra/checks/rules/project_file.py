"""What cannot read project.toml says the same."""

from project import FUNCTIONS, VERSIONED
from project_file import CLAIMS, ROOT

from .registered import check


@check
def functions_are_those_of_project_toml(project):
    """Both ways: each function of a template has its entry, and each entry has its function and its `main`."""
    found = {}
    for label, template in project.templates.items():
        for resource, each in template["Resources"].items():
            if each["Type"] == "AWS::Serverless::Function":
                found.setdefault((label, each["Properties"]["CodeUri"].rstrip("/").rsplit("/", 1)[-1]), set()).add(resource)
    said = {(template, name): resource for name, (template, resource, _) in FUNCTIONS.items()}
    for label, name in found.keys() - said.keys():
        yield f"project.toml has no [functions.{name}] with template = \"{label}\", which that template's {', '.join(sorted(found[label, name]))} runs"
    for (label, name), resource in said.items():
        if resource not in found.get((label, name), set()):
            yield f"project.toml: [functions.{name}] is {resource} of the template {label}, which has no such function with that code"
        elif (f"{resource}VersionHash" in project.templates[label]["Parameters"]) != (name in VERSIONED):
            yield f"project.toml: `versions` of [functions.{name}] and the parameter {resource}VersionHash of the template {label} do not agree"
    for name, (_, _, main) in FUNCTIONS.items():
        if not (ROOT / main).exists():
            yield f"project.toml: [functions.{name}] has its main at {main}, where there is no file"


@check
def claims_are_those_of_project_toml(project):
    for path, text in project.claim_readers.items():
        for what, claim in CLAIMS.items():
            # A service that reads a name would take a name for an id.
            if what == "company" and path.startswith("shared/"):
                continue
            if f'"{claim}"' not in text:
                yield f"{path} does not name {claim}, the {what} of [claims] in project.toml"
