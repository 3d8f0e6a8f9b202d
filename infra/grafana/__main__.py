"""Writes dashboards/, or says that it is not what would be written.

    python infra/grafana [--config FILE] [--to FOLDER] [--check]

FILE is the control plane's configuration: its `[prices]`, and the folder of its `[slo] definitions`. Without one, those of the demo: infra/slo
and local/prices.toml.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from grafana import clickhouse, cloudwatch, parts, settings  # noqa: E402 (the package is this folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, help="the control plane's configuration")
    parser.add_argument("--to", type=Path, default=HERE / "dashboards", help="the folder that is written")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something would change")
    arguments = parser.parse_args()
    try:
        known = settings.read(arguments.config)
    except settings.Wrong as reason:
        sys.exit(str(reason))
    stale = []
    for source, dashboards in {"clickhouse": clickhouse.dashboards(known), "cloudwatch": cloudwatch.dashboards(known)}.items():
        for name, dashboard in dashboards.items():
            path, text = arguments.to / source / f"{name}.json", parts.text(dashboard)
            if path.exists() and path.read_text() == text:
                continue
            stale.append(f"{source}/{name}.json")
            if not arguments.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    if stale and arguments.check:
        sys.exit(f"not as infra/grafana would write them: {', '.join(stale)}")
    print(f"{'written' if stale else 'unchanged'}: {', '.join(stale) or arguments.to}")


if __name__ == "__main__":
    main()
