"""Athena's SQL (Trino's) on DuckDB.

A query is read as Athena reads it. It may consist of what is listed here and of nothing else: each of these means the same on both engines, or is
translated here, and test_dialect.py holds it against Trino's documentation. So nothing is changed that nobody looked at. What differs, by
https://trino.io/docs/current/ and by Trino's JsonExtract and JsonPathTokenizer:

| Athena | DuckDB | what is done |
|---|---|---|
| `UNNEST` of an array of rows gives a column for each field | gives one column, a struct | translated by `_unnest` |
| `json_extract_scalar` is NULL of what is no JSON, of objects and of arrays | `->>` fails, or gives their text | a macro with Trino's answers |
| of a line that was cut off it gives the fields before the cut | gives none | not translated: whoever erases looks at such lines by their text |
| `$["a.b"]` names a key with a dot | `$."a.b"` does | translated by that macro |
| `from_unixtime` of a double, in the session's time zone | `to_timestamp`, in another one | a macro, in UTC as Athena's session is |
| integers are divided as integers | as doubles | a division by a literal double alone |
| text is not compared with numbers | is made a number first | types are compared before |
| `approx_percentile` | another sketch, another answer | not used: percentiles are by rank |
"""

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

# Clauses and operators that are alike.
ALIKE = (
    exp.Select, exp.From, exp.Where, exp.Group, exp.Order, exp.Ordered, exp.With, exp.CTE, exp.Join, exp.Table, exp.TableAlias, exp.Alias, exp.Column,
    exp.Literal, exp.Star, exp.Placeholder, exp.And, exp.Or, exp.Not, exp.Is, exp.Null, exp.EQ, exp.GT, exp.GTE, exp.In, exp.Between, exp.Mul,
    exp.Paren, exp.Window, exp.Filter, exp.DataType, exp.Unnest,
)  # fmt: skip
# Functions that are alike, by their names in Athena.
FUNCTIONS = (exp.Coalesce, exp.Count, exp.Max, exp.Min, exp.Nullif, exp.RowNumber, exp.Replace, exp.StrPosition)
# Those with an answer of their own, in `MACROS`.
TRANSLATED = (exp.JSONExtractScalar, exp.JSONPath, exp.JSONPathPart, exp.UnixToTime)
CASTS = ("INT", "DOUBLE")
# Names that need quotes in a SELECT: https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html
RESERVED = set("""ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE CURRENT_PATH CURRENT_SCHEMA CURRENT_TIME
CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT DROP ELSE END ESCAPE EXCEPT EXECUTE EXISTS EXTRACT FALSE FIRST FOR FROM FULL GROUP
GROUPING HAVING IN INNER INSERT INTERSECT INTO IS JOIN JSON_ARRAY JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_TABLE JSON_VALUE LAST LEFT LIKE LISTAGG LOCALTIME
LOCALTIMESTAMP NATURAL NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP SELECT SKIP TABLE THEN TRIM TRUE UESCAPE UNION UNNEST USING
VALUES WHEN WHERE WITH""".split())
TEXT, NUMBERS = {"VARCHAR", "TEXT", "CHAR"}, {"INT", "BIGINT", "DOUBLE", "DECIMAL"}
# As the Glue table has them; test_dialect.py holds the two equal.
SCHEMA = {"batches": {
    "messagetype": "VARCHAR", "owner": "VARCHAR", "loggroup": "VARCHAR", "logstream": "VARCHAR", "subscriptionfilters": "ARRAY(VARCHAR)",
    "logevents": "ARRAY(ROW(id VARCHAR, timestamp BIGINT, message VARCHAR))", "account": "VARCHAR", "service": "VARCHAR", "day": "VARCHAR",
    "$path": "VARCHAR",
}}  # fmt: skip
MACROS = """
CREATE MACRO trino_path(path) AS replace(replace(path, '["', '."'), '"]', '"');
CREATE MACRO trino_json_extract_scalar(json, path) AS CASE
  WHEN NOT json_valid(json) THEN NULL
  WHEN json_type(json, trino_path(path)) IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL
  ELSE json_extract_string(json, trino_path(path))
END;
CREATE MACRO trino_from_unixtime(seconds) AS make_timestamp(CAST(round(seconds * 1e3) AS BIGINT) * 1000);
"""


class Refused(ValueError):
    """Why a query is none of Athena's, or is not known to mean the same on DuckDB."""


def read(query):
    """The query's tree."""
    try:
        (tree,) = sqlglot.parse(query, read="athena")
    except (ParseError, ValueError) as error:
        raise Refused(f"not read as Athena's dialect: {error}") from None
    for node in tree.walk():
        _look(node)
    _compare_types(tree)
    return tree


