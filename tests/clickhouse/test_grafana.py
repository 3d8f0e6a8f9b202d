"""Each query of the dashboards over ClickHouse, of panels and of variables, is answered, and with the fields that its panel shows."""

import re
from datetime import timedelta

import pytest

import grafana
from conftest import DASHBOARDS
from spans import AT, TENANTS

FROM, TO = 1415792726, 1447328726
ALL = {"fieldVal": grafana.ALL}
SOME = {"fieldVal": ["val1", "val2"], "fieldVal2": grafana.ALL}
PANELS = [(dashboard["uid"], panel, target) for dashboard in DASHBOARDS for panel in dashboard["panels"] for target in panel["targets"]]
CHOICES = {variable["name"]: variable for dashboard in DASHBOARDS for variable in dashboard["templating"]["list"] if variable["type"] == "query"}


def named(case):
    uid, panel, target = case
    return f"{uid}: {panel['title'] or panel['id']}, {target['refId']}"


@pytest.mark.parametrize("sql, variables, expected", [
    # The data source's own cases: pkg/macros/macros_test.go and src/data/CHDatasource.test.ts.
    ("select * from foo where $__timeFilter(cast(sth as timestamp))", {},
     f"select * from foo where cast(sth as timestamp) >= toDateTime({FROM}) AND cast(sth as timestamp) <= toDateTime({TO})"),
    ("select * from foo where $__timeFilter(cast(sth as timestamp) )", {},
     f"select * from foo where cast(sth as timestamp) >= toDateTime({FROM}) AND cast(sth as timestamp) <= toDateTime({TO})"),
    ("select * from foo where ( date >= $__fromTime ) and ( date <= $__toTime ) limit 100", {},
     f"select * from foo where ( date >= toDateTime({FROM}) ) and ( date <= toDateTime({TO}) ) limit 100"),
    ("SELECT $__timeInterval($__fromTime) AS from_time", {},
     f"SELECT toStartOfInterval(toDateTime(toDateTime({FROM})), INTERVAL 60 second) AS from_time"),
    ("select * from foo where $__timeFilter(coalesce(closed_at, $__toTime))", {},
     f"select * from foo where coalesce(closed_at, toDateTime({TO})) >= toDateTime({FROM}) AND coalesce(closed_at, toDateTime({TO})) <= toDateTime({TO})"),
    (r"select * from foo where msg = 'it\'s -- fine' and $__fromTime", {}, rf"select * from foo where msg = 'it\'s -- fine' and toDateTime({FROM})"),
    (r"select * from foo where msg = 'a\'/*x' and $__toTime", {}, rf"select * from foo where msg = 'a\'/*x' and toDateTime({TO})"),
    ("select * from foo where msg = 'it''s' and $__fromTime", {}, f"select * from foo where msg = 'it''s' and toDateTime({FROM})"),
    ("SELECT `it's` AS x, msg FROM t WHERE msg = 'a--b' AND $__timeFilter(ts)", {},
     f"SELECT `it's` AS x, msg FROM t WHERE msg = 'a--b' AND ts >= toDateTime({FROM}) AND ts <= toDateTime({TO})"),
    ("SELECT $__interval_s", {}, "SELECT 60"),
    ("select stuff from table where $__conditionalAll(fieldVal in ($fieldVal), $fieldVal);", ALL, "select stuff from table where 1=1;"),
    ("select stuff from table where $__conditionalAll(fieldVal in (${fieldVal:singlequote}), ${fieldVal}) and $__conditionalAll(x in ($fieldVal2), $fieldVal2);",
     SOME, "select stuff from table where fieldVal in ('val1','val2') and 1=1;"),
    ("select '${name:raw}', ${name:singlequote}", {"name": "it's"}, r"select 'it's', 'it\'s'"),
])
def test_macros_are_expanded_as_the_data_source_does(sql, variables, expected):
    assert grafana.expand(sql, FROM, TO, 60, variables) == expected


