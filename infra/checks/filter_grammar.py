"""X-Ray's filter expressions, judged by the parser of the control plane: there is one grammar."""

import os
import subprocess
from pathlib import Path

BINARY = Path(__file__).parents[2] / "target/debug/control-plane"


def refusals(expressions):
    """Why each of them is no filter expression; `None` for one that X-Ray takes, whether or not the control plane answers it."""
    # Each is a line; a line break within one is a blank to X-Ray.
    lines = "".join(f"{' '.join(str(expression).split())}\n" for expression in expressions)
    binary = os.environ.get("CONTROL_PLANE_BIN", BINARY)
    verdicts = subprocess.run([binary, "check-filter"], input=lines, capture_output=True, text=True)
    found = verdicts.stdout.splitlines()
    if verdicts.returncode not in (0, 1) or len(found) != lines.count("\n"):
        raise RuntimeError(f"control-plane check-filter: {verdicts.returncode}, {verdicts.stderr}")
    return [verdict.removeprefix("refused: ") if verdict.startswith("refused: ") else None for verdict in found]
