"""What no linter sees, by subject."""

from . import access, access_logs, accounts, alarms, at_rest, collectors, edge, events, everywhere, fairness, function_metrics, keys, links, losses, names, project_file, sampling, spans, stages, tenants, texts, versions
from .registered import CHECKS, check

__all__ = ["CHECKS", "check", "access", "access_logs", "accounts", "alarms", "at_rest", "collectors", "edge", "events", "everywhere", "fairness", "function_metrics", "keys", "links", "losses", "names", "project_file", "sampling", "spans", "stages", "tenants", "texts", "versions"]
