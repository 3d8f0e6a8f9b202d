"""Dashboards over the control plane's tables in ClickHouse. Their SQL is infra/clickhouse, each file whole; what a panel shows of its answer is chosen
around it."""

from pathlib import Path

from grafana_foundation_sdk.builders import dashboard, nodegraph, piechart, common
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import piechart as pie

from .parts import (ERROR, FAULT, OK, TENANT_OF_CELL, TENANT_OF_SERIES, THROTTLE, Column, chosen_source, constant, control_plane, figures, links, new, page,
                    rows, series)
from .queries import CLICKHOUSE, ClickHouseQuery

SQL = Path(__file__).resolve().parents[1] / "clickhouse"
# As the control plane's map: red from 1 % of faults on.
FAILING = [(0.01, FAULT)]
TENANT = Column("tenant", "Tenant", link=TENANT_OF_CELL)
PER_TENANT = "${__field.labels.tenant}"


def dashboards(settings):
    """By name."""
    return {"tenants": _tenants(settings), "objectives": _objectives(settings), "cost": _cost(settings), "map": _map()}


def question(name):
    """The comment that a file begins with, as a sentence or more; and its SQL without it."""
    lines = (SQL / f"{name}.sql").read_text().splitlines()
    comment = [line for line in lines if line.startswith("-- ")]
    return " ".join(line.removeprefix("-- ") for line in comment), "\n".join(lines[len(comment):])


def asked(name, select=None, more="", **query):
    """A query of a file, or of some of its columns."""
    _, sql = question(name)
    if select:
        sql = f"SELECT {select}\nFROM\n(\n" + "\n".join(f"    {line}" if line else line for line in sql.splitlines()) + f"\n){more}"
    return ClickHouseQuery(sql, **query)


def over_time(measure, name="over_time"):
    return asked(name, f"time, tenant, {measure}", "\nORDER BY time, tenant", format=0, query_type="timeseries")


def told(name):
    return question(name)[0]


def _map_literal(entries, types):
    """A map as SQL: names have nothing in them that would end a text."""
    values = ", ".join(f"{_text(key)}, ({', '.join(map(repr, value))})" for key, value in entries.items())
    return f"CAST(map({values}), 'Map(String, Tuple({', '.join(types)}))')"


def _text(name):
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _variables(settings=None, objectives=False, prices=False):
    found = [chosen_source("clickhouse", CLICKHOUSE, "ClickHouse"), control_plane()]
    if objectives:
        by_name = {f"{tier}/{tenant}": promised for (tier, tenant), promised in settings.objectives.items()}
        found.append(constant("objectives", _map_literal(by_name, ["Float64"] * 4),
                              "By tier/tenant: share that shall not fail, share that may, milliseconds of a quick request, share that shall be quick"))
    if prices:
        found.append(constant("prices", _map_literal(settings.prices, ["Float64"] * 3), "By service: a million requests, a GB-second, memory in MB"))
    tenants = "SELECT DISTINCT name FROM names WHERE what = 'tenant' AND hour >= toStartOfHour($__fromTime, 'UTC') AND hour < $__toTime ORDER BY name LIMIT 10000"
    return [*found,
            _choice("tier", "Tier", "SELECT DISTINCT name FROM names WHERE what = 'tier' ORDER BY name"),
            _choice("tenant", "Tenant", tenants),
            _choice("account", "Account", "SELECT DISTINCT name FROM names WHERE what = 'account' ORDER BY name")]


def _choice(name, label, sql):
    """Some of what spans have named, or all."""
    return (dashboard.QueryVariable(name).label(label).datasource(model.DataSourceRef(type_val=CLICKHOUSE, uid="${clickhouse}"))
            .query({"refId": name, "queryType": "sql", "rawSql": sql}).refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True).include_all(True).current(model.VariableOption(selected=True, text=["All"], value=["$__all"])))


