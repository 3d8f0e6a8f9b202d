"""Deliberate mistakes, by subject, each with the check that must see it."""

from . import edge, keys, links, spans, stages, versions

MISTAKES = [*versions.MISTAKES, *keys.MISTAKES, *links.MISTAKES, *spans.MISTAKES, *stages.MISTAKES, *edge.MISTAKES]
