import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The project as the checks read it, and what the deployment shares with them.
sys.path[:0] = [str(HERE), str(HERE.parent / "checks"), str(HERE.parent)]


def pytest_terminal_summary(terminalreporter):
    """How many cases and mutants there were in this run."""
    table = getattr(sys.modules.get("test_iam"), "TABLE", [])
    if not table:
        return
    terminalreporter.section("IAM, evaluated")
    line = "{:18} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}".format
    terminalreporter.write_line(line("deployment", "cases", "allowed", "denied", "wrong", "mutants", "caught", "excused"))
    for row in table:
        if row[0] != "seconds":
            terminalreporter.write_line(line(*row))
    _, seconds, kinds, not_evaluated = table[-1]
    terminalreporter.write_line(f"{seconds} s; with every option: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    for reason in not_evaluated:
        terminalreporter.write_line(f"not evaluated: {reason}")
