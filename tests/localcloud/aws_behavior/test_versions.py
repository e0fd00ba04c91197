"""Reads that show versions, aliases and domain names late, on the clock of a test."""

from __future__ import annotations

import json
from typing import Any

from mysfits_stream.localcloud.aws_behavior.chance import Chance
from mysfits_stream.localcloud.aws_behavior.domain_names import TRANSITIONS, DomainNames
from mysfits_stream.localcloud.aws_behavior.versions import (
    ACTIVE_AFTER,
    CHANGE_SHOWN_AFTER,
    SHOWN_AFTER,
    Versions,
)
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from tests.support.clock import Clock

READS = 40


class Function:
    """One function whose versions and alias change."""

    def __init__(self) -> None:
        self.clock = Clock(0)
        self.versions = Versions(self.clock, Chance(1), "1" * 12)

    def __call__(self, operation: str, document: dict[str, Any] | None = None, **given: str) -> Response:
        call = Call("lambda", operation, "eu-west-1", "f", dict[str, Any](given))
        body = json.dumps(document or {}).encode()
        return self.versions.around(call, lambda: Response(200, {}, body))

    def publish(self, number: str = "1") -> Any:
        return json.loads(self("PublishVersion", {"Version": number, "State": "Active"}).body)

    def statuses(self, operation: str, **given: str) -> set[int]:
        return {self(operation, None, **given).status for _ in range(READS)}


def test_a_new_version_may_be_missed_and_once_seen_is_not() -> None:
    function = Function()
    function.publish()
    answers = [function("GetFunctionConfiguration", Qualifier="1") for _ in range(READS)]
    first = next(number for number, answer in enumerate(answers) if answer.status == 200)
    assert first > 0 and {answer.status for answer in answers[first:]} == {200}
    assert b"Function not found: arn:aws:lambda:eu-west-1:111111111111:function:f:1" in answers[0].body


def test_an_alias_may_miss_the_version_and_an_invocation_meets_its_state() -> None:
    function = Function()
    function.publish()
    assert 404 in function.statuses("UpdateAlias", Name="live", FunctionVersion="1")
    assert 409 in function.statuses("Invoke", Qualifier="1") <= {404, 409}
    function.clock.advance(ACTIVE_AFTER[1])
    assert function.statuses("Invoke", Qualifier="1") == {200}


def test_a_new_version_is_pending_and_an_old_one_is_not_again() -> None:
    function = Function()
    assert function.publish()["State"] == "Pending"
    answers = [function("GetFunction", {"Configuration": {}}, Qualifier="1") for _ in range(READS)]
    states = {json.loads(each.body)["Configuration"]["State"] for each in answers if each.status == 200}
    assert states == {"Pending"}
    function.clock.advance(max(ACTIVE_AFTER[1], SHOWN_AFTER[1]))
    assert function.publish()["State"] == "Active"
    found = function("GetFunctionConfiguration", {"State": "Active"}, Qualifier="1")
    assert json.loads(found.body)["State"] == "Active"


def test_a_changed_alias_is_read_as_before_for_a_while() -> None:
    function = Function()
    function("CreateAlias", {"FunctionVersion": "1"}, Name="live", FunctionVersion="1")
    function.clock.advance(SHOWN_AFTER[1])
    function("UpdateAlias", {"FunctionVersion": "2"}, Name="live", FunctionVersion="2")

    def read() -> str:
        return str(json.loads(function("GetAlias", {"FunctionVersion": "2"}, Name="live").body))

    assert {read() for _ in range(READS)} == {"{'FunctionVersion': '1'}", "{'FunctionVersion': '2'}"}
    function.clock.advance(CHANGE_SHOWN_AFTER[1])
    assert {read() for _ in range(READS)} == {"{'FunctionVersion': '2'}"}


def test_a_function_made_anew_begins_anew() -> None:
    function = Function()
    function.publish()
    function("CreateAlias", {"FunctionVersion": "1"}, Name="live", FunctionVersion="1")
    function("DeleteFunction")
    assert function.statuses("GetAlias", Name="live") == {200}
    assert function.publish()["State"] == "Pending"


def test_a_domain_name_is_pending_then_available_and_updating_after_a_change() -> None:
    clock = Clock(0)
    names = DomainNames(clock, Chance(1))

    def status(operation: str) -> str:
        call = Call("apigateway", operation, "eu-west-1", "", {"domain_name": "c.example.com"})
        body = b'{"domainNameStatus": "AVAILABLE"}'
        answer = names.around(call, lambda: Response(200, {}, body))
        return str(json.loads(answer.body)["domainNameStatus"])

    for operation, (transition, (least, most)) in TRANSITIONS.items():
        assert status(operation) == transition
        clock.advance(least - 0.1)
        assert status("GetDomainName") == transition
        clock.advance(most - least + 0.1)
        assert status("GetDomainName") == "AVAILABLE"
