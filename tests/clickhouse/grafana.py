"""SQL of a Grafana panel as ClickHouse gets it: what Grafana's page and its ClickHouse data source replace, replaced as they do.

Read from grafana-clickhouse-datasource 4.20: src/data/CHDatasource.ts (`applyConditionalAll`, then the variables) on the page,
pkg/macros/macros.go in the back end. Formats of variables: https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/
"""

import re

ALL = "$__all"
# What a macro reads to its arguments' end, quotes and comments passed over as the data source does.
OPAQUE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.|'')*'|`[^`]*`", re.DOTALL)
VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}")
MACRO = re.compile(r"\$__(\w+)")


class Wrong(ValueError):
    """What Grafana or the data source would not take, or leave as it stands."""


def expand(sql, start, end, interval=60, variables=None):
    """The SQL of a query over a window of Unix seconds; `interval` is in seconds, each variable has one value, several or `ALL`."""
    variables = variables or {}
    sql = macros(replaced(conditional_all(sql, variables), variables), start, end, interval)
    if left := re.search(r"\$\{?\w+", OPAQUE.sub(lambda found: "" if found[0][:2] in ("--", "/*") else found[0], sql)):
        raise Wrong(f"nobody replaces {left[0]}")
    return sql


def at_first(dashboards):
    """Variables as they are when a dashboard is opened: all of what is chosen from, and what is written into it."""
    return {variable["name"]: ALL if variable["type"] == "query" else variable["query"]
            for dashboard in dashboards for variable in dashboard["templating"]["list"] if variable["type"] != "datasource"}


def conditional_all(sql, variables):
    """`$__conditionalAll(condition, ${variable})`: the condition, or 1=1 where all values are chosen. The last one comes first."""
    macro = "$__conditionalAll("
    while (at := sql.rfind(macro)) != -1:
        arguments, _ = _arguments(sql, at + len(macro) - 1)
        if len(arguments) != 2:
            raise Wrong(f"{macro}…) takes two arguments: {arguments}")
        condition, of = arguments
        # A format within the braces is not seen by the data source.
        name = re.search(r"(?<=\$\{)\w+(?=\})|(?<=\$)\w+", of.strip())
        if not name or name[0] not in variables:
            raise Wrong(f"no variable: {of}")
        if variables[name[0]] in ("", ALL, [ALL]):
            condition = "1=1"
        # JavaScript's `replace`: the first that reads so.
        sql = sql.replace(f"{macro}{arguments[0]},{arguments[1]})", condition, 1)
    return sql


def replaced(sql, variables):
    """Variables by their values, quoted as their format asks; those that are not known stay."""
    def value(found):
        name, form = found[1] or found[2], found[3]
        if name not in variables:
            return found[0]
        chosen = variables[name]
        if form == "singlequote":
            chosen = chosen if isinstance(chosen, list) else [chosen]
            return ",".join("'" + one.replace("'", r"\'") + "'" for one in chosen)
        if isinstance(chosen, list):
            # The data source's own format escapes nothing.
            raise Wrong(f"several values of {name} without a format")
        if form not in (None, "raw"):
            raise Wrong(f"format {form}")
        return str(chosen)
    return VARIABLE.sub(value, sql)


def macros(sql, start, end, interval):
    """The data source's macros, innermost first; comments are left out, quotes left alone."""
    seconds = max(int(interval), 1)

    def one(arguments):
        if len(arguments) != 1 or not arguments[0].strip():
            raise Wrong(f"takes one argument: {arguments}")
        return arguments[0].strip()

    moments = {"from": f"toDateTime({int(start)})", "to": f"toDateTime({int(end)})"}
    known = {
        "fromTime": lambda _: moments["from"],
        "toTime": lambda _: moments["to"],
        "interval_s": lambda _: str(seconds),
        "timeInterval": lambda arguments: f"toStartOfInterval(toDateTime({one(arguments)}), INTERVAL {seconds} second)",
        "timeFilter": lambda arguments: f"{one(arguments)} >= {moments['from']} AND {one(arguments)} <= {moments['to']}",
    }
    without_arguments = {"fromTime", "toTime", "interval_s"}
    sql = OPAQUE.sub(lambda found: "" if found[0][:2] in ("--", "/*") else found[0], sql)
    while calls := [found for found in MACRO.finditer(sql) if not _is_quoted(sql, found.start())]:
        call = calls[-1]
        name = call[1]
        if name not in known:
            raise Wrong(f"no such macro: {call[0]}")
        arguments, rest = [], call.end()
        if name not in without_arguments:
            if sql[rest:rest + 1] != "(":
                raise Wrong(f"{call[0]} without arguments")
            arguments, rest = _arguments(sql, rest)
        sql = sql[:call.start()] + known[name](arguments) + sql[rest:]
    return sql


def _is_quoted(sql, at):
    return any(found.start() < at < found.end() for found in OPAQUE.finditer(sql))


def _arguments(sql, opening):
    """Texts between the bracket at `opening` and its counterpart, divided by commas; and where that ends."""
    depth, arguments, begun = 0, [], opening + 1
    for at in range(opening, len(sql)):
        if sql[at] == "(":
            depth += 1
        elif sql[at] == ")":
            depth -= 1
        if sql[at] == "," and depth == 1 or depth == 0:
            arguments.append(sql[begun:at])
            begun = at + 1
        if depth == 0:
            return arguments, at + 1
    raise Wrong(f"a bracket is missing: {sql[opening:opening + 40]}")
