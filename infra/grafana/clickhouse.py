"""Dashboards over the control plane's tables in ClickHouse. Their SQL is infra/clickhouse, each file whole; what a panel shows of its answer is
chosen around it."""

from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, nodegraph, piechart
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import piechart as pie

from .parts import (ERROR, FAILING, FAULT, OK, SERVICE_OF_CELL, SERVICE_OF_SERIES, TENANT, TENANT_OF_SERIES, THROTTLE, TIER, Column, burn,
                    chosen_source, constant, control_plane, count, figures, links, milliseconds, new, page, rows, series, share, with_panels)
from .queries import CLICKHOUSE, ClickHouseQuery

SQL = Path(__file__).resolve().parents[1] / "clickhouse"
LATEST_TIER, ESTIMATED = Column("latest_tier", "Tier"), "bool_yes_no"
OF_TENANTS = {"link": TENANT_OF_SERIES, "name": "${__field.labels.tenant}"}
OF_SERVICES = {"link": SERVICE_OF_SERIES, "name": "${__field.labels.service}"}


def dashboards(settings):
    """By name."""
    return {"tenants": _tenants(settings), "objectives": _objectives(settings), "cost": _cost(settings), "map": _map(),
            "functions": _functions()}


def question(name):
    """The comment that a file begins with; and its SQL without it."""
    lines = (SQL / f"{name}.sql").read_text().splitlines()
    comment = [line for line in lines if line.startswith("-- ")]
    return " ".join(line.removeprefix("-- ") for line in comment), "\n".join(lines[len(comment):])


def told(name):
    """What a file answers, to whoever looks at a panel."""
    return question(name)[0]


def asked(name, select=None, more="", **query):
    """A query of a file, or of some columns of its answer."""
    _, sql = question(name)
    if select:
        inner = "\n".join(f"    {line}" if line else line for line in sql.splitlines())
        sql = f"SELECT {select}\nFROM\n(\n{inner}\n){more}"
    return ClickHouseQuery(sql, **query)


def over_time(measure):
    """A series to each tenant."""
    return asked("over_time", f"time, tenant, {measure}", "\nORDER BY time, tenant", format=0, query_type="timeseries")


def _literal(entries, width):
    """A map of names to tuples, as SQL."""
    values = ", ".join(f"{_text(name)}, ({', '.join(map(repr, entry))})" for name, entry in entries.items())
    return f"CAST(map({values}), 'Map(String, Tuple({', '.join(['Float64'] * width)}))')"


def _text(name):
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _objectives_of(settings):
    by_name = {f"{tier}/{tenant}": promised for (tier, tenant), promised in settings.objectives.items()}
    return constant("objectives", _literal(by_name, 4), "By tier/tenant, or tier/ for all others: share of requests that shall not fail, share that "
                    "may, milliseconds of a quick request, share that shall be quick")


def _prices_of(settings):
    return constant("prices", _literal(settings.prices, 3), "By service, or none for all others: a million requests, a GB-second, memory in MB")


def _variables(*configured):
    """What is asked, what was configured, and what the reader chooses."""
    tenants = ("SELECT DISTINCT name FROM names WHERE what = 'tenant' AND hour >= toStartOfHour($__fromTime, 'UTC') AND hour < $__toTime "
               "ORDER BY name LIMIT 10000")
    return [chosen_source("clickhouse", CLICKHOUSE, "ClickHouse"), control_plane(), *configured,
            _choice("tier", "Tier", "SELECT DISTINCT name FROM names WHERE what = 'tier' ORDER BY name"),
            _choice("tenant", "Tenant", tenants), _account()]


def _account():
    return _choice("account", "Account", "SELECT DISTINCT name FROM names WHERE what = 'account' ORDER BY name")


def _choice(name, label, sql):
    """Some of what spans have named, or all."""
    return (dashboard.QueryVariable(name).label(label).datasource(model.DataSourceRef(type_val=CLICKHOUSE, uid="${clickhouse}"))
            .query({"refId": name, "queryType": "sql", "rawSql": sql}).refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True).include_all(True).current(model.VariableOption(selected=True, text=["All"], value=["$__all"])))


