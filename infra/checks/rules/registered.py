"""Checks by their names. Each takes the project and yields its problems, one sentence each."""

CHECKS = {}


def check(function):
    """Registers a check under its function's name."""
    CHECKS[function.__name__] = lambda project: list(function(project))
    return function
