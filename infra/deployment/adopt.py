"""Takes what an earlier deployment of the stage left behind into its new stack, with the data in it.

CloudFormation does not create what is there already. It imports it: a change set of type IMPORT puts existing resources under a stack, new or not,
and changes nothing else (CloudFormation User Guide, "Import AWS resources into a CloudFormation stack"). The update that follows goes by the
template. A pool that is kept keeps its users' ids, which the tables' keys hold.
"""

import json
import sys

from cloudformation import Stack, load

from . import leftovers
from .progress import pause, say

IMPORTED = {"AWS::DynamoDB::Table": "TableName", "AWS::S3::Bucket": "BucketName", "AWS::Cognito::UserPool": "UserPoolId", "AWS::Logs::LogGroup": "LogGroupName"}
# Larger templates have to be in a bucket.
IN_THE_CALL = 51_200


def adopt(cloud, name, parameters, account):
    """Imports what the step would create and finds. Returns what it was."""
    template = cloud.config.template(name)
    held = resources_of(cloud, name)
    found = {}
    for left in leftovers.of_template(name, template, parameters, account):
        if left.kind in IMPORTED and left.logical not in held and (ids := leftovers.identify(cloud, left)):
            if len(ids) > 1:
                sys.exit(f"there are {len(ids)} of {left.name} ({', '.join(ids)}): keep one, delete the others, then run this again")
            found[left] = ids[0]
    if found:
        resources = dict(Stack(template, parameters, account).resources())
        bring_in(cloud, name, {left.logical: definition(template, left, resources[left.logical]) for left in found}, found)
        say(f"  taken over: {', '.join(left.name for left in found)}")
    return list(found)


def definition(template, left, properties):
    """As the template has it, without conditions and references; an import requires that it says what happens on deletion."""
    kept = {key: template["Resources"][left.logical][key] for key in ("DeletionPolicy", "UpdateReplacePolicy") if key in template["Resources"][left.logical]}
    return {"Type": left.kind, "DeletionPolicy": "Retain", **kept, "Properties": properties}


def bring_in(cloud, name, definitions, found):
    client, stack = cloud.client(name, "cloudformation"), cloud.config.stack_name(name)
    body, parameters = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}}, []
    if cloud.find(name):
        body = client.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        body = load(body) if isinstance(body, str) else body
        parameters = [{"ParameterKey": key, "UsePreviousValue": True} for key in body.get("Parameters", {})]
    body = json.dumps({**body, "Resources": {**body["Resources"], **definitions}}, default=str)
    template = {"TemplateBody": body} if len(body.encode()) <= IN_THE_CALL else {"TemplateURL": cloud.put_artifact(name, "take-over.template", body)}
    change_set = client.create_change_set(
        StackName=stack, ChangeSetName="take-over", ChangeSetType="IMPORT", **template, Parameters=parameters,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
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
    after = cloud.wait(name)
    if not after or after["StackStatus"] != "IMPORT_COMPLETE":
        sys.exit(f"{stack} could not take over what is there: {after and after['StackStatus']}: {(after or {}).get('StackStatusReason', 'see its events')}")


def resources_of(cloud, name):
    client = cloud.client(name, "cloudformation")
    if not cloud.find(name):
        return set()
    pages = client.get_paginator("list_stack_resources").paginate(StackName=cloud.config.stack_name(name))
    gone = ("DELETE_COMPLETE", "CREATE_FAILED")
    return {each["LogicalResourceId"] for page in pages for each in page["StackResourceSummaries"] if each["ResourceStatus"] not in gone}
