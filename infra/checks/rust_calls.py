"""Which AWS actions a function's Rust code can reach: a call graph by name over its crate, from the binary's `main`.

By name and number of arguments: too many edges rather than too few, except where a call is made through a trait or a macro; there
are none here. A private method counts only when it is called on `self`, since names like `get` are everywhere.

What is called on `items` (shared::store::TenantItems) is called in a tenant's session of the tenant role; all else by the function's
own role.
"""

import re

OPERATIONS = {
    "get_item": {"dynamodb:GetItem"},
    "put_item": {"dynamodb:PutItem"},
    "update_item": {"dynamodb:UpdateItem"},
    "delete_item": {"dynamodb:DeleteItem"},
    "query": {"dynamodb:Query"},
    "scan": {"dynamodb:Scan"},
    "batch_get_item": {"dynamodb:BatchGetItem"},
    "batch_write_item": {"dynamodb:BatchWriteItem"},
    "transact_get_items": {"dynamodb:GetItem"},
    # Needs what its parts need, which are built with the types below.
    "transact_write_items": set(),
    "admin_create_user": {"cognito-idp:AdminCreateUser"},
    "publish": {"sns:Publish"},
    "publish_batch": {"sns:Publish"},
    "send_message": {"sqs:SendMessage"},
    "send_message_batch": {"sqs:SendMessage"},
    "receive_message": {"sqs:ReceiveMessage"},
    "delete_message": {"sqs:DeleteMessage"},
    "put_object": {"s3:PutObject"},
    "get_object": {"s3:GetObject"},
    "start_query": {"logs:StartQuery"},
    "get_query_results": {"logs:GetQueryResults"},
}
TRANSACTION_PARTS = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
# The methods of TenantItems that lead to a call, and what the tenant role needs for each.
TENANT_OPERATIONS = {
    "get": {"dynamodb:GetItem"},
    "query": {"dynamodb:Query"},
    "put": {"dynamodb:PutItem"},
    "update": {"dynamodb:UpdateItem"},
    "transact": set(),
    "key": set(),
}
# A client is a field or a local of these names.
NO_CALLS = {"build", "clone"}
CALL = re.compile(r"\b(?:self\s*\.\s*)?(?:client|sns|sqs|s3|dynamodb|logs)\s*\.\s*([a-z_]+)\(\)")
PART = re.compile(r"\b(%s)::builder\(\)" % "|".join(TRANSACTION_PARTS))
TENANT_CALL = re.compile(r"(?<![.\w])items\s*\.\s*([a-z_]+)\(")
REGISTRY = re.compile(r"\bTenantRegistry::from_env\(")
SIGNED = re.compile(r'Signer::new\([^,]+,\s*"([a-z-]+)"')
FUNCTION = re.compile(r"(?P<visible>pub(?:\([^)]*\))?\s+)?(?:const\s+)?(?:async\s+)?fn\s+(?P<name>[a-z_][a-z0-9_]*)\s*[<(]")


class Unknown(ValueError):
    """An SDK call that OPERATIONS does not have."""


def actions(sources, binary):
    """The IAM actions of its own role that `binary` (text) reaches in its crate (texts of its other files)."""
    return set().union(*(_direct(function["body"]) for function in _reached(sources, binary)))


def tenant_actions(sources, binary):
    """The IAM actions of the tenant role that `binary` reaches."""
    return set().union(*(_of_a_tenant(function) for function in _reached(sources, binary)))


def _reached(sources, binary):
    """All functions that `binary` reaches."""
    functions = [f for text in [*sources, binary] for f in _functions(_without_tests(text))]
    reached, waiting = set(), [f for f in _functions(_without_tests(binary))]
    found = []
    while waiting:
        function = waiting.pop()
        if id(function) in reached:
            continue
        reached.add(id(function))
        body = function["body"]
        found.append(function)
        for other in functions:
            if id(other) not in reached and _calls(body, other, function):
                waiting.append(other)
    return found


def _direct(body):
    found = set()
    for operation in set(CALL.findall(body)) - NO_CALLS:
        if operation not in OPERATIONS:
            raise Unknown(f"{operation}(): not in OPERATIONS of rust_calls.py")
        found |= OPERATIONS[operation]
    found |= {TRANSACTION_PARTS[part] for part in PART.findall(body)}
    if "execute-api" in SIGNED.findall(body):
        found.add("execute-api:Invoke")
    if REGISTRY.search(body):
        found.add("dynamodb:GetItem")
    return found


def _of_a_tenant(function):
    found = set()
    for operation in set(TENANT_CALL.findall(function["body"])) if "TenantItems" in function["text"] else ():
        if operation not in TENANT_OPERATIONS:
            raise Unknown(f"items.{operation}(): not in TENANT_OPERATIONS of rust_calls.py")
        found |= TENANT_OPERATIONS[operation]
    return found


def _calls(body, other, caller):
    name = other["name"]
    if other["visible"]:
        pattern = rf"\b{name}\s*(?:::<[^;]*?>)?\("
    elif other["text"] is caller["text"]:
        pattern = rf"(?:\bself\s*\.\s*{name}\s*(?:::<[^;]*?>)?|(?<![.\w]){name})\("
    else:
        return False
    return any(_arguments(body, match.end() - 1) == other["arity"] for match in re.finditer(pattern, body))


def _arguments(text, opening):
    """How many arguments or parameters there are in the brackets that open here; `self` does not count."""
    depth, parts, current = 0, [], ""
    for character in text[opening:]:
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(character, 0)
        if depth == 0:
            break
        if character == "," and depth == 1:
            parts.append(current)
            current = ""
        elif not (character == "(" and depth == 1 and not current and not parts):
            current += character
    parts.append(current)
    parts = [part.strip() for part in parts if part.strip()]
    return len([part for part in parts if not re.fullmatch(r"&?(?:'\w+\s+)?(?:mut\s+)?self", part)])


def _without_tests(text):
    text = re.sub(r"//[^\n]*", "", text)
    start = text.find("#[cfg(test)]")
    return text if start < 0 else text[:start]


def _functions(text):
    found = []
    for match in FUNCTION.finditer(text):
        opening = text.find("{", match.end())
        semicolon = text.find(";", match.end())
        if opening < 0 or (0 <= semicolon < opening and "where" not in text[match.end():semicolon]):
            continue
        depth, end = 0, opening
        for end in range(opening, len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            if depth == 0:
                break
        arity = _arguments(text, text.index("(", _after_generics(text, match.end() - 1)))
        found.append({"name": match["name"], "visible": bool(match["visible"]), "arity": arity, "body": text[opening:end + 1],
                      "text": text})
    return found


def _after_generics(text, at):
    """Past `<...>`, if there is one here."""
    if text[at] != "<":
        return at
    depth = 0
    for position in range(at, len(text)):
        depth += {"<": 1, ">": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return at
