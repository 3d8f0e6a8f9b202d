"""Variables, links, tables and charts, whichever data source they ask."""

import json
from collections import namedtuple

from grafana_foundation_sdk.builders import common, dashboard, stat, table, timeseries
from grafana_foundation_sdk.builders import text as note
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as model

# By meaning, as on the control plane's pages; Grafana has each name in both themes.
OK, ERROR, THROTTLE, FAULT = "green", "orange", "purple", "red"
WINDOW = "from=${__from:date:seconds}&to=${__to:date:seconds}"
# `steps`: from which values on which colour; `gauge`: a bar up to 1; `link`: title and address; `empty`: what is said for
# an empty text.
Column = namedtuple("Column", "name title unit steps gauge link decimals empty", defaults=(None, None, False, None, None, None))
# From 1 % of faults on, the control plane's map is red.
FAILING = [(0.01, FAULT)]


def page(path, title):
    """A link to a page of the control plane, over the window of the dashboard."""
    return title, f"${{control_plane:raw}}{path}{'&' if '?' in path else '?'}{WINDOW}"


def count(name, title, steps=None):
    return Column(name, title, "short", steps)


def share(name, title, steps=None, **more):
    return Column(name, title, "percentunit", steps, decimals=2, **more)


def milliseconds(name, title):
    return Column(name, title, "ms")


def burn(name, title, steps=None):
    """How many times too fast a budget is used."""
    return Column(name, title, "suffix:×", steps, decimals=1)


TENANT_OF_CELL = page("/tenant?id=${__value.raw:percentencode}", "Tenant in the control plane")
TENANT_OF_SERIES = page("/tenant?id=${__field.labels.tenant:percentencode}", "Tenant in the control plane")
SERVICE_OF_CELL = page("/service?service=${__value.raw:percentencode}", "Service in the control plane")
SERVICE_OF_SERIES = page("/service?service=${__field.labels.service:percentencode}", "Service in the control plane")
TENANT, TIER = Column("tenant", "Tenant", link=TENANT_OF_CELL, empty="nobody that is known"), Column("tier", "Tier")


def new(kind, source, description, variables, since, refresh="1m"):
    """An empty dashboard; `kind` is what it is about."""
    tags = ["control-plane", source.lower()]
    _, own_page = page({"map": "/", "objectives": "/tenants", "functions": "/service"}.get(kind, f"/{kind}"), "")
    others = (dashboard.DashboardLink("Other dashboards").type(model.DashboardLinkType.DASHBOARDS).tags(tags)
              .keep_time(True).include_vars(True))
    there = (dashboard.DashboardLink("Control plane").type(model.DashboardLinkType.LINK).icon("external link").url(own_page).target_blank(True)
             .tooltip("The same window on the control plane's own pages"))
    built = (dashboard.Dashboard(f"Control plane: {kind} ({source})").uid(f"control-plane-{source.lower()}-{kind}").description(description)
             .tags(tags).timezone("browser").time(since, "now").refresh(refresh).readonly().tooltip(model.DashboardCursorSync.CROSSHAIR)
             .link(others).link(there))
    for variable in variables:
        built.with_variable(variable)
    return built


def chosen_source(name, plugin, label):
    """Which data source of a kind is asked."""
    return dashboard.DatasourceVariable(name).label(label).type(plugin)


def written(name, label, value, description):
    """A text that its reader may change."""
    return (dashboard.TextBoxVariable(name).label(label).description(description).default_value(value)
            .current(model.VariableOption(selected=True, text=value, value=value))
            .options([model.VariableOption(selected=True, text=value, value=value)]))


def constant(name, value, description):
    """What was configured when the dashboard was made; Grafana shows no constant."""
    return dashboard.ConstantVariable(name).value(value).description(description)


def control_plane():
    return written("control_plane", "Control plane", "http://127.0.0.1:4318", "Where links lead: the control plane's own address")


def thresholds(steps):
    """Colours from certain values on; below the first of them, well."""
    colours = [(None, OK), *steps]
    return (dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE)
            .steps([model.Threshold(value=value, color=colour) for value, colour in colours]))