def _tenants(settings):
    built = new("tenants", "ClickHouse", "Which tenant is hurting: requests, failures and latencies by tenant.", _variables(settings, objectives=True), "now-1h")
    totals = ("count() AS tenants, sum(seen) AS requests, sum(seen_failed) AS failures, "
              "if(sum(all_requests) > 0, sum(all_failed) / sum(all_requests), NULL) AS error_rate")
    return (built
            .with_panel(figures(1, "", "Of all tenants that are chosen, in the window.", asked("tenants", totals), [
                Column("tenants", "Tenants"), Column("requests", "Requests", "short"), Column("failures", "Failed", "short"),
                Column("error_rate", "Error rate", "percentunit", FAILING)]))
            .with_panel(rows(2, "Tenants, the worst first", told("tenants"), asked("tenants"), [
                TENANT, Column("latest_tier", "Tier"), Column("seen", "Requests", "short"), Column("seen_failed", "Failed", "short"),
                Column("error_rate", "Error rate", "percentunit", FAILING, decimals=2),
                Column("p50_ms", "p50", "ms"), Column("p95_ms", "p95", "ms"), Column("p99_ms", "p99", "ms"),
                Column("is_estimated", "Estimated", "bool_yes_no")]))
            .with_panel(series(3, "Requests", told("over_time"), [over_time("per_second")], "reqps", link=TENANT_OF_SERIES, name=PER_TENANT))
            .with_panel(series(4, "Error rate", told("over_time"), [over_time("error_rate")], "percentunit", FAILING, link=TENANT_OF_SERIES, name=PER_TENANT))
            .with_panel(series(5, "p99", told("over_time"), [over_time("p99_ms")], "ms", link=TENANT_OF_SERIES, name=PER_TENANT)))


def _objectives(settings):
    built = new("objectives", "ClickHouse", "What each tenant was promised, what is left of its error budget, and how quickly it burns.",
                _variables(settings, objectives=True), "now-6h")
    # An alert opens at 80 % of a budget; the pairs of windows page at these burn rates.
    used, fast, slow = [(0.8, ERROR), (1, FAULT)], [(1, ERROR), (14.4, FAULT)], [(1, ERROR), (6, FAULT)]
    totals = ("count() AS tenants, countIf(consumed > may_fail) AS unavailable, countIf(quick < quick_target) AS slow, "
              "countIf(burnt >= 0.8 AND consumed <= may_fail) AS nearly")
    return (built
            .with_panel(figures(1, "", "Of all tenants that are chosen, over thirty days.", asked("objectives", totals), [
                Column("tenants", "Tenants with objectives"), Column("unavailable", "Used more failures than allowed", steps=[(1, FAULT)]),
                Column("slow", "Too slow", steps=[(1, FAULT)]), Column("nearly", "Used 80 % or more", steps=[(1, ERROR)])]))
            .with_panel(rows(2, "Objectives, thirty days", told("objectives"), asked("objectives"), [
                TENANT, Column("latest_tier", "Tier"), Column("target", "Goal: not failed", "percentunit", decimals=2),
                Column("seen", "Requests", "short"), Column("seen_failed", "Failed", "short"),
                Column("may_fail", "Failures allowed", "short"), Column("consumed", "Failures used", "short"),
                Column("burnt", "Used of allowed", "percentunit", used, gauge=True),
                Column("limit_ms", "Latency target", "ms"), Column("quick_target", "Goal: within it", "percentunit"),
                Column("quick", "Within it", "percentunit", decimals=2)], height=10))
            .with_panel(rows(3, "Burn rates", told("burn_rates"), asked("burn_rates"), [
                TENANT, Column("latest_tier", "Tier"), Column("burn_5m", "5 minutes", "suffix:×", fast, decimals=1), Column("burn_1h", "1 hour", "suffix:×", fast, decimals=1),
                Column("burn_30m", "30 minutes", "suffix:×", slow, decimals=1), Column("burn_6h", "6 hours", "suffix:×", slow, decimals=1),
                Column("seen_6h", "Requests", "short"), Column("seen_failed_6h", "Failed", "short")], span=12))
            .with_panel(series(4, "Burn over time", told("over_time"), [over_time("burn")], "suffix:×", slow, span=12, height=9, link=TENANT_OF_SERIES, name=PER_TENANT)))


