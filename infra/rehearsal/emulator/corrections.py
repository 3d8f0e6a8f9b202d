"""Where the emulator does something else than AWS, and what comes after would not be what AWS does."""

import copy
import json

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb, secretsmanager
from ministack.services.cloudformation import changesets, drift, engine, provisioners


def install():
    """Before handlers are wrapped."""
    _transform_with_parameters()
    _conditions_in_change_sets()
    _alarms_on_expressions()
    _generated_secrets()
    _secrets_by_arn()
    _tables_that_forget()
    _traces_of_callers()


def _transform_with_parameters():
    """SAM's transform gets no parameter values from the emulator: `Enabled: !Ref ShiftTraffic` could not be decided."""
    apply = engine._apply_transforms

    def applied(template, provided=None, previous=None):
        from samtranslator.translator import transform

        plain = transform.transform
        values = engine._transform_parameters(template, provided, previous) if engine._SAM_TRANSFORM in engine.declared_transforms(template) else {}
        values |= {"AWS::AccountId": get_account_id(), "AWS::Region": get_region(), "AWS::Partition": "aws"}
        transform.transform = lambda given, _, loader: plain(given, values, loader)
        try:
            return apply(template, provided, previous)
        finally:
            transform.transform = plain

    for module in ("engine", "handlers", "changesets"):
        namespace = __import__(f"ministack.services.cloudformation.{module}", fromlist=["_apply_transforms"])
        if hasattr(namespace, "_apply_transforms"):
            namespace._apply_transforms = applied


def _conditions_in_change_sets():
    """A change set of the emulator takes what a condition leaves out for a resource of the stack, so that nothing could be imported there."""
    resolve = changesets._resolve_props_for_diff

    def resolved(template, parameters, name, stack_id):
        found = resolve(template, parameters, name, stack_id)
        conditions = engine._evaluate_conditions(template, parameters) if template else {}
        kept = {key: each for key, each in found.get("Resources", {}).items() if conditions.get(each.get("Condition"), True)}
        return {**found, "Resources": kept}

    changesets._resolve_props_for_diff = resolved


def _alarms_on_expressions():
    """An alarm on an expression is kept as one on a metric that never has data."""
    plain = provisioners._cw_metric_alarm_record

    def record(name, properties):
        if not properties.get("Metrics"):
            return plain(name, properties)
        single = {key: value for key, value in properties.items() if key != "Metrics"}
        return {**plain(name, {**single, "MetricName": "expression", "Namespace": "rehearsal"}), "Metrics": properties["Metrics"]}

    provisioners._cw_metric_alarm_record = record


def _generated_secrets():
    """A generated secret has a character of each kind that it may have; the emulator's CloudFormation draws from all, and one of 37 has no digit."""
    plain = provisioners._sm_secret_string

    def secret(properties):
        generate = properties.get("GenerateSecretString")
        if not generate or properties.get("SecretString"):
            return plain(properties)
        _, _, answer = secretsmanager._get_random_password(generate)
        password = json.loads(answer)["RandomPassword"]
        if "GenerateStringKey" not in generate:
            return password
        return json.dumps(json.loads(generate["SecretStringTemplate"]) | {generate["GenerateStringKey"]: password})

    provisioners._sm_secret_string = secret


def _secrets_by_arn():
    """`Ref` of a secret is its ARN."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]

    def name(physical):
        return next((key for key, secret in secretsmanager._secrets.items() if physical in (key, secret["ARN"])), physical)

    def create(logical, properties, stack):
        _, attributes = handler["create"](logical, properties, stack)
        return attributes["Arn"], attributes

    def update(physical, old, new, stack, logical=None):
        _, attributes = handler["update"](name(physical), old, new, stack, logical)
        return attributes["Arn"], attributes

    provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"] = {
        **handler, "create": create, "update": update, "delete": lambda physical, properties: handler["delete"](name(physical), properties)
    }  # fmt: skip
    reader, supported = drift._DRIFT_READERS["AWS::SecretsManager::Secret"]
    drift._DRIFT_READERS["AWS::SecretsManager::Secret"] = (lambda physical, properties: reader(name(physical), properties), supported)


def _tables_that_forget():
    """CloudFormation's `TimeToLiveSpecification`, which the emulator ignores."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]

    def with_ttl(act):
        def acted(*arguments):
            physical, attributes = act(*arguments)
            properties = arguments[1] if act is handler["create"] else arguments[2]
            if specification := properties.get("TimeToLiveSpecification"):
                enabled = str(specification.get("Enabled")).lower() == "true"
                dynamodb._update_ttl({"TableName": physical, "TimeToLiveSpecification": {**copy.deepcopy(specification), "Enabled": enabled}})
            return physical, attributes

        return acted

    forgetting = {"create": with_ttl(handler["create"]), "update": with_ttl(handler["update"])}
    provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"] = {**handler, **forgetting}


def _traces_of_callers():
    """The emulator makes up a new root for each invocation. Lambda goes on with the header of the request, or of the one message."""
    invoke = lambda_runtime.ProvidedWorker.invoke

    def invoked(self, event, request_id, *, trace_id=None, **more):
        return invoke(self, event, request_id, trace_id=_inbound(event, trace_id), **more)

    lambda_runtime.ProvidedWorker.invoke = invoked


def _inbound(event, made_up):
    if not isinstance(event, dict) or made_up is None:
        return made_up
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    given = headers.get("x-amzn-trace-id")
    if given is None and len(event.get("Records", [])) == 1:
        given = (event["Records"][0].get("attributes") or {}).get("AWSTraceHeader")
    if not given or "Root=" not in given:
        return made_up
    fields = dict(field.split("=", 1) for field in given.split(";") if "=" in field)
    own = dict(field.split("=", 1) for field in made_up.split(";"))
    return f"Root={fields['Root']};Parent={own['Parent']};Sampled={fields.get('Sampled', own['Sampled'])}"
