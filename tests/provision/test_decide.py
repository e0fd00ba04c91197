"""decide() is the whole policy: its truth table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import pytest

from mysfits_stream.errors import NotOwnedError
from mysfits_stream.provision.engine import Action, Change, Goal, Status, decide
from mysfits_stream.provision.resource import Diff, Observed, Placement, Properties, Template, difference
from tests.support.clock import Time
from tests.support.scripted import ACCOUNT

STACK = "mysfits-clicks"
PLACEMENT = Placement(STACK, ACCOUNT, cast("Any", None), Time().pace)


@dataclass(frozen=True)
class Thing:
    """A resource that only has a desired state: decide calls no verb."""

    desired: Properties = field(default_factory=lambda: {"Size": 2, "Colour": "red"})
    name: str = "thing"
    type: ClassVar[str] = "Test::Thing"

    @property
    def placement(self) -> Placement:
        return PLACEMENT

    def template(self) -> Template:
        raise AssertionError("decide describes nothing")

    def read(self) -> Observed | None:
        raise AssertionError("decide reads nothing")

    def create(self) -> None:
        raise AssertionError("decide makes nothing")

    def update(self, diff: Diff) -> None:
        raise AssertionError("decide changes nothing")

    def tag(self, arn: str) -> None:
        raise AssertionError("decide tags nothing")

    def delete(self) -> None:
        raise AssertionError("decide deletes nothing")

    def settle(self) -> None:
        raise AssertionError("decide waits for nothing")


def seen(
    owner: str | None = STACK, *, settled: bool = True, not_ours_reason: str = "", **properties: object
) -> Observed:
    return Observed(
        "id",
        "arn:aws:test:::thing",
        {"Size": 2, "Colour": "red", **properties},
        owner,
        settled=settled,
        not_ours_reason=not_ours_reason,
    )


IN_SYNC: Diff = {}
PRESENT, ABSENT = Goal.PRESENT, Goal.ABSENT

TABLE = [
    # observed, goal, action, status, diff, reason
    (None, PRESENT, Action.CREATE, "missing", IN_SYNC, "what is missing is made"),
    (None, ABSENT, Action.NONE, "missing", IN_SYNC, "what is missing need not be removed"),
    (seen(), PRESENT, Action.NONE, "in-sync", IN_SYNC, "what is as desired is left alone"),
    (
        seen(Size=3),
        PRESENT,
        Action.UPDATE,
        "drifted",
        {"Size": (3, 2)},
        "what differs is changed, and only that",
    ),
    (
        seen(Colour=None),
        PRESENT,
        Action.UPDATE,
        "drifted",
        {"Colour": (None, "red")},
        "what is half made differs",
    ),
    (seen(Extra=1), PRESENT, Action.NONE, "in-sync", IN_SYNC, "what nobody desires does not count"),
    (seen(settled=False), PRESENT, Action.NONE, "in-sync", IN_SYNC, "what AWS still works on is as desired"),
    (seen(), ABSENT, Action.DELETE, "in-sync", IN_SYNC, "what is ours goes"),
    (seen(Size=3), ABSENT, Action.DELETE, "in-sync", IN_SYNC, "what is ours goes, unlooked at"),
    (seen(settled=False), ABSENT, Action.DELETE, "in-sync", IN_SYNC, "what is ours goes, ready or not"),
]


@pytest.mark.parametrize(
    ("observed", "goal", "action", "status", "diff"),
    [pytest.param(*row[:5], id=f"{row[5]} ({row[1].value})") for row in TABLE],
)
def test_decides(observed: Observed | None, goal: Goal, action: Action, status: Status, diff: Diff) -> None:
    resource = Thing()
    change = decide(resource, observed, goal, STACK)
    assert change == Change(resource, action, observed, diff)
    assert change.status == status


@pytest.mark.parametrize("goal", Goal, ids=lambda goal: goal.value)
@pytest.mark.parametrize(
    ("observed", "because"),
    [
        pytest.param(seen(None), "does not carry the tag mysfits-stream:stack", id="untagged"),
        pytest.param(seen("other"), "belongs to stack other", id="another stack's"),
        pytest.param(seen(None, Size=3), "does not carry the tag", id="untagged and differing"),
        pytest.param(seen(""), "does not carry the tag", id="tagged with nothing"),
        pytest.param(seen(STACK.upper()), "belongs to stack MYSFITS-CLICKS", id="in another case"),
        pytest.param(
            seen(None, not_ours_reason="belongs to another account"),
            "exists and belongs to another account, so",
            id="another account's",
        ),
    ],
)
def test_refuses_what_is(observed: Observed, because: str, goal: Goal) -> None:
    with pytest.raises(NotOwnedError) as raised:
        decide(Thing(), observed, goal, STACK)
    text = str(raised.value)
    # One line, with the ARN and the way out.
    assert because in text and observed.arn in text and "\n" not in text
    way_out = "Choose another name" if observed.not_ours_reason else f"tag it mysfits-stream:stack={STACK}"
    assert way_out in text
    # What has an owner, here or in another account, is nothing to adopt.
    assert ("up --adopt" in text) is (not observed.owner and not observed.not_ours_reason)


@pytest.mark.parametrize(
    ("observed", "desired", "expected"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 1.0}, {}),
        ({"a": 1}, {"a": 2}, {"a": (1, 2)}),
        ({}, {"a": 2}, {"a": (None, 2)}),
        ({}, {"a": None}, {}),
        ({"a": 1}, {}, {}),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, {"a": ({"b": [1]}, {"b": [2]})}),
    ],
)
def test_difference_holds_both_values_of_what_differs(
    observed: Properties, desired: Properties, expected: Diff
) -> None:
    assert difference(observed, desired) == expected