def _tenants(settings):
    built = new("tenants", "ClickHouse", "Which tenant is hurting: requests, failures and latencies by tenant.",
                _variables(_objectives_of(settings)), "now-1h")
    totals = ("count() AS tenants, sum(seen) AS requests, sum(seen_failed) AS failures, "
              "if(sum(all_requests) > 0, sum(all_failed) / sum(all_requests), NULL) AS error_rate")
    panels = [
        figures(1, "", "Of all tenants that are chosen, in the window.", asked("tenants", totals), [
            Column("tenants", "Tenants"), count("requests", "Requests"), count("failures", "Failed"), share("error_rate", "Error rate", FAILING)]),
        rows(2, "Tenants, the worst first", told("tenants"), asked("tenants"), [
            TENANT, LATEST_TIER, count("seen", "Requests"), count("seen_failed", "Failed"), share("error_rate", "Error rate", FAILING),
            milliseconds("p50_ms", "p50"), milliseconds("p95_ms", "p95"), milliseconds("p99_ms", "p99"),
            Column("is_estimated", "Estimated", ESTIMATED)]),
        series(3, "Requests", told("over_time"), [over_time("per_second")], "reqps", **OF_TENANTS),
        series(4, "Error rate", told("over_time"), [over_time("error_rate")], "percentunit", FAILING, **OF_TENANTS),
        series(5, "p99", told("over_time"), [over_time("p99_ms")], "ms", **OF_TENANTS),
    ]
    return with_panels(built, panels)


def _objectives(settings):
    built = new("objectives", "ClickHouse", "What each tenant was promised, what is left of its error budget, and how quickly it burns.",
                _variables(_objectives_of(settings)), "now-6h")
    # An alert opens at 80 % of a budget; the pairs of windows page at these burn rates.
    used, fast, slow = [(0.8, ERROR), (1, FAULT)], [(1, ERROR), (14.4, FAULT)], [(1, ERROR), (6, FAULT)]
    totals = ("count() AS tenants, countIf(consumed > may_fail) AS unavailable, countIf(quick < quick_target) AS slow, "
              "countIf(burnt >= 0.8 AND consumed <= may_fail) AS nearly")
    panels = [
        figures(1, "", "Of all tenants that are chosen, over thirty days.", asked("objectives", totals), [
            Column("tenants", "Tenants with objectives"), Column("unavailable", "Used more failures than allowed", steps=[(1, FAULT)]),
            Column("slow", "Too slow", steps=[(1, FAULT)]), Column("nearly", "Used 80 % or more", steps=[(1, ERROR)])]),
        rows(2, "Objectives, thirty days", told("objectives"), asked("objectives"), [
            TENANT, LATEST_TIER, share("target", "Goal: not failed"), count("seen", "Requests"), count("seen_failed", "Failed"),
            count("may_fail", "Failures allowed"), count("consumed", "Failures used"), share("burnt", "Used of allowed", used, gauge=True),
            milliseconds("limit_ms", "Latency target"), share("quick_target", "Goal: within it"), share("quick", "Within it")], height=10),
        rows(3, "Burn rates", told("burn_rates"), asked("burn_rates"), [
            TENANT, LATEST_TIER, burn("burn_5m", "5 minutes", fast), burn("burn_1h", "1 hour", fast), burn("burn_30m", "30 minutes", slow),
            burn("burn_6h", "6 hours", slow), count("seen_6h", "Requests"), count("seen_failed_6h", "Failed")], span=12),
        series(4, "Burn over time", told("over_time"), [over_time("burn")], "suffix:×", slow, span=12, height=9, **OF_TENANTS),
    ]
    return with_panels(built, panels)


