"""Stand-ins for the resource types of our templates that the emulator lacks. They do nothing: they are checked, remembered, and answer
for the attributes that others ask of them. Which property names a resource, which makes it a new one and which the service makes up
is what the registry schemas say."""

import uuid

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs
from ministack.services.cloudformation import provisioners

import registry
from state import note

KINDS = [
    "AWS::Oam::Sink", "AWS::Oam::Link", "AWS::XRay::Group", "AWS::XRay::SamplingRule", "AWS::XRay::ResourcePolicy",
    "AWS::XRay::TransactionSearchConfig", "AWS::Synthetics::Canary", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::InsightRule",
    "AWS::Logs::QueryDefinition", "AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup",
    "AWS::WAFv2::IPSet", "AWS::WAFv2::WebACLAssociation", "AWS::WAFv2::LoggingConfiguration", "AWS::IAM::OIDCProvider", "AWS::Athena::NamedQuery",
    "AWS::Logs::Destination", "AWS::Logs::Transformer",
]  # fmt: skip
# Where the schema names the resource by something that the service makes up, the property that is unique in an account all the same.
NAMES = {
    "AWS::XRay::Group": "GroupName",
    "AWS::CloudWatch::InsightRule": "RuleName",
    "AWS::Oam::Sink": "Name",
    "AWS::IAM::OIDCProvider": "Url",
}


def name(kind, properties):
    """What a template calls a resource, if that is unique in its account."""
    if kind == "AWS::XRay::SamplingRule":
        return properties["SamplingRule"]["RuleName"]
    identifiers = registry.names(kind, "primaryIdentifier")
    writable = [each for each in identifiers if each not in registry.names(kind, "readOnlyProperties")]
    if writable and writable == identifiers and all(each in properties for each in writable):
        return "|".join(str(properties[each]) for each in writable)
    return properties.get(NAMES.get(kind))


def install():
    """Beside the emulator's own types."""
    for kind in KINDS:
        provisioners._RESOURCE_HANDLERS.setdefault(kind, _handler(kind))


def _handler(kind):
    create_only = registry.names(kind, "createOnlyProperties")
    attributes_of = {}

    def create(logical, properties, stack):
        attributes = _attributes(kind, properties)
        if kind == "AWS::XRay::TransactionSearchConfig":
            physical = attributes["AccountId"] = get_account_id()
            # X-Ray makes its log group when it is turned on, and nobody's stack deletes it.
            cloudwatch_logs._create_log_group({"logGroupName": "aws/spans"})
        elif kind == "AWS::CodeDeploy::DeploymentGroup":
            physical = properties.get("DeploymentGroupName") or f"{stack}-{logical}-{uuid.uuid4().hex[:12].upper()}"
        else:
            physical = name(kind, properties) if kind not in NAMES else None
            physical = physical or next((value for key, value in attributes.items() if key.lower().endswith("arn")), None)
            physical = physical or next(iter(attributes.values()), f"{stack}-{logical}-{uuid.uuid4().hex[:12].upper()}")
        attributes_of[get_account_id(), physical] = attributes
        return physical, attributes

    def update(physical, old, new, stack, logical=None):
        changed = [each for each in create_only if old.get(each) != new.get(each)]
        if changed:
            note("replaced", type=kind, logical=logical, because=changed)
            return create(logical, new, stack)
        return physical, attributes_of.get((get_account_id(), physical), {})

    def delete(physical, properties):
        attributes_of.pop((get_account_id(), physical), None)

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}


def _attributes(kind, properties):
    service, resource = kind.split("::")[1:]
    made_up = {}
    for each in registry.names(kind, "readOnlyProperties"):
        if each.lower().endswith("arn"):
            tail = properties.get("Name") if kind == "AWS::Synthetics::Canary" else uuid.uuid4()
            end = f"destination:{properties['DestinationName']}" if kind == "AWS::Logs::Destination" else f"{resource.lower()}/{tail}"
            made_up[each] = f"arn:aws:{service.lower()}:{get_region()}:{get_account_id()}:{end}"
        else:
            made_up[each] = str(uuid.uuid4())
    return made_up
