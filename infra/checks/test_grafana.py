"""Dashboards of infra/grafana: what their source writes, within Grafana's schema, and with nothing in them that leads nowhere."""

import copy
import json
import re
import subprocess
import sys

import pytest
import yaml

import grafana_schema
from grafana import settings
from project import ROOT

HERE = ROOT / "infra/grafana"
FILES = sorted((HERE / "dashboards").rglob("*.json"))
DASHBOARDS = {str(path.relative_to(HERE / "dashboards")): json.loads(path.read_text()) for path in FILES}
# Functions measure what they do into the control plane's tables; CloudWatch has a dashboard of its own for that (infra/observability).
KINDS = {"clickhouse": {"tenants", "objectives", "cost", "map", "functions"}, "cloudwatch": {"tenants", "objectives", "cost", "map"}}
# Grafana's own, in links: https://grafana.com/docs/grafana/latest/panels-visualizations/configure-data-links/
BUILT_IN = re.compile(r"__(from|to|value|data|field|interval|interval_ms)\b")
VARIABLE = re.compile(r"\$\{(\w+)[^}]*\}")
# Units of @grafana/data that are used here; what follows `suffix:` and `currency` is free.
UNITS = re.compile("short|percentunit|bytes|ms|s|reqps|bool_yes_no|suffix:.+|currency[A-Z]{3}")


# What the plugins know of a query: `CHSqlQuery` (src/types/sql.ts of grafana/clickhouse-datasource 4.20), `XrayQuery` (src/types.ts of
# grafana/x-ray-datasource), `DataQuery` of @grafana/schema.
QUERY = {"refId", "hide", "key", "queryType", "datasource"}
PLUGINS = {
    "grafana-clickhouse-datasource": QUERY | {"pluginVersion", "editorType", "rawSql", "format", "meta", "expand"},
    "grafana-x-ray-datasource": QUERY | {"query", "serviceQueryType", "columns", "resolution", "state", "group", "region", "accountIds",
                                         "includeLinkedAccounts", "accountId", "queryMode", "serviceName", "serviceString", "service", "operationName"},
}


def each_dashboard(function):
    return pytest.mark.parametrize("name", DASHBOARDS)(function)


def test_dashboards_are_what_their_source_writes():
    done = subprocess.run([sys.executable, "-B", HERE, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_each_source_has_each_dashboard():
    assert {name.split("/")[0] for name in DASHBOARDS} == {provider["options"]["path"].rsplit("/", 1)[1] for provider in providers()}
    for source, kinds in KINDS.items():
        assert {f"{source}/{kind}.json" for kind in kinds} == {name for name in DASHBOARDS if name.startswith(source)}
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@each_dashboard
def test_a_dashboard_is_within_grafanas_schema(name):
    assert list(grafana_schema.problems(DASHBOARDS[name])) == []


@each_dashboard
def test_the_plugins_know_what_they_are_asked(name):
    """Those that are not of Grafana's schema."""
    for target in (target for panel in DASHBOARDS[name]["panels"] for target in panel.get("targets", [])):
        kind = target["datasource"]["type"]
        if kind != "cloudwatch":
            assert target.keys() <= PLUGINS[kind]
        if kind == "grafana-clickhouse-datasource":
            assert target["editorType"] == "sql" and target["rawSql"].startswith(("SELECT", "WITH"))
            assert (target["format"], target["queryType"]) in ((0, "timeseries"), (1, "table"))


def _set(*path):
    """A mistake: a value at a path, whose last two are name and value."""
    def make(document):
        *place, last, value = path
        for step in place:
            document = document[step]
        document[last] = value
    return make


TENANTS = ["panels", 1]
OVERRIDES = [*TENANTS, "fieldConfig", "overrides"]


@pytest.mark.parametrize("mistake", [
    _set("colour", "red"),
    _set("title", 5),
    _set("graphTooltip", 7),
    _set("time", "since", "now-1h"),
    _set("refresh", 60),
    _set("templating", "list", 1, "kind", "textbox"),
    _set("templating", "list", 1, "type", "text"),
    _set("templating", "list", 1, "options", 0, "selected", "yes"),
    _set(*TENANTS, "type", "spreadsheet"),
    _set(*TENANTS, "gridPos", "width", 4),
    _set(*TENANTS, "gridPos", "h", "9"),
    _set(*TENANTS, "options", {"showHeaders": True}),
    _set(*TENANTS, "options", {"cellHeight": "huge"}),
    _set(*TENANTS, "transformations", 0, "option", {}),
    _set(*TENANTS, "targets", 0, "sql", "SELECT 1"),
    _set(*TENANTS, "targets", 0, "format", "table"),
    _set(*TENANTS, "fieldConfig", "defaults", "units", "ms"),
    _set(*TENANTS, "fieldConfig", "defaults", "custom", {"alignment": "left"}),
    _set(*OVERRIDES, 0, "properties", 0, "id", "title"),
    _set(*OVERRIDES, 0, "properties", 1, "value", 0, "href", "/"),
    _set(*OVERRIDES, 4, "properties", 2, "value", "two"),
    _set(*OVERRIDES, 4, "properties", 3, "value", "steps", 1, "value", "1 %"),
    _set(*OVERRIDES, 4, "properties", 5, "value", "type", "colour-text"),
    _set(*OVERRIDES, 4, "properties", 5, "id", "custom.cellOption"),
    _set("links", 0, "type", "dashboard"),
])
def test_a_mistake_is_not_within_it(mistake):
    document = copy.deepcopy(DASHBOARDS["clickhouse/tenants.json"])
    mistake(document)
    assert list(grafana_schema.problems(document))


@each_dashboard
def test_whoever_opens_a_dashboard_finds_their_way(name):
    """What grafana/dashboard-linter looks for, as far as it is of these data sources: titles, descriptions, units, a data source that is chosen."""
    dashboard = DASHBOARDS[name]
    assert dashboard["editable"] is False and dashboard["schemaVersion"] >= 39 and "control-plane" in dashboard["tags"]
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in dashboard["panels"]:
        where = f"{name}: {panel['title'] or panel['id']}"
        if panel["type"] == "text":
            continue
        assert panel.get("description"), where
        assert panel["title"] or panel["type"] == "stat", where
        for target in panel["targets"]:
            assert re.fullmatch(r"\$\{\w+\}", target["datasource"]["uid"]), where
        config = panel.get("fieldConfig", {"defaults": {}, "overrides": []})
        properties = [each for override in config["overrides"] for each in override["properties"]]
        units = [each["value"] for each in properties if each["id"] == "unit"] + [config["defaults"].get("unit", "short")]
        assert all(UNITS.fullmatch(unit) for unit in units), (where, units)
        if panel["type"] == "timeseries":
            assert "unit" in config["defaults"], where
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]), where
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            assert variable["refresh"] == 2 and variable["includeAll"], "its choices are those of the window"


