"""Deliberate mistakes, by subject, each with the check that must see it."""

from . import edge, keys, links, project_file, spans, stages, versions

MISTAKES = [*versions.MISTAKES, *keys.MISTAKES, *links.MISTAKES, *spans.MISTAKES, *stages.MISTAKES, *edge.MISTAKES, *project_file.MISTAKES]
