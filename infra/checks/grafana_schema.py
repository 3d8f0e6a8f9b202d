"""Dashboards against Grafana's schema: its types as the Foundation SDK has them, read strictly. The SDK itself passes over what it does not know, and
takes a text for a number."""

import json
import types
import typing

from grafana import queries
from grafana_foundation_sdk.cog import plugins, runtime
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

plugins.register_default_plugins()
queries.register()
# `DataLink` of @grafana/data; the SDK has links of dashboards in its place.
LINK = {"title": str, "url": str, "targetBlank": bool}


def problems(document):
    """What Grafana would pass over or misread, each with its path."""
    try:
        read = dashboard.Dashboard.from_json(document)
        yield from _lost(document, json.loads(json.dumps(read, cls=JSONEncoder)), "")
    except (KeyError, TypeError, ValueError, AttributeError) as reason:
        yield f"cannot be read: {type(reason).__name__}: {reason}"
        return
    yield from _mistyped(read, type(read), "")
    for panel in document.get("panels", []):
        yield from _panel(panel)


def _lost(written, read, path):
    """Fields that are not there any more once the SDK has read them."""
    if isinstance(written, dict) and isinstance(read, dict):
        for name, value in written.items():
            if name in read:
                yield from _lost(value, read[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}: no such field"
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for index, (one, other) in enumerate(zip(written, read)):
            yield from _lost(one, other, f"{path}[{index}]")
    elif written != read:
        yield f"{path}: {written!r} is read as {read!r}"


def _mistyped(value, hint, path):
    """Values that are not of the type that the SDK says."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        found = [list(_mistyped(value, one, path)) for one in arguments if one is not type(None) or value is None]
        # What says the most is the one that goes the deepest.
        yield from min(found, key=lambda problems: (bool(problems), -max((len(problem.split(":")[0]) for problem in problems), default=0)))
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for index, item in enumerate(value):
            yield from _mistyped(item, *arguments, f"{path}[{index}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no object"
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{path}: {value!r} is none of {arguments}"
    elif isinstance(hint, type) and issubclass(hint, (str, int)) and hasattr(hint, "__members__"):
        if value not in list(hint):
            yield f"{path}: {value!r} is none of {[member.value for member in hint]}"
    elif hint in (float, int, str, bool):
        fits = isinstance(value, (int, float) if hint is float else hint) and isinstance(value, bool) == (hint is bool)
        if not fits:
            yield f"{path}: {value!r} is no {hint.__name__}"
    elif hint is type(None):
        if value is not None:
            yield f"{path}: {value!r} is not null"
    elif hasattr(value, "to_json"):
        # Also of options and queries, which the SDK types by the panel and the data source.
        if isinstance(hint, type) and hint is not object and not isinstance(value, hint):
            yield f"{path}: is no {hint.__name__}"
        for name, member in typing.get_type_hints(type(value)).items():
            if name in vars(value):
                yield from _mistyped(vars(value)[name], member, f"{path}.{name}")
    elif isinstance(value, dict) and hasattr(hint, "from_json"):
        # What the SDK keeps as it is written.
        read = hint.from_json(value)
        yield from _lost(value, json.loads(json.dumps(read, cls=JSONEncoder)), path)
        yield from _mistyped(read, hint, path)
    elif isinstance(hint, type) and hint is not object and not isinstance(value, hint):
        yield f"{path}: {value!r} is no {hint.__name__}"


def _panel(panel):
    where = f"panel {panel.get('id')}"
    config = runtime.panelcfg_config(panel["type"])
    if config is None:
        yield f"{where}: no panel is a {panel['type']!r}"
        return
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        for each in override["properties"]:
            for problem in _property(each["id"], each.get("value"), config):
                yield f"{where}, {each['id']} of {override['matcher']['options']!r}: {problem}"


def _property(name, value, config):
    """A property of an override: a field of `FieldConfig`, or `custom.` and one of the panel's."""
    if name == "links":
        for link in value:
            if {key: type(of) for key, of in link.items()} != LINK:
                yield f"{link!r} is no link"
        return
    own = name.removeprefix("custom.")
    read_property = dashboard.FieldConfig.from_json if own == name else config.field_config_from_json_hook
    try:
        read = read_property({own: value})
    except (KeyError, TypeError, ValueError, AttributeError) as reason:
        yield f"cannot be read: {type(reason).__name__}: {reason}"
        return
    yield from _lost({own: value}, json.loads(json.dumps(read, cls=JSONEncoder)), "")
    yield from _mistyped(read, type(read), "")
