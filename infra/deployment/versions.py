"""When a function behind an API gets a new version: when its code, or anything a version keeps of its settings, is another.

SAM publishes a version when `AutoPublishCodeSha256` changes and looks at code alone by itself, so a new URL in a function's environment
would reach `$LATEST` and never `live`. The hash must also change no oftener: where nothing changed Lambda makes no version, and
CloudFormation fails with "A version for this Lambda function exists".
"""

import hashlib
import json

from cloudformation import Stack
from project_file import FUNCTIONS, SERVICES, versioned

from .config import ROOT, read

# Parameter -> function: its logical name in the template, and where its code is.
HASHES = {
    template: {f"{FUNCTIONS[name]['resource']}VersionHash": (FUNCTIONS[name]["resource"], name) for name in versioned(template)}
    for template in ("booking", "mileage", *SERVICES)
}
# Of SAM's function and not of Lambda's version: what is around it.
AROUND = {
    "AutoPublishAlias", "AutoPublishAliasAllProperties", "AutoPublishCodeSha256", "CodeUri", "DeploymentPreference", "EventInvokeConfig", "Events",
    "FunctionUrlConfig", "PermissionsBoundary", "Policies", "PropagateTags", "ProvisionedConcurrencyConfig", "ReservedConcurrentExecutions",
    "RolePath", "Tags",
}  # fmt: skip


def hashes(kind, parameters, account, template=None, code=None):
    """The hash parameters of a stack of this template that is deployed with `parameters`.

    `code` maps a function to a digest of its code; by default that of what was packaged.
    """
    template = template or read(ROOT / f"infra/{kind}/template.yaml")
    stack = Stack(template, parameters, account)
    settings = dict(stack.resources("AWS::Serverless::Function"))
    common = stack.resolve(template.get("Globals", {}).get("Function", {}))
    found = {}
    for parameter, (logical, function) in HASHES[kind].items():
        own = {name: value for name, value in merged(common, settings[logical]).items() if name not in AROUND}
        made_of = {"code": (code or code_digest)(function), "settings": own}
        found[parameter] = hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()
    return found


def code_digest(function):
    """Of all files of the package: the binary, and a collector's configuration beside it."""
    folder, digest = ROOT / "target/lambda" / function, hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def merged(common, own):
    """As SAM merges `Globals`: mappings by key, lists one after the other, else the function's own."""
    if isinstance(common, dict) and isinstance(own, dict):
        return {key: merged(common.get(key), own[key]) if key in own else common[key] for key in common.keys() | own.keys()}
    if isinstance(common, list) and isinstance(own, list):
        return common + own
    return own


def forget_after_live(client, function):
    """Deletes the versions after the one that `live` names.

    A step that is rolled back leaves its version, which SAM retains. The same step again would publish the same code and settings, for which
    Lambda makes no version, and CloudFormation would fail. Nobody is served by a version that is after `live` and not in its weights.
    """
    try:
        alias = client.get_alias(FunctionName=function, Name="live")
        pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
        published = [each["Version"] for page in pages for each in page["Versions"] if each["Version"] != "$LATEST"]
    except client.exceptions.ResourceNotFoundException:
        return
    weighted = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    for version in published:
        if int(version) > int(alias["FunctionVersion"]) and version not in weighted:
            client.delete_function(FunctionName=function, Qualifier=version)
