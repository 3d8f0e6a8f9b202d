"""The life of a stage is played once in a session; each act goes on from where the one before left it, so the first that fails is the last."""

import signal
import sys
import time
from pathlib import Path

import pytest

# Where project_file.py is.
sys.path.append(str(Path(__file__).resolve().parents[1]))

import stage  # noqa: E402


def pytest_sessionstart(session):
    # Whoever stops a rehearsal finds nothing of it left: fixtures are torn down as after Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    stage.remove_leftovers()


def _interrupt(number, frame):
    raise KeyboardInterrupt


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """One line for each act, with what it took."""
    terminal = item.config.pluginmanager.get_plugin("terminalreporter")
    act = item.name.removeprefix("test_").replace("_", " ")
    started = time.monotonic()
    terminal.write(f"\n  {act} ...")
    terminal.flush()
    yield
    terminal.write(f" {time.monotonic() - started:.0f} s ")
    terminal.flush()


@pytest.fixture(scope="session")
def life():
    """A stage of its own, in three accounts that were empty."""
    rehearsal = stage.Rehearsal("life")
    yield rehearsal
    rehearsal.close()


@pytest.fixture(scope="session")
def deployed(life):
    """The same, deployed: by the first acts where they were played, else now."""
    if not life.stacks("dev"):
        life.deploy_py("deploy").succeeded()
    return life