@each_dashboard
def test_every_variable_is_declared_and_used(name):
    text = json.dumps(DASHBOARDS[name])
    declared = {variable["name"] for variable in DASHBOARDS[name]["templating"]["list"]}
    used = {found for found in VARIABLE.findall(text) if not BUILT_IN.fullmatch(found)}
    assert used == declared


@each_dashboard
def test_panels_do_not_lie_on_each_other(name):
    cells = set()
    for panel in DASHBOARDS[name]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        own = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not own & cells, panel["title"]
        cells |= own


@each_dashboard
def test_links_lead_to_pages_of_the_control_plane(name):
    pages = set(re.findall(r'\.get\(May::\w+, "(/[^"]*)"', (ROOT / "control-plane/server/src/pages/mod.rs").read_text()))
    urls = re.findall(r'"url": "([^"]*)"', json.dumps(DASHBOARDS[name]))
    assert urls
    for url in urls:
        path = re.fullmatch(r"\$\{control_plane:raw\}(/[a-z]*)\?(.*&)?from=\$\{__from:date:seconds\}&to=\$\{__to:date:seconds\}", url)
        assert path and path[1] in pages, url


def provisioned(kind):
    [path] = (HERE / "provisioning" / kind).glob("*.yaml")
    return yaml.safe_load(path.read_text())


def providers():
    return provisioned("dashboards")["providers"]


def test_what_is_provisioned_is_what_dashboards_choose_from():
    file = provisioned("datasources")
    assert file["apiVersion"] == provisioned("dashboards")["apiVersion"] == 1
    sources = {source["type"]: source for source in file["datasources"]}
    variables = [variable for dashboard in DASHBOARDS.values() for variable in dashboard["templating"]["list"]]
    wanted = {variable["query"] for variable in variables if variable["type"] == "datasource"}
    assert wanted <= sources.keys()
    assert len({source["uid"] for source in sources.values()}) == len(file["datasources"])
    for source in file["datasources"]:
        assert source.keys() <= {"name", "uid", "type", "access", "url", "jsonData", "secureJsonData"}
        for secret in source.get("secureJsonData", {}).values():
            assert "$" in secret, "secrets come from the environment"
        linked = source["jsonData"].get("tracingDatasourceUid")
        assert linked is None or linked in {other["uid"] for other in sources.values()}


def test_settings_are_the_control_planes(tmp_path):
    (tmp_path / "objectives").mkdir()
    for path in (ROOT / "infra/slo").glob("*.yaml"):
        (tmp_path / "objectives" / path.name).write_text(path.read_text().replace("target: 0.995", "targetPercent: 99.2"))
    config = tmp_path / "control-plane.toml"
    config.write_text('[slo]\ndefinitions = "objectives"\n[prices]\ncurrency = "EUR"\n'
                      "[prices.default]\nper_million_requests = 1\nper_gb_second = 2\nmemory_mb = 3\n")
    read = settings.read(config)
    assert read.currency == "EUR" and read.prices == {"": (1, 2, 3)}
    assert read.objectives["basic", ""] == (0.992, 0.008, 2000, 0.99) and len(read.objectives) == 3
    assert settings.read().objectives["premium", "oceanic"] == (0.9998, 0.0002, 500, 0.99), "a tenant's other objective is its tier's"
    config.write_text('[slo]\ndefinitions = "nowhere"\n')
    with pytest.raises(settings.Wrong):
        settings.read(config)
    done = subprocess.run([sys.executable, "-B", HERE, "--config", config, "--to", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1 and "nowhere: no definitions" in done.stderr and "Traceback" not in done.stderr
