"""Scores by name."""

from __future__ import annotations

from attention_moa.bench.scores import Score, score_tree


def test_a_dot_in_a_name_opens_a_level() -> None:
    """Names with dots become objects in objects; a whole number stays one, and nothing stays nothing."""
    scores = [Score("average", 7.5, 4), Score("by.math", None, 0), Score("by.writing", 9, 2), Score("by.a.b", 1.0, 1)]
    assert score_tree(scores) == {"average": 7.5, "by": {"math": None, "writing": 9, "a": {"b": 1.0}}}
