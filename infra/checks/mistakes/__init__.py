"""Deliberate mistakes, by subject, each with the check that must see it."""

from . import access_logs, at_rest, collectors, edge, events, fairness, function_metrics, keys, links, project_file, sign_in, spans, stages, versions

SUBJECTS = (access_logs, at_rest, versions, fairness, function_metrics, keys, links, spans, collectors, stages, edge, events, sign_in, project_file)
MISTAKES = [mistake for subject in SUBJECTS for mistake in subject.MISTAKES]
