"""The collectors' configurations."""

import re

from .registered import check


@check
def collector_components_are_in_the_layer(project):
    for name, config in project.collectors.items():
        for kind, known in project.layers[name].items():
            for component in config.get(kind) or {}:
                if component.split("/")[0] not in known:
                    yield f"{name}.yaml: the layer has no {kind[:-1]} {component}"


# How the transform processor and the filter processor name a signal, and what the filter's conditions are of.
SIGNALS = {"traces": ("trace_statements", "span"), "metrics": ("metric_statements", "datapoint"), "logs": ("log_statements", "log_record")}

# Of OTTL, as much as these configurations need; a statement it does not know stops the collector as well.
OTTL_EDITORS = {"set", "delete_key", "delete_matching_keys", "keep_keys", "limit", "truncate_all", "replace_pattern", "merge_maps"}
OTTL_CONVERTERS = {"SHA256", "Concat", "IsMatch", "String", "Int", "Substring", "Len", "IsString"}


@check
def collector_statements_parse(project):
    for name, config in project.collectors.items():
        for processor, settings in (config.get("processors") or {}).items():
            settings = settings or {}
            statements_of = [s for transform, _ in SIGNALS.values() for group in settings.get(transform, []) for s in group["statements"]]
            conditions = [condition for signal, (_, item) in SIGNALS.items() for condition in settings.get(signal, {}).get(item, [])]
            for statement in statements_of + conditions:
                where = f"{name}.yaml {processor}: {statement[:60]}"
                text = re.sub(r'"(?:[^"\\]|\\.)*"', "_", statement)
                called = re.findall(r"\b([A-Za-z_]+)\(", text)
                if statement in statements_of and (not called or called[0] not in OTTL_EDITORS or not text.startswith(called[0] + "(")):
                    yield f"{where}: starts with no editor"
                for function in called[1:] if statement in statements_of else called:
                    if function not in OTTL_CONVERTERS:
                        yield f"{where}: no such converter: {function}"
                if '"' in text or any(text.count(a) != text.count(b) for a, b in ("()", "[]")):
                    yield f"{where}: a bracket or quote is missing"
            if (statements_of or conditions) and settings.get("error_mode") != "propagate":
                yield f"{name}.yaml {processor}: a statement that fails would let telemetry pass as it is"


@check
def collector_pipelines_are_wired(project):
    for name, config in project.collectors.items():
        for pipeline, parts in config["service"]["pipelines"].items():
            for kind in ("receivers", "processors", "exporters"):
                for component in parts.get(kind, []):
                    if component not in (config.get(kind) or {}):
                        yield f"{name}.yaml {pipeline}: {component} is not among the {kind}"
            if not parts.get("receivers") or not parts.get("exporters"):
                yield f"{name}.yaml {pipeline}: leads nowhere"
        for extension in config["service"].get("extensions", []):
            if extension not in (config.get("extensions") or {}):
                yield f"{name}.yaml: {extension} is not among the extensions"
        for exporter, settings in config["exporters"].items():
            authenticator = (settings or {}).get("auth", {}).get("authenticator")
            if authenticator and authenticator not in config["service"].get("extensions", []):
                yield f"{name}.yaml {exporter}: {authenticator} is not started"


@check
def decouple_is_last(project):
    config = project.collectors["community"]
    for pipeline, parts in config["service"]["pipelines"].items():
        processors = [processor.split("/")[0] for processor in parts.get("processors", [])]
        if not processors or processors[-1] != "decouple" or processors.count("decouple") != 1:
            yield f"community.yaml {pipeline}: decouple is not last"
        if "batch" not in processors:
            yield f"community.yaml {pipeline}: no batch"


@check
def collectors_carry_all_signals(project):
    for name, config in project.collectors.items():
        carried = {pipeline.split("/")[0] for pipeline in config["service"]["pipelines"]}
        for signal in sorted(SIGNALS.keys() - carried):
            yield f"{name}.yaml: {signal} go nowhere"


# What names somebody in each signal.
NAMES = {"traces": ("tenant.id", "enduser.id", "client.network", "booking.number"), "metrics": ("tenant.id",), "logs": ("tenant.id", "enduser.id", "booking.number")}


@check
def xray_gets_annotations_and_vendors_get_pseudonyms(project):
    indexed = (project.collectors["adot"]["exporters"].get("awsxray") or {}).get("indexed_attributes", [])
    if not {"tenant.id", "tenant.tier", "booking.number"} <= set(indexed):
        yield "adot.yaml: X-Ray does not index the tenant and the booking"
    community = project.collectors["community"]
    for pipeline, parts in community["service"]["pipelines"].items():
        signal = pipeline.split("/")[0]
        text = " ".join(
            statement
            for processor in parts.get("processors", [])
            for group in (community["processors"].get(processor) or {}).get(SIGNALS[signal][0], [])
            for statement in group["statements"]
        )
        if "otlphttp/xray" in parts["exporters"] and "aws.xray.annotations" not in text:
            yield f"community.yaml {pipeline}: X-Ray does not index the tenant"
        if "otlphttp/vendor" in parts["exporters"]:
            for attribute in NAMES[signal]:
                if not re.search(rf'set\(attributes\["{attribute}"\], SHA256\(Concat\(\["\$\{{env:TENANT_ID_SALT\}}"', text):
                    yield f"community.yaml {pipeline}: a vendor gets the plain {attribute}"
        if "otlphttp/vendor" in parts["exporters"] and len(parts["exporters"]) > 1:
            yield f"community.yaml {pipeline}: AWS and a vendor cannot share a pipeline"
    for pipeline, parts in project.collectors["adot"]["service"]["pipelines"].items():
        if "otlphttp/vendor" in parts["exporters"]:
            yield f"adot.yaml {pipeline}: a vendor gets the plain tenant"
