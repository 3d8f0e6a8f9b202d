"""Refusals of operations on stacks: what ends a step, and what may not run beside another."""

import asyncio

from ministack.services import cloudformation, lambda_svc
from ministack.services.cloudformation import handlers, stacks
from ministack.services.cloudformation.helpers import _error, _p

from refusals import stop
from state import note

HASHES = "SAM Developer Guide, AutoPublishCodeSha256: without a change of the code's hash no version is published"
DELETION_SECONDS = 0.3


def install():
    """Around the engine."""
    resolve_outputs = stacks._resolve_stack_outputs

    # The last thing that an operation does: raising here fails it and rolls it back.
    def resolved(outputs, conditions, resources, parameters, mappings, name, stack_id):
        aliases_follow_their_functions(resources, name, stack_id)
        return resolve_outputs(outputs, conditions, resources, parameters, mappings, name, stack_id)

    stacks._resolve_stack_outputs = resolved
    delete = stacks._delete_stack_async

    # A deletion takes a moment, in which it can be waited for and asked for again.
    async def deleted(name, *more, **options):
        if stack := cloudformation._stacks.get(name):
            stack["StackStatus"] = "DELETE_IN_PROGRESS"
            await asyncio.sleep(DELETION_SECONDS)
        await delete(name, *more, **options)

    stacks._delete_stack_async = handlers._delete_stack_async = deleted
    delete_stack = handlers._ACTION_HANDLERS["DeleteStack"]
    handlers._ACTION_HANDLERS["DeleteStack"] = lambda parameters: one_deletion(parameters) or delete_stack(parameters)


def aliases_follow_their_functions(resources, stack, stack_id):
    """A finding: SAM publishes a version when its hash changes, and by default neither parameters nor environment are in the hash."""
    for logical, resource in resources.items():
        if resource["ResourceType"] != "AWS::Lambda::Alias":
            continue
        alias = resource["Properties"]
        function = lambda_svc._functions.get(alias["FunctionName"].rsplit(":", 1)[-1], {})
        published = function.get("versions", {}).get(str(alias["FunctionVersion"]), {}).get("config", {})
        latest = function.get("config", {})
        if differing := [key for key in ("Environment", "CodeSha256", "MemorySize", "Timeout", "Layers") if published.get(key) != latest.get(key)]:
            old, new = ((config.get("Environment") or {}).get("Variables", {}) for config in (published, latest))
            changed = {key: old.get(key) for key in new if old.get(key) != new[key]}
            where = f"{alias['Name']} of {latest.get('FunctionName')} stays on version {alias['FunctionVersion']}"
            error = f"{where}, whose {', '.join(differing)} is an old one: {changed}"
            try:
                stop("aliases_follow_their_functions", error, HASHES, finding=True, type="AWS::Lambda::Alias", logical=logical)
            except ValueError as stopped:
                # Of the alias, so that whoever reads the stack's events finds which it is.
                stacks._add_event(stack_id, stack, logical, "AWS::Lambda::Alias", "UPDATE_FAILED", str(stopped))
                raise


def one_deletion(parameters):
    """An answer if the stack is being changed; none if it may be deleted."""
    stack = handlers._resolve_stack(_p(parameters, "StackName"))
    if stack and stack["StackStatus"].endswith("_IN_PROGRESS") and stack["StackStatus"] != "REVIEW_IN_PROGRESS":
        error = f"Stack [{stack['StackId']}] cannot be deleted while in status {stack['StackStatus']}"
        note("refused", rule="one_deletion", error=error, source="CloudFormation API, DeleteStack")
        return _error("ValidationError", error)
    return None
