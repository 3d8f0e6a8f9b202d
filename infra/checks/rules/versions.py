"""A function's version moves when anything that it reads is another, and only then."""

from cloudformation import Stack
from deployment.versions import HASHES, hashes
from project import BOOKING, EVERYTHING, MILEAGE
from project_file import SERVICES
from sam import transformed

from .registered import check

ACCOUNTS = {"booking": BOOKING, "mileage": MILEAGE, **dict.fromkeys(SERVICES, BOOKING)}
# Of a function, not of its versions.
UNVERSIONED = {"Description", "FunctionName", "ReservedConcurrentExecutions", "Role", "Tags"}


@check
def versions_move_with_what_functions_read(project):
    """Both parameter sets go through SAM's own translator, with the hashes that the deployment computes for each. What is compared is
    what Lambda would keep: where it is another and the version's logical id is not, `live` stays on the old one; where it is the same
    and the id is another, CloudFormation fails, since Lambda makes no version of what has not changed."""
    for kind, functions in HASHES.items():
        template, account = project.templates[kind], ACCOUNTS[kind]
        before = _versions(template, EVERYTHING, kind, account)
        for parameter, declared in template["Parameters"].items():
            if parameter in functions:
                continue
            changed = {**EVERYTHING, parameter: _another(declared, Stack(template, EVERYTHING, account).parameters[parameter])}
            # What neither changes a hash nor a function cannot change what SAM makes of one.
            if _written(template, EVERYTHING, kind, account) == _written(template, changed, kind, account):
                continue
            after = _versions(template, changed, kind, account)
            for logical, _ in functions.values():
                (settings, version), (settings_after, version_after) = before[logical], after[logical]
                if settings != settings_after and version == version_after:
                    yield f"{kind} {logical}: reads {parameter}, and its version stays when that changes"
                if settings == settings_after and version != version_after:
                    yield f"{kind} {logical}: its version moves with {parameter}, which it does not read"


@check
def without_a_hash_code_alone_decides(project):
    """As locally: the parameter's default is empty, and SAM goes by where the code is."""
    for kind, functions in HASHES.items():
        template, account = project.templates[kind], ACCOUNTS[kind]
        for parameter in functions:
            if template["Parameters"].get(parameter, {}).get("Default") != "":
                yield f"{kind} {parameter}: not empty by default"
        old, new = (_of(transformed(template, EVERYTHING, account, code)) for code in ("old", "new"))
        for logical, _ in functions.values():
            if old[logical][1] == new[logical][1]:
                yield f"{kind} {logical}: new code makes no new version"


@check
def every_alias_moves_by_a_hash(project):
    """No function with an alias is left out of what the deployment computes."""
    for kind, template in project.templates.items():
        known = {logical: parameter for parameter, (logical, _) in HASHES.get(kind, {}).items()}
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function" and "AutoPublishAlias" in resource["Properties"]:
                if resource["Properties"].get("AutoPublishCodeSha256") != {"Ref": known.get(name)}:
                    yield f"{kind} {name}: its version follows no hash of its own"


def _written(template, parameters, kind, account):
    """The functions as the template has them, and their hashes."""
    stack = Stack(template, parameters, account)
    common = stack.resolve(template.get("Globals", {}))
    found = hashes(kind, parameters, account, template=template, code=lambda function: function)
    return common, dict(stack.resources("AWS::Serverless::Function")), found


def _versions(template, parameters, kind, account):
    found = hashes(kind, parameters, account, template=template, code=lambda function: function)
    return _of(transformed(template, {**parameters, **found}, account))


def _of(stack):
    """What Lambda keeps of each function, and the logical id of its version."""
    settings, versions = {}, {}
    for name, properties in stack.resources("AWS::Lambda::Function", "AWS::Lambda::Version"):
        if stack.template["Resources"][name]["Type"] == "AWS::Lambda::Function":
            settings[name] = {key: value for key, value in properties.items() if key not in UNVERSIONED}
        else:
            versions[stack.template["Resources"][name]["Properties"]["FunctionName"]["Ref"]] = name
    return {name: (settings[name], versions.get(name)) for name in settings}


def _another(declared, value):
    """A value that the parameter does not have."""
    if "AllowedValues" in declared:
        return next(allowed for allowed in declared["AllowedValues"] if str(allowed) != str(value))
    if declared["Type"] == "Number":
        return int(value) + 1
    return f"{value}x" if value else "x"
