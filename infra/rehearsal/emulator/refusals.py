"""The table of refusals: what AWS refuses and the emulator does not. Each row has the source that says so.

A *refusal* is AWS's own answer. A *finding* is something that AWS takes and that is wrong when it is used: the rehearsal stops there as
well, and says that it was the rehearsal."""

from dataclasses import dataclass
from typing import Callable

from state import note, wanted


class Refused(Exception):
    """What AWS would answer."""


@dataclass(frozen=True)
class Resource:
    """A resource as it is about to be created, updated or deleted; its properties are resolved."""

    kind: str
    phase: str
    logical: str
    properties: dict
    physical: str = None
    stack: str = None


@dataclass(frozen=True)
class Rule:
    """A row: the check raises `Refused`."""

    name: str
    kinds: tuple
    phases: tuple
    finding: bool
    source: str
    check: Callable


RULES = []


def rule(*kinds, on=("create", "update"), finding=False, source):
    """Adds a row for these types, or for all of them if none is named."""

    def add(check):
        RULES.append(Rule(check.__name__, kinds, on, finding, source, check))
        return check

    return add


def enforce(resource):
    """Raises ValueError, which fails the resource, with AWS's answer and its source."""
    for each in RULES:
        if (not each.kinds or resource.kind in each.kinds) and resource.phase in each.phases:
            try:
                each.check(resource)
            except Refused as refused:
                stop(each.name, str(refused), each.source, each.finding, type=resource.kind, logical=resource.logical)


def stop(name, error, source, finding=False, **fields):
    """Writes the refusal down and fails, unless the driver wants to see what comes after it."""
    note("finding" if finding else "refused", rule=name, error=error, source=source, **fields)
    if name not in wanted("note_only", []):
        raise ValueError(f"{'Rehearsal: ' if finding else ''}{error} [{name}: {source}]")
