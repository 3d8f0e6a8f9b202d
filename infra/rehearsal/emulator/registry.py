"""CloudFormation's registry schemas, which cfn-lint ships: what identifies a resource, what cannot change, what is valid."""

import contextlib
import functools
import json
import os
import re
from pathlib import Path

import jsonschema

# The folder cfnlint/data/schemas.
SCHEMAS = Path(os.environ["CFN_SCHEMAS"])
INDEX = json.loads((SCHEMAS / "providers/us-east-1.json").read_text())


@functools.cache
def schema(kind):
    """The type's schema, or nothing if cfn-lint has none."""
    path = SCHEMAS / f"resources/{INDEX.get(kind)}.json"
    return _readable(json.loads(path.read_text())) if path.exists() else {}


def names(kind, key):
    """The top-level properties among a schema's pointers, such as those of `createOnlyProperties`."""
    pointers = (pointer.removeprefix("/properties/") for pointer in schema(kind).get(key, []))
    return [name for name in pointers if "/" not in name]


def problems(kind, properties):
    """What CloudFormation would say about these resolved properties before it calls the service."""
    found = schema(kind)
    if not found:
        return []
    properties = _without_own_tags(properties)
    invalid = [f"#/{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in _validator(kind).iter_errors(properties)]
    create_only = found.get("createOnlyProperties", [])
    read_only = [name for name in names(kind, "readOnlyProperties") if f"/properties/{name}" not in create_only]
    return invalid + [f"#/{name}: read-only" for name in properties if name in read_only]


@functools.cache
def _validator(kind):
    return jsonschema.validators.extend(
        jsonschema.Draft7Validator,
        {"enum": _enum, "pattern": _pattern, "type": _type, "minimum": _limit("minimum"), "maximum": _limit("maximum"), "format": lambda *_: ()},
    )(schema(kind))


# Templates write numbers and booleans as text where they like: CloudFormation converts.
def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def _enum(_, allowed, instance, __):
    if _text(instance) not in {_text(each) for each in allowed}:
        yield jsonschema.ValidationError(f"{instance!r} is not one of {allowed}")


def _pattern(_, pattern, instance, __):
    if isinstance(instance, str) and not re.search(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _type(validator, types, instance, found):
    types = types if isinstance(types, list) else [types]
    if isinstance(instance, (str, int, float, bool)) and set(types) & {"string", "integer", "number", "boolean"}:
        return
    yield from jsonschema.Draft7Validator.VALIDATORS["type"](validator, types, instance, found)


def _limit(name):
    def check(validator, limit, instance, found):
        with contextlib.suppress(TypeError, ValueError):
            yield from jsonschema.Draft7Validator.VALIDATORS[name](validator, limit, float(instance), found)

    return check


def _readable(value):
    """Without patterns that only ECMAScript reads, such as \\p{L}."""
    if isinstance(value, list):
        return [_readable(each) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("patternProperties"), dict):
        value = {**value, "patternProperties": {(key if _compiles(key) else ".*"): each for key, each in value["patternProperties"].items()}}
    return {key: _readable(each) for key, each in value.items() if key != "pattern" or not isinstance(each, str) or _compiles(each)}


def _compiles(pattern):
    try:
        return bool(re.compile(pattern))
    except re.error:
        return False


def _without_own_tags(value):
    """Without the tags that CloudFormation adds itself, which the engine has put there by now."""
    if isinstance(value, list):
        return [_without_own_tags(each) for each in value if not (isinstance(each, dict) and str(each.get("Key", "")).startswith("aws:"))]
    if isinstance(value, dict):
        return {key: _without_own_tags(each) for key, each in value.items() if not str(key).startswith("aws:cloudformation:")}
    return value
