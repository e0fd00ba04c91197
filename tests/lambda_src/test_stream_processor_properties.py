"""The processor's contract with Firehose (F81), for any click and any service."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from typing import Any

import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from mysfits_stream.lambda_src.stream_processor import MAX_ANSWER_BYTES, ServiceError
from tests.support.scripted_mysfits import HYDRA, Reply, ScriptedService, World, click, event, lines, says

MEMBERS = ["userId", "mysfitId", "goodevil", "lawchaos", "species", "name"]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
# Any character there is, and halves of surrogate pairs, which JSON may hold too.
texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=140)
mysfit_ids = st.sampled_from(["hydra-1", "sphinx_2", "m3", "-", "_"]) | texts
clicks = st.fixed_dictionaries({"userId": texts, "mysfitId": mysfit_ids})
nearly_clicks = st.fixed_dictionaries(
    {}, optional={"userId": anything, "mysfitId": anything, "more": anything}
)
documents = clicks | st.lists(clicks | nearly_clicks, max_size=4) | nearly_clicks | anything
contents = st.binary(max_size=60) | documents.map(lambda document: json.dumps(document).encode())
# A record's fields as Firehose would never send them: other values, or none at all.
times = st.integers() | st.integers(-(10**18), 10**18) | st.floats() | st.text() | st.none()
odd_fields = st.fixed_dictionaries(
    {}, optional={"data": anything | texts, "approximateArrivalTimestamp": times | anything}
)
sane_fields = st.builds(lambda content: event(content)["records"][0], contents)
records = st.lists(sane_fields | odd_fields | st.builds(dict.__or__, sane_fields, odd_fields), max_size=6)

mysfits = st.fixed_dictionaries(
    dict.fromkeys(("goodevil", "lawchaos", "species"), texts),
    optional={"mysfitId": mysfit_ids, "more": anything},
)
answers = (mysfits | st.fixed_dictionaries({"mysfits": st.lists(mysfits | anything)}) | anything).map(says)
failures: st.SearchStrategy[Reply] = st.sampled_from(
    [requests.ConnectionError(), requests.ReadTimeout(), requests.exceptions.ContentDecodingError()]
)
replies = answers | st.tuples(st.integers(200, 599), st.binary(max_size=60)) | failures
paths = st.sampled_from(["/mysfits", "/mysfits/hydra-1", "/mysfits/sphinx_2", "/mysfits/m3"])
services = st.builds(ScriptedService, st.dictionaries(paths, replies), replies)

# How long an example takes says how busy the machine is, and nothing else.
unhurried = settings(deadline=None)


def assert_kept(batch: dict[str, Any], answer: dict[str, Any]) -> None:
    """The contract: each record once; Ok with whole lines, or failed; never too large."""
    assert len(json.dumps(answer)) <= MAX_ANSWER_BYTES
    sent = [record["recordId"] for record in batch["records"]]
    assert sorted(record["recordId"] for record in answer["records"]) == sorted(sent)
    for record in answer["records"]:
        assert record["result"] in {"Ok", "ProcessingFailed"}
        for line in lines(record) if record["result"] == "Ok" else []:
            enriched = ["enriched"] if "enriched" in line else []
            assert list(line) == [*MEMBERS, *enriched, "clickedAt", "clickId", "requestId"]


@unhurried
@given(records)
def test_whatever_records_hold_every_record_comes_back_once(odd: list[dict[str, Any]]) -> None:
    batch, world = event(click()), World()
    batch["records"] += [{**record, "recordId": f"odd-{number}"} for number, record in enumerate(odd)]
    answer = world.processor.process(batch, 60)
    assert_kept(batch, answer)
    assert answer["records"][0]["result"] == "Ok", "the others do it no harm"
    assert world.log[-1]["ok"] + sum(world.log[-1]["failed"].values()) == len(batch["records"])


@unhurried
@given(st.lists(contents, max_size=4), services, services)
def test_whatever_the_service_says_the_batch_is_answered_or_comes_again(
    held: list[bytes], before: ScriptedService, after: ScriptedService
) -> None:
    batch, world = event(*held), World(service=before)
    for service in (before, after):
        world.service.replies, world.service.otherwise = service.replies, service.otherwise
        try:
            answer = world.processor.process(batch, 60)
        except ServiceError:
            continue
        finally:
            world.now += 1000
        assert_kept(batch, answer)
    assert len(world.log) == 2


@unhurried
@given(st.lists(contents, max_size=4), services)
def test_only_sane_ids_reach_a_url_and_each_once(held: list[bytes], service: ScriptedService) -> None:
    world = World(service=service)
    with suppress(ServiceError):
        world.process(*held)
    for path, times in service.asked.items():
        assert re.fullmatch("/mysfits(/[A-Za-z0-9_-]{1,64})?", path)
        assert times == 1


@unhurried
@given(st.text(st.characters(codec=None, exclude_categories=()), min_size=1, max_size=128), mysfits)
def test_a_line_is_the_json_that_python_would_write(user: str, mysfit: dict[str, Any]) -> None:
    [record] = World(service=ScriptedService({"/mysfits/hydra-1": says(mysfit)})).process(click(user=user))
    expected = {
        "userId": user,
        "mysfitId": "hydra-1",
        **{name: mysfit[name] for name in ("goodevil", "lawchaos", "species")},
        "name": None,
        "clickedAt": "2017-05-18T02:02:29.453Z",
    }
    written = base64.b64decode(record["data"]).decode()
    identity = {key: json.loads(written)[key] for key in ("clickId", "requestId")}
    assert written == json.dumps(expected | identity) + "\n"


@unhurried
@given(clicks)
def test_a_click_comes_through_whole_or_fails(sent: dict[str, str]) -> None:
    world = World(service=ScriptedService({}, otherwise=says(HYDRA)))
    [record] = world.process(json.dumps(sent).encode())
    if record["result"] == "Ok":
        [line] = lines(record)
        assert sent.items() <= line.items()
    else:
        assert not world.service.asked