def _cost(settings):
    money = f"currency{settings.currency}"
    built = new("cost", "ClickHouse", "Who costs what: requests, time and money by tenant, tier and service.",
                _variables(_prices_of(settings)), "now-7d", "5m")
    by_tenant = ("tenant, tier, sum(all_requests) AS requests, sum(requests_share) AS share_of_requests, sum(seconds) AS time, "
                 "sum(seconds_share) AS share_of_time, sum(cost) AS money, max(is_estimated) AS estimated")
    in_order = "\nGROUP BY tenant, tier\nORDER BY money DESC, tenant, tier"
    services = (piechart.Panel().id(3).title("Cost by service").description(told("cost_shares")).span(8).height(9).unit(money)
                .with_target(asked("cost_shares", "service, sum(cost) AS money", "\nGROUP BY service\nORDER BY money DESC"))
                .pie_type(pie.PieChartType.DONUT).reduce_options(common.ReduceDataOptions().values(True).calcs([]).fields("/^money$/"))
                .legend(piechart.PieChartLegendOptions().show_legend(True).display_mode(shared.LegendDisplayMode.TABLE)
                        .placement(shared.LegendPlacement.RIGHT)
                        .values([pie.PieChartLegendValues.VALUE, pie.PieChartLegendValues.PERCENT])))
    by_day = asked("cost_over_time", format=0, query_type="timeseries")
    panels = [
        rows(1, "Tenants, the dearest first", told("cost_shares"), asked("cost_shares", by_tenant, in_order), [
            TENANT, TIER, count("requests", "Requests"), share("share_of_requests", "Share of requests"), Column("time", "Time", "s"),
            share("share_of_time", "Share of time"), Column("money", "Cost", money, decimals=2), Column("estimated", "Estimated", ESTIMATED)]),
        series(2, "Cost by day", told("cost_over_time"), [by_day], money, span=16, height=9, bars=True, **OF_TENANTS).interval("1d"),
        services,
        rows(4, "By service", told("cost_shares"), asked("cost_shares"), [
            TENANT, TIER, Column("service", "Service"), count("all_requests", "Requests"), Column("seconds", "Time", "s"),
            Column("cost", "Cost", money, decimals=2), Column("is_estimated", "Estimated", ESTIMATED)]),
    ]
    return with_panels(built, panels)


def _map():
    built = new("map", "ClickHouse", "What calls what, and how well.", _variables(), "now-1h")
    service = "service(%22${__data.fields.title:percentencode}%22)"
    edge = "edge(%22${__data.fields.detail__caller:percentencode}%22,%20%22${__data.fields.detail__callee:percentencode}%22)"
    of_node, of_edge = page(f"/traces?filter={service}", "Its traces"), page(f"/traces?filter={edge}", "Traces with this call")
    throttled, errors = [(0.01, THROTTLE)], [(0.05, ERROR)]
    graph = (nodegraph.Panel().id(1).title("Service map").description(told("map_nodes")).span(24).height(18)
             .with_target(asked("map_nodes", ref_id="nodes")).with_target(asked("map_edges", ref_id="edges"))
             .nodes(nodegraph.NodeOptions().main_stat_unit("req/s").secondary_stat_unit("ms p99")
                    .arcs([_arc("ok", OK), _arc("error", ERROR), _arc("throttle", THROTTLE), _arc("fault", FAULT)]))
             .edges(nodegraph.EdgeOptions().main_stat_unit("req/s").secondary_stat_unit("ms p99"))
             # Grafana's menu has the links of all fields: each is on one that the other's frame does not have.
             .override_by_name("title", [model.DynamicConfigValue(id_val="links", value=links(of_node))])
             .override_by_name("target", [model.DynamicConfigValue(id_val="links", value=links(of_edge))]))
    for name, title in {"kind": "Kind", "account": "Account", "spans": "Spans", "fault_rate": "Faults", "error_rate": "Errors", "mean_ms": "Mean, ms",
                        "caller": "Caller", "callee": "Called"}.items():
        graph.override_by_name(f"detail__{name}", [model.DynamicConfigValue(id_val="displayName", value=title)])
    nodes = asked("map_nodes", "*", "\nORDER BY arc__fault DESC, mainstat DESC")
    edges = asked("map_edges", "*", "\nORDER BY detail__fault_rate DESC, mainstat DESC")
    rate, p99 = Column("mainstat", "Requests", "reqps"), milliseconds("secondarystat", "p99")
    panels = [
        graph,
        rows(2, "Nodes, the worst first", told("map_nodes"), nodes, [
            Column("title", "Name", link=of_node), Column("subtitle", "What and where"), rate, share("arc__fault", "Faults", FAILING),
            share("arc__throttle", "Throttled", throttled), share("arc__error", "Errors", errors), p99], span=12, height=12),
        rows(3, "Calls, the worst first", told("map_edges"), edges, [
            Column("detail__caller", "Caller"), Column("detail__callee", "Called", link=of_edge), rate,
            share("detail__fault_rate", "Faults", FAILING), share("detail__error_rate", "Errors", errors), p99], span=12, height=12),
    ]
    return with_panels(built, panels)


