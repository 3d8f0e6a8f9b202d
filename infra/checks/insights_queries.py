"""CloudWatch Logs Insights queries: commands, functions, brackets and aliases. Not a full grammar; what a slip of the pen breaks."""

import re

COMMANDS = {"fields", "display", "filter", "stats", "sort", "limit", "parse", "dedup", "pattern", "diff", "unmask", "SOURCE",
            "filterIndex", "anomaly"}
AGGREGATES = {"avg", "count", "count_distinct", "max", "min", "pct", "stddev", "sum", "earliest", "latest", "sortsfirst", "sortslast"}
FUNCTIONS = AGGREGATES | {
    # numbers
    "abs", "ceil", "floor", "greatest", "least", "log", "sqrt",
    # times
    "bin", "datefloor", "dateceil", "fromMillis", "toMillis", "now",
    # text and presence
    "ispresent", "coalesce", "isempty", "isblank", "concat", "ltrim", "rtrim", "trim", "strlen", "toupper", "tolower", "substr",
    "replace", "strcontains", "isValidIp", "jsonParse", "jsonStringify",
}
WORDS = {"as", "by", "in", "like", "not", "and", "or", "asc", "desc", "true", "false", "on", "null"}
TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<field>`[^`]+`)
    | (?P<regex>(?<=like\s)/(?:[^/\\]|\\.)+/)
    | (?P<number>\d+(?:\.\d+)?(?:ms|[smhdw])?)
    | (?P<name>@?[A-Za-z_][A-Za-z0-9_.]*)
    | (?P<operator>!=|<=|>=|=|<|>|\+|-|\*|/|%|\^)
    | (?P<punctuation>[()\[\],])
    )""",
    re.VERBOSE,
)


class Refused(ValueError):
    """Why a query is none."""


def check(query):
    """Raises `Refused` where Logs Insights would."""
    for text in commands(query):
        command(text)


def commands(query):
    """Texts of the commands of a query, without its comments."""
    text = "\n".join(line for line in query.splitlines() if not line.lstrip().startswith("#"))
    if not text.strip():
        raise Refused("empty")
    return [each.strip() for each in _split(text)]


def _split(text):
    """At pipes outside quotes."""
    parts, current, quote = [], "", None
    for character in text:
        if quote:
            quote = None if character == quote else quote
        elif character in "\"'`" or (character == "/" and re.search(r"\b(?:like|parse \S+)\s*$", current)):
            quote = character
        elif character == "|":
            parts.append(current)
            current = ""
            continue
        current += character
    if quote:
        raise Refused(f"{quote} is never closed")
    return [*parts, current]


def command(text):
    """Name and tokens (kind, text) of a command."""
    match = re.match(r"[A-Za-z]+", text)
    if not match or match.group() not in COMMANDS:
        raise Refused(f"no such command: {text[:30]!r}")
    name, rest = match.group(), text[match.end():]
    tokens, position = [], 0
    rest = rest.strip()
    while position < len(rest):
        found = TOKEN.match(rest, position)
        if not found:
            raise Refused(f"unreadable from {rest[position:position + 20]!r}")
        tokens.append((found.lastgroup, found.group(found.lastgroup)))
        position = found.end()
    if not tokens:
        raise Refused(f"{name} of nothing")
    _brackets(tokens)
    for (kind, value), following in zip(tokens, [*tokens[1:], (None, None)]):
        if kind == "name" and following[1] == "(" and value not in FUNCTIONS and value.lower() not in WORDS:
            raise Refused(f"no such function: {value}")
    if tokens[-1][1] in (",", "as", "by", "and", "or", "="):
        raise Refused(f"{name} ends with {tokens[-1][1]!r}")
    if name == "limit" and not (len(tokens) == 1 and tokens[0][0] == "number" and 0 < int(tokens[0][1]) <= 10_000):
        raise Refused("limit takes a number of at most 10000")
    if name == "stats" and not any(value in AGGREGATES for kind, value in tokens if kind == "name"):
        raise Refused("stats without an aggregate")
    if name == "SOURCE" and tokens[0][0] != "string" and tokens[0][1] != "logGroups":
        raise Refused("SOURCE takes a log group")
    return name, tokens


def _brackets(tokens):
    closing, opened = {"(": ")", "[": "]"}, []
    for kind, value in tokens:
        if kind != "punctuation":
            continue
        if value in closing:
            opened.append(closing[value])
        elif value in closing.values() and (not opened or opened.pop() != value):
            raise Refused(f"{value!r} closes nothing")
    if opened:
        raise Refused(f"{opened[-1]!r} is missing")
