"""infra/samconfig.toml: which stacks a stage has, and in which account each is."""

import functools
import re
import sys
import tomllib
from pathlib import Path

from cloudformation import load
from project_file import STACKS as PROJECT_STACKS
from project_file import TEMPLATES

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "infra/samconfig.toml"
# What every stage has. A section `<stage>-mileage-<tier>` adds a mileage account.
STACKS = {name: (stack["account"], TEMPLATES[stack["template"]].removeprefix("infra/")) for name, stack in PROJECT_STACKS.items()}


class Config:
    """A stage's sections: `sections[stack]` is what `sam deploy` gets, `stacks[stack]` its account and template."""

    def __init__(self, stage, text=None):
        self.stage = stage
        parsed = tomllib.loads(CONFIG.read_text() if text is None else text)
        prefix = f"{stage}-"
        found = {name.removeprefix(prefix): section for name, section in parsed.items() if name.startswith(prefix)}
        self.tiers = sorted(match[1] for name in found if (match := re.fullmatch(r"mileage-([a-z]+)", name)))
        self.stacks = dict(STACKS)
        for tier in self.tiers:
            self.stacks |= {
                f"source-mileage-{tier}": (f"mileage-{tier}", "source-account/template.yaml"),
                f"mileage-{tier}": (f"mileage-{tier}", "mileage/template.yaml"),
                f"mileage-account-{tier}": ("observability", "observability/mileage-account.yaml"),
            }
        missing = [f"[{prefix}{name}.deploy.parameters]" for name in self.stacks if name not in found]
        if missing:
            sys.exit(f"infra/samconfig.toml has no {', '.join(missing)}. It names a stage's stacks and profiles; copy those of another stage.")
        self.sections = {name: found[name]["deploy"]["parameters"] for name in self.stacks}
        # What is the deployment's own, and of no template.
        self.spans_retention_days = int(parsed.get(stage, {}).get("stage", {}).get("parameters", {}).get("SpansRetentionDays", 30))

    @property
    def accounts(self):
        """The accounts' names, each also that of a stack in it; account C first."""
        return list(dict.fromkeys(account for account, _ in self.stacks.values()))

    def stack_name(self, name):
        return self.sections[name]["stack_name"]

    def template_file(self, name):
        return ROOT / "infra" / self.stacks[name][1]

    def template(self, name):
        return read(self.template_file(name))

    def given(self, name):
        """The section's own parameters: what a person wrote, before anything the deployment adds."""
        return dict(pair.split("=", 1) for pair in self.sections[name].get("parameter_overrides", []))


@functools.cache
def read(path):
    """A template, read once: nobody changes what this gives."""
    return load(path.read_text())