@pytest.mark.parametrize("sql", [
    "select $__fromtime", "select $__timeInterval", "select $__timeFilter()", "select ${tenant}", "select $__conditionalAll(1, ${nothing})",
    "select ${fieldVal}", "select $__timeInterval(start",
])
def test_what_grafana_does_not_replace_is_refused(sql):
    with pytest.raises(grafana.Wrong):
        grafana.expand(sql, FROM, TO, 60, SOME)


@pytest.mark.parametrize("case", PANELS, ids=map(named, PANELS))
@pytest.mark.parametrize("chosen", [{}, {"tenant": ["acme", "hooli"], "tier": ["basic", "premium"], "account": ["111111111111"]}, {"tenant": ["o'nobody"]}],
                         ids=["all", "some", "none"])
def test_a_panel_is_answered(clickhouse, case, chosen):
    _, panel, target = case
    found = clickhouse.panel(target["rawSql"], AT - timedelta(hours=2), AT, **chosen)
    if chosen.get("tenant") == ["o'nobody"] and "tenant" in target["rawSql"]:
        assert len(found) <= 1, "at most a row of zeros"
        return
    fields = list(found[0])
    if target["format"] == 0:
        # Series: the time first, in its order; a text that names the series and a number, or numbers that name them by themselves.
        named_by = [name for name in ("tenant", "service") if name in fields]
        assert fields[:1 + len(named_by)] == ["time", *named_by] and (len(fields) == 3 if named_by else len(fields) > 1)
        assert [row["time"] for row in found] == sorted(row["time"] for row in found)
        assert all(isinstance(row[name], int | float | None) for row in found for name in fields[1 + len(named_by):])
    shown = [override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"] if override["matcher"]["id"] == "byName"]
    if panel["type"] != "nodeGraph":
        assert set(shown) <= set(fields), "each column that is described is there"
    for transformation in panel.get("transformations", []):
        assert set(transformation["options"]["include"]["names"]) <= set(fields)
    if chosen and "tenant" in fields:
        assert {row["tenant"] for row in found} <= {"acme", "hooli"}


def test_the_graph_has_the_fields_that_grafana_looks_for(clickhouse):
    """https://grafana.com/docs/grafana/latest/panels-visualizations/visualizations/node-graph/"""
    nodes, edges = [clickhouse.panel(target["rawSql"], AT - timedelta(hours=2), AT)
                    for uid, panel, target in PANELS if panel["type"] == "nodeGraph"]
    assert {"id", "title", "subtitle", "mainstat", "secondarystat"} < set(nodes[0]) and "source" not in nodes[0]
    assert {"id", "source", "target", "mainstat", "secondarystat"} < set(edges[0])
    known = {"id", "title", "subtitle", "mainstat", "secondarystat", "source", "target", "color"}
    for field in [*nodes[0], *edges[0]]:
        assert field in known or re.match("(arc|detail)__", field), field
    ids = [node["id"] for node in nodes]
    assert len(set(ids)) == len(ids) and len({edge["id"] for edge in edges}) == len(edges)
    # Grafana's panel breaks on an edge whose ends are not there.
    assert {end for edge in edges for end in (edge["source"], edge["target"])} == set(ids)
    for node in nodes:
        assert sum(value for name, value in node.items() if name.startswith("arc__")) == pytest.approx(1)


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_has_its_values(clickhouse, name):
    found = clickhouse.panel(CHOICES[name]["query"]["rawSql"], AT - timedelta(hours=2), AT)
    expected = {"tier": set(TENANTS.values()), "tenant": set(TENANTS), "account": {"111111111111", "222222222222"}}[name]
    assert {value for row in found for value in row.values()} == expected - {""}
    assert all(len(row) == 1 for row in found), "the value is what is shown"


def test_ten_tenants_are_drawn(clickhouse):
    """Of any number: the rest is in the table."""
    for name, target in ((panel["title"], target) for _, panel, target in PANELS
                         if target["format"] == 0 and "tenant" in target["rawSql"]):
        limited = target["rawSql"].replace("<= 10", "<= 2")
        assert limited != target["rawSql"], name
        found = clickhouse.panel(limited, AT - timedelta(hours=2), AT)
        assert len({row["tenant"] for row in found}) == 2, name
