"""What dashboards hold of the configuration: objectives are files and prices are a table of the control plane's configuration, and neither is in a
database that Grafana could ask."""

import tomllib
from collections import namedtuple
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# Share of requests that shall not fail; of those that may, rounded as the crate `slo` does; milliseconds that a quick request takes at most; share of
# requests that shall be quick.
Objectives = namedtuple("Objectives", "target allowed limit_ms quick_target")
Price = namedtuple("Price", "per_million_requests per_gb_second memory_mb")
# Objectives by (tier, tenant), the tenant empty where they are the tier's; prices by service, the name empty where it is that of all others.
Settings = namedtuple("Settings", "objectives prices currency")


class Wrong(ValueError):
    """What cannot be read, and why."""


def read(config=None):
    """Those of a configuration of the control plane; without one, those of the demo."""
    try:
        written = tomllib.loads(config.read_text()) if config else {}
        definitions = ROOT / "infra/slo"
        if "definitions" in written.get("slo", {}):
            definitions = config.parent / written["slo"]["definitions"]
        prices = written.get("prices") or tomllib.loads((ROOT / "local/prices.toml").read_text())["prices"]
        services = {"": prices["default"], **prices.get("services", {})}
        return Settings(objectives(definitions), {name: Price(**of) for name, of in services.items()}, prices["currency"])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as reason:
        raise Wrong(f"{config or 'local/prices.toml'}: {type(reason).__name__}: {reason}") from None


def objectives(folder):
    """OpenSLO as the control plane reads it: a tenant has its tier's objectives where it has none of its own."""
    promised = {}
    files = sorted(folder.rglob("*.yaml"))
    if not files:
        raise Wrong(f"{folder}: no definitions")
    for document in (found for file in files for found in yaml.safe_load_all(file.read_text())):
        if document["kind"] != "SLO":
            continue
        labels, [objective] = document["metadata"]["labels"], document["spec"]["objectives"]
        target = objective["target"] if "target" in objective else objective["targetPercent"] / 100
        own = promised.setdefault((labels["tier"], labels.get("tenant", "")), {})
        own.update({"limit_ms": objective["value"], "quick_target": target} if "value" in objective
                   else {"target": target, "allowed": round(1 - target, 12)})
    try:
        return {(tier, tenant): Objectives(**{**promised[tier, ""], **own}) for (tier, tenant), own in sorted(promised.items())}
    except (KeyError, TypeError) as reason:
        raise Wrong(f"{folder}: a tier without both of its objectives: {reason}") from None