def links(*titles_and_urls):
    return [{"title": title, "url": url, "targetBlank": True} for title, url in titles_and_urls]


def _properties(column):
    found = [("displayName", column.title)]
    if column.unit:
        found.append(("unit", column.unit))
    if column.decimals is not None:
        found.append(("decimals", column.decimals))
    if column.steps:
        found += [("thresholds", thresholds(column.steps).build()), ("color", {"mode": "thresholds"})]
        cell = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"} if column.gauge else {"type": "color-text"}
        found.append(("custom.cellOptions", cell))
    if column.gauge:
        found += [("min", 0), ("max", 1)]
    if column.empty:
        found.append(("mappings", [{"type": "value", "options": {"": {"text": column.empty}}}]))
    if column.link:
        found.append(("links", links(column.link)))
    return [model.DynamicConfigValue(id_val=name, value=value) for name, value in found]


def rows(number, title, description, target, columns, span=24, height=9):
    """A table; columns that are not described are not shown."""
    built = _panel(table.Panel(), number, title, description, span, height).with_target(target)
    shown = {"include": {"names": [column.name for column in columns]}}
    built.transformations([model.DataTransformerConfig(id_val="filterFieldsByName", options=shown)])
    for column in columns:
        built.override_by_name(column.name, _properties(column))
    return built


def series(number, title, description, targets, unit, steps=None, span=8, height=8, link=None, name=None, bars=False):
    """Lines over time, or bars that stand on each other."""
    built = _panel(timeseries.Panel(), number, title, description, span, height).unit(unit).interval("1m").min(0)
    for target in targets:
        built.with_target(target)
    built.legend(common.VizLegendOptions().show_legend(True).placement(shared.LegendPlacement.BOTTOM)
                 .display_mode(shared.LegendDisplayMode.LIST))
    built.tooltip(common.VizTooltipOptions().mode(shared.TooltipDisplayMode.MULTI).sort(shared.SortOrder.DESCENDING))
    if bars:
        built.draw_style(shared.GraphDrawStyle.BARS).fill_opacity(80)
        built.stacking(common.StackingConfig().mode(shared.StackingMode.NORMAL).group("A"))
    else:
        # Lines break where no request came.
        built.line_width(2).fill_opacity(0).span_nulls(False).show_points(shared.VisibilityMode.AUTO)
    if steps:
        built.thresholds(thresholds(steps))
        built.thresholds_style(common.GraphThresholdsStyleConfig().mode(shared.GraphThresholdsStyleMode.DASHED))
    if link:
        built.override_by_field_type("number", [model.DynamicConfigValue(id_val="links", value=links(link))])
    if name:
        built.display_name(name)
    return built


def figures(number, title, description, target, columns, span=24, height=4):
    """A row's numbers, large."""
    built = _panel(stat.Panel(), number, title, description, span, height).with_target(target)
    built.color_mode(shared.BigValueColorMode.VALUE).graph_mode(shared.BigValueGraphMode.NONE)
    built.orientation(shared.VizOrientation.VERTICAL)
    built.reduce_options(common.ReduceDataOptions().values(False).calcs(["lastNotNull"]).fields("/.*/"))
    built.thresholds(thresholds([]))
    for column in columns:
        properties = [found for found in _properties(column) if found.id_val != "custom.cellOptions"]
        built.override_by_name(column.name, properties)
    return built


def remark(number, words, height=4):
    """Markdown."""
    return note.Panel().id(number).title("").span(24).height(height).mode("markdown").content(words).transparent(True)


def _panel(built, number, title, description, span, height):
    return built.id(number).title(title).description(description).span(span).height(height)


def with_panels(built, panels):
    """A dashboard with all of them, side by side as far as they fit."""
    for panel in panels:
        built.with_panel(panel)
    return built


def text(built):
    """JSON as it is kept."""
    return json.dumps(json.loads(json.dumps(built.build(), cls=JSONEncoder)), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