def _look(node):
    said = node.sql("athena")
    if isinstance(node, exp.Div):
        if not (isinstance(node.expression, exp.Literal) and "e" in node.expression.this.lower()):
            raise Refused(f"{said} is a division by what is no literal double")
    elif isinstance(node, exp.Distinct):
        if node.args.get("on") or node.expressions:
            raise Refused(f"{said} is no plain DISTINCT")
    elif isinstance(node, exp.Identifier):
        if not node.args.get("quoted") and node.name.upper() in RESERVED:
            raise Refused(f"{said} is a word of Athena's own")
    elif isinstance(node, exp.Cast):
        if isinstance(node, exp.TryCast) or node.to.this.name not in CASTS:
            raise Refused(f"{said} is a conversion that nobody compared")
    elif isinstance(node, exp.Join):
        if node.kind not in ("CROSS", "") or node.side not in ("LEFT", ""):
            raise Refused(f"{said} is a join that nobody compared")
    elif not isinstance(node, (*ALIKE, *FUNCTIONS, *TRANSLATED)):
        raise Refused(f"{type(node).__name__} in {said[:80]}: nobody compared it")


def _compare_types(tree):
    """Athena compares text with text and numbers with numbers; DuckDB would make the one the other."""
    typed = annotate_types(qualify(_with_columns(tree.copy()), schema=SCHEMA, dialect="athena", validate_qualify_columns=False), schema=SCHEMA, dialect="athena")
    for node in typed.find_all(exp.EQ, exp.GT, exp.GTE, exp.In, exp.Between, exp.Mul, exp.Div):
        sides = [node.this, *(node.args.get(each) for each in ("expression", "low", "high") if node.args.get(each)), *node.args.get("expressions", [])]
        kinds = {family for each in sides if not isinstance(each, exp.Placeholder) and (family := _family(each))}
        if len(kinds) > 1 or (isinstance(node, (exp.Mul, exp.Div)) and kinds == {"text"}):
            raise Refused(f"{node.sql('athena')} takes {' and '.join(sorted(kinds))} together")


def _family(node):
    name = node.type.this.name if node.type else ""
    return "text" if name in TEXT else "number" if name in NUMBERS else None


def _with_columns(tree):
    """For the types' sake: what UNNEST gives, as a subquery whose columns have types; and fields of JSON, which are text."""

    def texts(node):
        return exp.cast(exp.Null(), "VARCHAR") if isinstance(node, exp.JSONExtractScalar) else node

    return _unnest(tree.transform(texts), lambda name: {"id": "CAST(NULL AS VARCHAR)", "timestamp": "CAST(NULL AS BIGINT)", "message": "CAST(NULL AS VARCHAR)"}[name], source="")


def _unnest(tree, item, source):
    for join in list(tree.find_all(exp.Join)):
        unnest = join.this
        if not isinstance(unnest, exp.Unnest):
            continue
        alias = unnest.args["alias"]
        fields = ("id", "timestamp", "message")
        if unnest.expressions[0].sql() != "logevents" or len(alias.columns) != len(fields):
            raise Refused(f"{unnest.sql('athena')} gives other columns than a line has")
        columns = ", ".join(f"{item(name)} AS {column.name}" for name, column in zip(fields, alias.columns))
        inner = sqlglot.parse_one(f"SELECT {columns}{source}", read="duckdb")
        name = exp.TableAlias(this=exp.to_identifier(alias.this.name))
        join.set("this", exp.Lateral(this=exp.Subquery(this=inner), alias=name) if source else exp.Subquery(this=inner, alias=name))
    return tree


def to_duckdb(query):
    """The query in DuckDB's dialect, with this module's macros for what differs."""
    tree = _unnest(read(query), lambda name: f'"item"."{name}"', " FROM (SELECT unnest(logevents) AS item)")

    def translate(node):
        if isinstance(node, exp.JSONExtractScalar):
            path = exp.Literal.string(_path(node.expression))
            return exp.Anonymous(this="trino_json_extract_scalar", expressions=[node.this.transform(translate), path])
        if isinstance(node, exp.UnixToTime):
            return exp.Anonymous(this="trino_from_unixtime", expressions=[node.this.transform(translate)])
        return node

    return tree.transform(translate).sql("duckdb")


def _path(path):
    """As the query has it: `$.name` or `$["name"]`."""
    said = path.sql("athena").strip("'")
    keys = [part.this for part in path.expressions if isinstance(part, exp.JSONPathKey)]
    if len(keys) != 1 or len(path.expressions) != 2:
        raise Refused(f"{said} is no path to a field of a line")
    return f'$["{keys[0]}"]'
