"""The collectors are the layers': these components and no others, and what a layer does not have stops it."""

import subprocess

import pytest
import yaml

from collector import CONFIGS, ROOT, program

LAYERS = yaml.safe_load((CONFIGS / "layers.yaml").read_text())
# What newer collectors call them; a configuration may use either name.
FORMERLY = {"otlp_grpc": "otlp", "otlp_http": "otlphttp", "prometheus_remote_write": "prometheusremotewrite"}
KINDS = ("receivers", "processors", "exporters", "extensions")


@pytest.fixture(params=LAYERS)
def layer(request):
    return request.param


def says(layer):
    """What the collector says it was built of."""
    said = subprocess.run([program(layer), "components"], capture_output=True, text=True, check=True)
    return yaml.safe_load(said.stdout)


def test_it_has_the_components_of_the_layer(layer):
    built = says(layer)
    for kind in KINDS:
        assert {FORMERLY.get(part["name"], part["name"]) for part in built[kind]} == set(LAYERS[layer][kind])
    assert not built["connectors"]


def test_they_are_the_pinned_versions(layer):
    manifest = yaml.safe_load((ROOT / "tests/collector" / layer / "builder.yaml").read_text())
    built = says(layer)
    for kind in KINDS:
        pinned = {part["gomod"] for part in manifest.get(kind, [])}
        assert {part["module"].split(" => ")[0] for part in built[kind]} == pinned


@pytest.mark.parametrize(
    ("layer", "kind", "component"),
    [("adot", "processors", "batch"), ("adot", "processors", "transform"), ("community", "exporters", "awsxray")],
)
def test_what_the_layer_does_not_have_stops_it(collector, tmp_path, layer, kind, component):
    config = yaml.safe_load((CONFIGS / f"{layer}.yaml").read_text())
    config.setdefault(kind, {})[component] = None
    for pipeline in config["service"]["pipelines"].values():
        pipeline.setdefault(kind, []).append(component)
    mutated = tmp_path / "mutated.yaml"
    mutated.write_text(yaml.safe_dump(config))
    stopped = collector(layer, config=mutated)
    assert stopped.wait() != 0
    assert component in stopped.log and "unknown type" in stopped.log
