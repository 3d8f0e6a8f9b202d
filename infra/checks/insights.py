"""Runs CloudWatch Logs Insights queries over records in memory: filter, fields, stats, display, sort and limit, as AWS documents them
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html). AWS has not been asked whether it agrees."""

import math
import operator
from collections import defaultdict

import insights_queries
from insights_queries import AGGREGATES, Refused

AT = "@timestamp"
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
OPERATORS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
             "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "%": operator.mod}
# By how tightly they hold, the loosest first.
LEVELS = [{"or"}, {"and"}, {"=", "!=", "<", "<=", ">", ">=", "in"}, {"+", "-"}, {"*", "/", "%"}]
FUNCTIONS = {
    "floor": math.floor, "ceil": math.ceil, "log": math.log, "abs": abs, "least": min, "greatest": max,
    "strcontains": lambda text, part: int(part in text), "concat": lambda *parts: "".join(parts),
    "sum": sum, "avg": lambda values: sum(values) / len(values), "min": min, "max": max,
}


def run(query, records):
    """Rows of the answer. Records are flat: a field's whole path is its name; `@timestamp` is in seconds."""
    insights_queries.check(query)
    rows, shown = [dict(record) for record in records], None
    for name, tokens in map(insights_queries.command, insights_queries.commands(query)):
        if name == "filter":
            condition = _Expression(tokens).whole()
            rows = [row for row in rows if condition(row, None)]
        elif name == "fields":
            named = _named(tokens)
            for row in rows:
                row.update({alias: value(row, None) for alias, value in named})
        elif name == "stats":
            rows, shown = _stats(tokens, rows), None
        elif name == "display":
            shown = [alias for alias, _ in _named(tokens)]
        elif name == "sort":
            (_, by), (_, order) = tokens
            rows.sort(key=lambda row: row[by], reverse=order == "desc")
        elif name == "limit":
            rows = rows[:int(tokens[0][1])]
        else:
            raise Refused(f"not run here: {name}")
    return [{name: row[name] for name in shown} for row in rows] if shown else rows


def _named(tokens):
    """Names and what they stand for, divided by commas."""
    expression, found = _Expression(tokens), []
    while True:
        begun = expression.at
        value = expression.level(0)
        alias = "".join(text for _, text in tokens[begun:expression.at])
        if expression.takes("as"):
            alias = expression.next()[1]
        found.append((alias, value))
        if not expression.takes(","):
            break
    expression.ends()
    return found


def _stats(tokens, rows):
    place = next(index for index, (_, text) in enumerate(tokens) if text == "by")
    aggregates, groups = _named(tokens[:place]), _named(tokens[place + 1:])
    of_group = defaultdict(list)
    for row in rows:
        of_group[tuple(value(row, None) for _, value in groups)].append(row)
    return [dict(zip((name for name, _ in groups), key)) | {alias: value(None, members) for alias, value in aggregates}
            for key, members in of_group.items()]


class _Expression:
    """Reads tokens into functions of a row, or of the rows of a group. Where a field is not there, nothing can be said, and that is None."""

    def __init__(self, tokens):
        self.tokens, self.at = tokens, 0

    def next(self):
        if self.at == len(self.tokens):
            raise Refused("ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def takes(self, text):
        taken = self.at < len(self.tokens) and self.tokens[self.at][1] == text and self.tokens[self.at][0] != "string"
        self.at += taken
        return taken

    def ends(self):
        if self.at != len(self.tokens):
            raise Refused(f"goes on with {self.tokens[self.at][1]!r}")

    def whole(self):
        value = self.level(0)
        self.ends()
        return value

    def level(self, depth):
        if depth == len(LEVELS):
            return self.single()
        value = self.level(depth + 1)
        while self.at < len(self.tokens) and self.tokens[self.at][0] != "string" and self.tokens[self.at][1] in LEVELS[depth]:
            value = _joined(self.next()[1], value, self.level(depth + 1))
        return value

    def single(self):
        kind, text = self.next()
        if text == "not" and kind == "name":
            value = self.level(2)
            return lambda row, group: not value(row, group)
        if kind == "string":
            return lambda row, group: text[1:-1]
        if kind == "number":
            return lambda row, group: float(text) if "." in text else int(text)
        if text == "[":
            values = self.arguments("]")
            return lambda row, group: [value(row, group) for value in values]
        if text == "(":
            value = self.level(0)
            if not self.takes(")"):
                raise Refused("a bracket is missing")
            return value
        if kind == "name" and self.takes("("):
            return self.call(text)
        if kind in ("name", "field"):
            return lambda row, group: row.get(text.strip("`"))
        raise Refused(f"no value: {text!r}")

    def arguments(self, closing):
        values = []
        while not self.takes(closing):
            values.append(self.level(0))
            self.takes(",")
        return values

    def call(self, name):
        if name == "bin":
            width, _ = self.next()[1], self.takes(")")
            seconds = int(width[:-1]) * SECONDS[width[-1]]
            return lambda row, group: row[AT] // seconds * seconds
        if name == "count" and self.takes("*"):
            self.takes(")")
            return lambda row, group: len(group)
        values = self.arguments(")")
        if name in AGGREGATES:
            def aggregate(_, group):
                present = [value for value in (values[0](row, None) for row in group) if value is not None]
                if name == "pct":
                    # Nearest rank; which Insights takes is not documented.
                    return sorted(present)[max(math.ceil(values[1](None, None) / 100 * len(present)) - 1, 0)]
                return FUNCTIONS[name](present)
            return aggregate
        if name == "coalesce":
            return lambda row, group: next((found for found in (value(row, group) for value in values) if found is not None), None)
        if name == "ispresent":
            return lambda row, group: int(values[0](row, group) is not None)
        if name not in FUNCTIONS:
            raise Refused(f"not run here: {name}")

        def called(row, group):
            given = [value(row, group) for value in values]
            return None if None in given else FUNCTIONS[name](*given)
        return called


def _joined(text, left, right):
    def joined(row, group):
        if text in ("and", "or"):
            one = left(row, group)
            return right(row, group) if bool(one) == (text == "and") else one
        one, other = left(row, group), right(row, group)
        if text == "in":
            return one in other
        return None if one is None or other is None else OPERATORS[text](one, other)
    return joined
