"""Every check passes on what is in the repository."""

import pytest

from project import Project
from rules import CHECKS

PROJECT = Project.read()


@pytest.mark.parametrize("name", CHECKS)
def test(name):
    assert CHECKS[name](PROJECT) == []
