"""What no linter sees, by subject."""

from . import accounts, alarms, collectors, edge, everywhere, keys, links, losses, names, sampling, spans, stages, texts, versions
from .registered import CHECKS, check

__all__ = ["CHECKS", "check", "accounts", "alarms", "collectors", "edge", "everywhere", "keys", "links", "losses", "names", "sampling", "spans", "stages", "texts", "versions"]
