"""Runs evaluate.mjs over cases and mutants."""

import json
import os
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import access_logs
import at_rest
import callers
import needs
from cases import Book
from deployed import deploy
from mutants import mutants

HERE = Path(__file__).resolve().parent
# Not of this project: what a role has that stands for another account, or a key or role that is elsewhere.
FOREIGN = ("everything", "stranger/", "aws/")


def book(parameters, calls=None, project=None):
    """All cases of a deployment."""
    made = Book(deploy(parameters, project))
    needs.ask(made, calls)
    callers.ask(made)
    at_rest.ask(made)
    access_logs.ask(made)
    return made


def mutants_of(deployed):
    """The mutants of every policy that the templates write."""
    for policy, document in deployed.policies.items():
        if policy not in deployed.managed and not policy.startswith(FOREIGN):
            yield from mutants(policy, document)


def evaluate(policies, cases, changed=()):
    """What each case comes to, and the case that sees each mutant: its index, or nothing."""
    node = shutil.which("node") or HERE.parents[1] / ".local/venv/bin/node"
    mutants_given = [{"policy": m.policy, "document": m.document, "narrows": m.narrows} for m in changed]
    given = {"policies": policies, "cases": [asdict(case) for case in cases], "mutants": mutants_given}
    done = subprocess.run([os.fspath(node), HERE / "evaluate.mjs"], input=json.dumps(given), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    answer = json.loads(done.stdout)
    return answer["decisions"], answer["caught"]


def wrong(cases, decisions):
    """The cases that came to something else than they must."""
    return [f"{case.name}: {decision}" for case, decision in zip(cases, decisions) if decision != ("Allowed" if case.allowed else "Denied")]
