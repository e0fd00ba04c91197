"""Differences are shown at their paths, so that the two sides never look alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mysfits_stream.output.differences import MOST, differences

LONG = "x" * 200
POLICY = {"Statement": [{"Action": "s3:Get", "Resource": LONG}, {"Action": "s3:Put", "Resource": "b"}]}

CASES: dict[str, tuple[Any, Any, list[str]]] = {
    "numbers": (3, 60, ["P: 3 -> 60"]),
    "a number and its text": (3, "3", ['P: 3 -> "3"']),
    "nothing there": (None, {"a": 1}, ['P: null -> {"a": 1}']),
    "one key of a dict": ({"a": 1, "b": LONG}, {"a": 2, "b": LONG}, ["P.a: 1 -> 2"]),
    "a key of one side": ({"a": 1}, {"b": 1}, ["P.a: 1 -> (absent)", "P.b: (absent) -> 1"]),
    "a short list": (["a"], ["a", "b"], ['P: ["a"] -> ["a", "b"]']),
    "an element of a long list": (
        POLICY,
        {"Statement": [POLICY["Statement"][0], {"Action": "s3:Put", "Resource": "c"}]},
        ['P.Statement[1].Resource: "b" -> "c"'],
    ),
    "the end of a long text": (
        f"{LONG}1",
        f"{LONG}2",
        ['P: …xxxxxxxxxxxx1" -> …xxxxxxxxxxxx2"'],
    ),
    "a text that goes on": (LONG, f"{LONG}y", ['P: …xxxxxxxxxxxx" -> …xxxxxxxxxxxxy"']),
}


@pytest.mark.parametrize(("observed", "desired", "lines"), CASES.values(), ids=CASES)
def test_a_difference_is_shown_at_its_path(observed: Any, desired: Any, lines: list[str]) -> None:
    assert list(differences("P", observed, desired)) == lines


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.text(alphabet="ab", min_size=90, max_size=200),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_both_sides_of_every_line_differ(observed: Any, desired: Any) -> None:
    lines = list(differences("", observed, desired))
    assert bool(lines) == (observed != desired)
    for line in lines:
        assert " -> " in line


@given(st.text(alphabet="ab", min_size=90, max_size=200), st.text(alphabet="ab", min_size=90, max_size=200))
def test_long_texts_are_cut_to_excerpts_that_differ(observed: str, desired: str) -> None:
    for line in differences("", observed, desired):
        before, _, after = line.removeprefix(": ").partition(" -> ")
        assert before != after
        assert max(len(before), len(after)) <= MOST + 2
