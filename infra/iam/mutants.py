"""Every statement of every policy, changed in one place."""

import copy
from dataclasses import dataclass

from cloudformation import as_list


@dataclass
class Mutant:
    """A changed policy: which, which statement of it, and what was done to it."""

    policy: str
    statement: str
    change: str
    document: dict
    # Whether less is allowed than before; else more.
    narrows: bool

    @property
    def name(self):
        return f"{self.policy} {self.statement}: {self.change}"


def mutants(policy, document):
    """The statement removed; action, resource or principal widened to everything; a condition gone; one of several left out."""
    for index, statement in enumerate(as_list(document["Statement"])):
        sid = statement.get("Sid", f"[{index}]")

        def made(change, do):
            changed = copy.deepcopy(document)
            changed["Statement"] = as_list(changed["Statement"])
            do(changed["Statement"], changed["Statement"][index])
            widens = change in WIDENED or "condition" in change
            return Mutant(policy, sid, change, changed, widens == (statement["Effect"] == "Deny"))

        if len(as_list(document["Statement"])) > 1:
            yield made("removed", lambda all_, one: all_.pop(index))
        else:
            # A policy needs a statement: this one says nothing.
            yield made("removed", lambda _, one: one.update(NOTHING | ({"Principal": {"AWS": "999999999990"}} if "Principal" in one else {})))
        for part in ("Action", "Resource", "Principal"):
            if part in statement and as_list(statement[part]) != ["*"]:
                yield made(f"{part} *", lambda _, one, part=part: one.update({part: "*"}))
            values = as_list(statement.get(part))
            if part != "Principal" and len(values) > 1:
                for value in values:
                    yield made(f"without {value}", lambda _, one, part=part, value=value: one[part].remove(value))
        for kind, values in statement["Principal"].items() if isinstance(statement.get("Principal"), dict) else ():
            if len(as_list(values)) > 1:
                for value in values:
                    yield made(f"without {value}", lambda _, one, kind=kind, value=value: one["Principal"][kind].remove(value))
        condition = statement.get("Condition", {})
        if sum(len(keys) for keys in condition.values()) > 1:
            yield made("without any condition", lambda _, one: one.pop("Condition"))
        for operator, keys in condition.items():
            for key in keys:
                yield made(f"without condition {operator} {key}", lambda _, one, operator=operator, key=key: _without(one, operator, key))


WIDENED = ("Action *", "Resource *", "Principal *")
NOTHING = {"Sid": "Nothing", "Effect": "Allow", "Action": "dynamodb:DescribeLimits"}


def _without(statement, operator, key):
    del statement["Condition"][operator][key]
    if not statement["Condition"][operator]:
        del statement["Condition"][operator]
    if not statement["Condition"]:
        del statement["Condition"]
