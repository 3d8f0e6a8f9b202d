"""Every check passes on what is in the repository."""

import pytest

from checks import CHECKS
from project import Project

PROJECT = Project.read()


@pytest.mark.parametrize("name", CHECKS)
def test(name):
    assert CHECKS[name](PROJECT) == []