def _functions():
    built = new("functions", "ClickHouse", "What functions measure of themselves: how they are invoked and start, their memory, requests and messages.",
                [chosen_source("clickhouse", CLICKHOUSE, "ClickHouse"), control_plane(), _account()], "now-1h")
    # The alarm on memory rings at nine tenths (infra/booking, infra/mileage).
    memory, late = [(0.75, ERROR), (0.9, FAULT)], [(300, FAULT)]
    of_service = ("service, sum(invocations) AS invoked, sum(failed) AS errors, sum(timed_out) AS timeouts, sum(cold_starts) AS starts, "
                  "max(init_s) AS longest_init_s, max(memory_bytes) AS most_bytes, max(memory_share) AS most_memory, "
                  "sum(redelivered) AS again, max(age_s) AS oldest_s")
    business = "time, sum(bookings) AS all_bookings, sum(miles) AS all_miles"

    def over(number, title, says, measure, unit, steps=None, **more):
        query = asked("functions", f"time, service, {measure}", "\nORDER BY time, service", format=0, query_type="timeseries")
        return series(number, title, f"{says} {told('functions')}", [query], unit, steps, **OF_SERVICES, **more)

    panels = [
        rows(1, "Functions", told("functions"), asked("functions", of_service, "\nGROUP BY service\nORDER BY service"), [
            Column("service", "Function", link=SERVICE_OF_CELL), count("invoked", "Invocations"), count("errors", "Failed", [(1, FAULT)]),
            count("timeouts", "Timed out", [(1, FAULT)]), count("starts", "Cold starts"), Column("longest_init_s", "Longest start", "s"),
            Column("most_bytes", "Most memory", "bytes"), share("most_memory", "Of its limit", memory, gauge=True),
            Column("oldest_s", "Oldest message", "s", late), count("again", "Delivered before")]),
        over(2, "Invocations", "However they ended.", "invocations", "short", bars=True),
        over(3, "Failed and timed out", "Invocations.", "failed + timed_out AS unsuccessful", "short", [(1, FAULT)], bars=True),
        over(4, "Cold starts", "First invocations of a sandbox.", "cold_starts", "short", bars=True),
        over(5, "Requests: p50", "From the function's sight.", "p50_ms", "ms"),
        over(6, "Requests: p99", "From the function's sight.", "p99_ms", "ms"),
        over(7, "Start of a sandbox, the longest", "From the start of the process until it asked for an invocation.", "init_s", "s"),
        over(8, "Memory of its limit, the most", "What a process held after an invocation.", "memory_share", "percentunit", memory),
        over(9, "Age of messages, the oldest", "When they were begun with.", "age_s", "s", late),
        over(10, "Messages that were delivered before", "Begun with once more.", "redelivered", "short", bars=True),
        series(11, "Bookings and miles", told("functions"),
               [asked("functions", business, "\nGROUP BY time\nORDER BY time", format=0, query_type="timeseries")], "short", span=24, bars=True)
        .override_by_name("all_bookings", [model.DynamicConfigValue(id_val="displayName", value="bookings")])
        .override_by_name("all_miles", [model.DynamicConfigValue(id_val="displayName", value="miles")]),
    ]
    return with_panels(built, panels)


def _arc(outcome, colour):
    return nodegraph.ArcOption().field(f"arc__{outcome}").color(colour)
