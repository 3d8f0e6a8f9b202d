import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The deployment and what it shares with the checks are one folder up.
sys.path[:0] = [str(HERE), str(HERE.parent)]


def pytest_terminal_summary(terminalreporter):
    """The table of mistakes, where they were made in this run."""
    caught = getattr(sys.modules.get("test_mutations"), "CAUGHT", [])
    if not caught:
        return
    width = max(len(mistake) for mistake, _, _ in caught)
    terminalreporter.section(f"{len(caught)} deliberate mistakes, caught")
    for mistake, check, problem in caught:
        terminalreporter.write_line(f"{mistake.replace('_', ' '):{width}}  {check}")
        if terminalreporter.verbosity > 0:
            terminalreporter.write_line(f"{'':{width}}    {problem}")
