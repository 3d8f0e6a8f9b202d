"""What the rehearsal knows beside the emulator: who has what, what happened, and what the driver wants to go wrong."""

import contextlib
import json
import os
from pathlib import Path

import ministack.core.responses as core
from ministack.core.responses import get_account_id

# The driver's folder: it reads the journal and writes the control file.
FOLDER = Path(os.environ["REHEARSAL"])
JOURNAL = FOLDER / "journal.jsonl"
CONTROL = FOLDER / "control.json"

# Resource type -> account -> physical id -> properties, for everything that CloudFormation made.
_resources = {}


def note(kind, **fields):
    """Writes a line of the journal."""
    with JOURNAL.open("a") as journal:
        journal.write(json.dumps({"kind": kind, "account": get_account_id(), **fields}, default=str) + "\n")


def wanted(name, default=None):
    """What the driver wants: faults to inject, rules to note instead of enforcing."""
    try:
        return json.loads(CONTROL.read_text()).get(name, default)
    except FileNotFoundError:
        return default


def resources(kind, account=None):
    """The resources of a type in an account, by physical id."""
    return _resources.setdefault(kind, {}).setdefault(account or get_account_id(), {})


def everywhere(kind):
    """Account, physical id and properties of a type's resources in all accounts."""
    for account, found in _resources.get(kind, {}).items():
        for physical, properties in found.items():
            yield account, physical, properties


@contextlib.contextmanager
def as_account(account):
    """The emulator's stores as this account sees them."""
    token = core._request_account_id.set(account)
    try:
        yield
    finally:
        core._request_account_id.reset(token)


def as_list(value):
    """A policy's value, which may be one thing or a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
