"""docs/deploy.md is a page that a person follows: short up to its line, honest in its third, with commands and names that are there."""

import re
import subprocess

import pytest
import tomllib

from deployment.config import CONFIG, Config
from project import ROOT, Project

PAGE = (ROOT / "docs/deploy.md").read_text()
WAY = PAGE.split("<!-- The way ends here")[0]


def test_the_way_has_at_most_900_words():
    assert WAY != PAGE
    assert len([word for word in WAY.split() if re.search(r"\w", word)]) <= 900


@pytest.mark.parametrize("page", ["README.md", "docs/deploy.md"])
def test_the_third_line_says_that_it_was_not_deployed_to_aws(page):
    assert "not deployed to aws yet" in (ROOT / page).read_text().splitlines()[2].lower()


def test_every_target_of_make_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = {word for line in re.findall(r"^\s*make ([^#\n]+)", PAGE, re.MULTILINE) for word in line.split() if re.fullmatch("[a-z-]+", word)}
    assert used and used <= targets


def test_every_parameter_of_the_tables_is_in_a_template():
    declared = {name for template in Project.read().templates.values() for name in template["Parameters"]}
    for text, heading in ((PAGE, "## Choices"), ((ROOT / "infra/deployment/README.md").read_text(), "## Parameters")):
        choices = text.split(heading)[1].split("\n## ")[0]
        named = {name for row in re.findall(r"^\| (`[^|]+) \|", choices, re.MULTILINE) for name in re.findall(r"`([A-Z]\w+)`", row)}
        assert named and named <= declared


def test_the_sections_for_a_further_account_are_complete():
    text = next(block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "premium" in block)
    assert Config("dev", CONFIG.read_text() + text).tiers == ["premium"]


def test_every_stage_of_the_workflows_is_in_samconfig():
    workflow = (ROOT / ".github/workflows/deploy.yml").read_text()
    stages = set(re.findall(r"with: \{ stage: (\w+) \}", workflow)) | set(re.search(r"options: \[(.*?)\]", workflow)[1].split(", "))
    assert stages and all(Config(stage) for stage in stages)
    assert stages == {name.split("-")[0] for name, section in tomllib.loads(CONFIG.read_text()).items() if isinstance(section, dict)}


def test_the_watch_fails_without_an_alarm_and_passes_over_too_little_data(tmp_path):
    """The script of the workflow, run with an `aws` that answers as it is told."""
    script = (ROOT / ".github/workflows/deploy-stage.yml").read_text().split("name: Watch the journey", 1)[1].split("run: |\n", 1)[1].split("\n      - run:")[0]
    (tmp_path / "aws").write_text('#!/bin/sh\nread -r state rest < "$STATES" || exit 9\nsed -i 1d "$STATES"\necho "$state"\n')
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    for tool in ("aws", "sleep"):
        (tmp_path / tool).chmod(0o755)
    for states, passes in (
        (["INSUFFICIENT_DATA", "OK", "OK"], True), (["OK", "ALARM", "OK"], False), (["None"], False),
        (["INSUFFICIENT_DATA"] * 3, False), (["OK", "OK", "INSUFFICIENT_DATA"], False),
    ):  # fmt: skip
        (tmp_path / "states").write_text("".join(f"{state}\n" for state in states))
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "STATES": str(tmp_path / "states"), "STAGE": "dev", "WATCH_MINUTES": "2"}
        ended = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
        assert (ended.returncode == 0) == passes, f"{states}: {ended.stdout}{ended.stderr}"