def _cost(settings):
    money = f"currency{settings.currency}"
    built = new("cost", "ClickHouse", "Who costs what: requests, time and money by tenant, tier and service.", _variables(settings, prices=True), "now-7d", "5m")
    by_tenant = ("tenant, tier, sum(all_requests) AS requests, sum(requests_share) AS share_of_requests, sum(seconds) AS time, sum(seconds_share) AS share_of_time, "
                 "sum(cost) AS money, max(is_estimated) AS estimated")
    figures_of = [Column("requests", "Requests", "short"), Column("share_of_requests", "Share of requests", "percentunit", decimals=1),
                  Column("time", "Time", "s"), Column("share_of_time", "Share of time", "percentunit", decimals=1),
                  Column("money", "Cost", money, decimals=2), Column("estimated", "Estimated", "bool_yes_no")]
    services = (piechart.Panel().id(3).title("Cost by service").description(told("cost_shares")).span(8).height(9).unit(money)
                .with_target(asked("cost_shares", "service, sum(cost) AS money", "\nGROUP BY service\nORDER BY money DESC"))
                .pie_type(pie.PieChartType.DONUT).reduce_options(common.ReduceDataOptions().values(True).calcs([]).fields("/^money$/"))
                .legend(piechart.PieChartLegendOptions().show_legend(True).display_mode(shared.LegendDisplayMode.TABLE)
                        .placement(shared.LegendPlacement.RIGHT).values([pie.PieChartLegendValues.VALUE, pie.PieChartLegendValues.PERCENT])))
    return (built
            .with_panel(rows(1, "Tenants, the dearest first", told("cost_shares"),
                             asked("cost_shares", by_tenant, "\nGROUP BY tenant, tier\nORDER BY money DESC, tenant, tier"),
                             [TENANT, Column("tier", "Tier"), *figures_of]))
            .with_panel(series(2, "Cost by day", told("cost_over_time"),
                               [asked("cost_over_time", format=0, query_type="timeseries")],
                               money, span=16, height=9, link=TENANT_OF_SERIES, name=PER_TENANT, bars=True).interval("1d"))
            .with_panel(services)
            .with_panel(rows(4, "By service", told("cost_shares"), asked("cost_shares"), [
                TENANT, Column("tier", "Tier"), Column("service", "Service"), Column("all_requests", "Requests", "short"),
                Column("seconds", "Time", "s"), Column("cost", "Cost", money, decimals=2), Column("is_estimated", "Estimated", "bool_yes_no")])))


def _map():
    built = new("map", "ClickHouse", "What calls what, and how well.", _variables(), "now-1h")
    traces_of_node = page("/traces?filter=service(%22${__data.fields.title:percentencode}%22)", "Traces that this served")
    traces_of_edge = page("/traces?filter=edge(%22${__data.fields.detail__caller:percentencode}%22,%20%22${__data.fields.detail__callee:percentencode}%22)",
                          "Traces with this call")
    details = [Column("detail__kind", "Kind"), Column("detail__account", "Account"), Column("detail__spans", "Spans", "short"),
               Column("detail__fault_rate", "Faults", "percentunit", decimals=2), Column("detail__error_rate", "Errors", "percentunit", decimals=2),
               Column("detail__mean_ms", "Mean", "ms", decimals=1), Column("detail__caller", "Caller"), Column("detail__callee", "Called")]
    graph = (nodegraph.Panel().id(1).title("Service map").description(told("map_nodes")).span(24).height(18)
             .with_target(asked("map_nodes", ref_id="nodes")).with_target(asked("map_edges", ref_id="edges"))
             .nodes(nodegraph.NodeOptions().main_stat_unit("req/s").secondary_stat_unit("ms p99")
                    .arcs([_arc("ok", OK), _arc("error", ERROR), _arc("throttle", THROTTLE), _arc("fault", FAULT)]))
             .edges(nodegraph.EdgeOptions().main_stat_unit("req/s").secondary_stat_unit("ms p99"))
             .override_by_query("nodes", [model.DynamicConfigValue(id_val="links", value=links(traces_of_node))])
             .override_by_query("edges", [model.DynamicConfigValue(id_val="links", value=links(traces_of_edge))]))
    for column in details:
        graph.override_by_name(column.name, [model.DynamicConfigValue(id_val="displayName", value=column.title),
                                             *([model.DynamicConfigValue(id_val="unit", value=column.unit)] if column.unit else [])])
    share = [("percentunit", 2)]
    return (built.with_panel(graph)
            .with_panel(rows(2, "Nodes", told("map_nodes"), asked("map_nodes", more="\nORDER BY arc__fault DESC, mainstat DESC", select="*"), [
                Column("title", "Name", link=traces_of_node), Column("subtitle", "What and where"), Column("mainstat", "Requests", "reqps"),
                Column("arc__fault", "Faults", *share[0][:1], FAILING, decimals=2), Column("arc__throttle", "Throttled", "percentunit", [(0.01, THROTTLE)], decimals=2),
                Column("arc__error", "Errors", "percentunit", [(0.05, ERROR)], decimals=2), Column("secondarystat", "p99", "ms")], span=12, height=12))
            .with_panel(rows(3, "Calls", told("map_edges"), asked("map_edges", more="\nORDER BY detail__fault_rate DESC, mainstat DESC", select="*"), [
                Column("detail__caller", "Caller"), Column("detail__callee", "Called", link=traces_of_edge), Column("mainstat", "Requests", "reqps"),
                Column("detail__fault_rate", "Faults", "percentunit", FAILING, decimals=2), Column("detail__error_rate", "Errors", "percentunit", [(0.05, ERROR)], decimals=2),
                Column("secondarystat", "p99", "ms")], span=12, height=12)))


def _arc(outcome, colour):
    return nodegraph.ArcOption().field(f"arc__{outcome}").color(colour)
