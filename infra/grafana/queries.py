"""What is asked of each data source. CloudWatch's queries are Grafana's own and typed by the SDK; these are the plugins' that it does not know."""

from dataclasses import dataclass, field

from grafana_foundation_sdk.cog import runtime, variants

CLICKHOUSE, XRAY = "grafana-clickhouse-datasource", "grafana-x-ray-datasource"
# Version whose sources these fields were read from.
PLUGIN_VERSION = "4.20.0"


class Query(variants.Dataquery):
    """A query that is its own builder."""

    def build(self):
        return self

    @classmethod
    def from_json(cls, data):
        """Refuses a field that the plugin does not know, and one that has no value here."""
        names = {name: attribute for attribute, name in cls.NAMES.items()}
        if unknown := data.keys() - names.keys():
            raise ValueError(f"{cls.__name__} has no {', '.join(sorted(unknown))}")
        return cls(**{names[name]: value for name, value in data.items()})

    def to_json(self):
        return {name: getattr(self, attribute) for attribute, name in self.NAMES.items()}


@dataclass
class ClickHouseQuery(Query):
    """`CHSqlQuery`, src/types/sql.ts of grafana/clickhouse-datasource."""

    NAMES = {"ref_id": "refId", "datasource": "datasource", "plugin_version": "pluginVersion", "editor_type": "editorType",
             "query_type": "queryType", "format": "format", "raw_sql": "rawSql"}
    raw_sql: str
    # 0: series, one to each text among the columns; 1: rows.
    format: int = 1
    query_type: str = "table"
    ref_id: str = "A"
    datasource: dict = field(default_factory=lambda: {"type": CLICKHOUSE, "uid": "${clickhouse}"})
    plugin_version: str = PLUGIN_VERSION
    editor_type: str = "sql"


@dataclass
class XRayQuery(Query):
    """`XrayQuery`, src/types.ts of grafana/x-ray-datasource."""

    NAMES = {"ref_id": "refId", "datasource": "datasource", "query_mode": "queryMode", "query_type": "queryType", "region": "region",
             "group": "group", "query": "query"}
    query_type: str
    group: dict
    query: str = ""
    region: str = "${region}"
    query_mode: str = "X-Ray"
    ref_id: str = "A"
    datasource: dict = field(default_factory=lambda: {"type": XRAY, "uid": "${xray}"})


def register():
    """Lets the SDK read them back; it takes a query that it does not know as it is."""
    for identifier, query in ((CLICKHOUSE, ClickHouseQuery), (XRAY, XRayQuery)):
        runtime.register_dataquery_variant(runtime.DataqueryConfig(identifier=identifier, from_json_hook=query.from_json))
