"""Takes what an earlier deployment of the stage left behind into its new stack, with the data in it.

CloudFormation does not create what is there already. It imports it: a change set of type IMPORT makes a stack of existing resources and changes
nothing about them (CloudFormation User Guide, "Import AWS resources into a CloudFormation stack"). The update that follows goes by the
template. A pool that is kept keeps its users' ids, which the tables' keys hold.
"""

import json
import sys

from cloudformation import Stack

from . import leftovers
from .progress import pause, say

IMPORTED = {"AWS::DynamoDB::Table": "TableName", "AWS::S3::Bucket": "BucketName", "AWS::Cognito::UserPool": "UserPoolId", "AWS::Logs::LogGroup": "LogGroupName"}

def adopt(cloud, name, parameters, account):
    """Imports what a stack that is not there yet would create and finds. Returns what it was."""
    template = cloud.config.template(name)
    found = {}
    for left in leftovers.of_template(name, template, parameters, account):
        if left.kind in IMPORTED and (ids := leftovers.identify(cloud, left)):
            if len(ids) > 1:
                sys.exit(f"there are {len(ids)} of {left.name} ({', '.join(ids)}): keep one, delete the others, then run this again")
            found[left] = ids[0]
    if found:
        resources = dict(Stack(template, parameters, account).resources())
        bring_in(cloud, name, {left.logical: definition(left, resources[left.logical]) for left in found}, found)
        say(f"  taken over: {', '.join(left.name for left in found)}")
    return list(found)


def definition(left, properties):
    """Without conditions and references. Retained whatever happens: an import that fails must not delete what it was to save."""
    return {"Type": left.kind, "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "Properties": properties}


def bring_in(cloud, name, definitions, found):
    client, stack = cloud.client(name, "cloudformation"), cloud.config.stack_name(name)
    body = json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": definitions}, default=str)
    change_set = client.create_change_set(
        StackName=stack, ChangeSetName="take-over", ChangeSetType="IMPORT", TemplateBody=body,
        ResourcesToImport=[
            {"ResourceType": left.kind, "LogicalResourceId": left.logical, "ResourceIdentifier": {IMPORTED[left.kind]: identifier}}
            for left, identifier in found.items()
        ],
    )["Id"]  # fmt: skip
    while (state := client.describe_change_set(ChangeSetName=change_set, StackName=stack))["Status"] in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
        pause()
    if state["Status"] == "FAILED":
        names = ", ".join(left.name for left in found)
        sys.exit(f"{stack} cannot take over {names}: {state.get('StatusReason')}. `make purge STAGE={cloud.stage}` lists what is left and deletes it.")
    client.execute_change_set(ChangeSetName=change_set, StackName=stack)
    while (state := client.describe_change_set(ChangeSetName=change_set, StackName=stack))["ExecutionStatus"] in ("AVAILABLE", "EXECUTE_IN_PROGRESS"):
        pause()
    after = cloud.wait(name)
    if not after or after["StackStatus"] != "IMPORT_COMPLETE":
        sys.exit(f"{stack} could not take over what is there: {after and after['StackStatus']}: {(after or {}).get('StackStatusReason', 'see its events')}")
