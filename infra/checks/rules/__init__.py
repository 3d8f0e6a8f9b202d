"""What no linter sees, by subject."""

from . import edge, keys, links, spans, stages, versions
from .registered import CHECKS, check

__all__ = ["CHECKS", "check", "edge", "keys", "links", "spans", "stages", "versions"]
