"""Deliberate mistakes, by subject, each with the check that must see it."""

from . import edge, keys, links, spans

MISTAKES = [*keys.MISTAKES, *links.MISTAKES, *spans.MISTAKES, *edge.MISTAKES]
