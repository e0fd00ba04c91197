"""The stand-in Mysfits service keeps the workshop's contract."""

from __future__ import annotations

import re
import uuid

import pytest
import requests

from mysfits_stream.local_site.mysfits import handle, mysfits
from mysfits_stream.localcloud.http.messages import Request
from tests.support.cloud import CloudUnderTest

KEYS = {
    "mysfitId",
    "name",
    "species",
    "age",
    "description",
    "goodevil",
    "lawchaos",
    "thumbImageUri",
    "profileImageUri",
}


def test_a_dozen_mysfits_have_every_key_of_the_workshops() -> None:
    assert len(mysfits()) == 12
    assert all(mysfit.keys() == KEYS for mysfit in mysfits())


def test_their_ids_are_uuids_that_the_click_model_accepts() -> None:
    ids = [mysfit["mysfitId"] for mysfit in mysfits()]
    assert len(set(ids)) == len(ids)
    assert all(str(uuid.UUID(one)) == one and re.fullmatch("[A-Za-z0-9_-]{1,64}", one) for one in ids)


def test_every_alignment_is_there() -> None:
    alignments = {(mysfit["goodevil"], mysfit["lawchaos"]) for mysfit in mysfits()}
    assert alignments == {
        (g, o) for g in ("good", "neutral", "evil") for o in ("lawful", "neutral", "chaotic")
    }


def test_the_list_and_each_of_its_members_agree(cloud_server: CloudUnderTest) -> None:
    base = f"{cloud_server.endpoint}/_mysfits"
    answer = requests.get(f"{base}/mysfits", timeout=10)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    for mysfit in answer.json()["mysfits"]:
        one = requests.get(f"{base}/mysfits/{mysfit['mysfitId']}", timeout=10)
        assert (one.json(), one.headers["Access-Control-Allow-Origin"]) == (mysfit, "*")


def test_the_list_can_be_filtered_as_the_workshops_page_does() -> None:
    found = handle(Request("GET", "/", "filter=goodevil&value=Evil"), "/mysfits").json()["mysfits"]
    assert len(found) == 3
    assert {mysfit["goodevil"] for mysfit in found} == {"evil"}


NOT_FOUND = [
    ("/mysfits/nobody", "an id that nobody has"),
    ("/", "no collection"),
    ("/mysfits/a/b", "nothing below a mysfit"),
    ("/mysfits/..%2f..%2fetc%2fpasswd", "no way out of the service"),
]


@pytest.mark.parametrize("path", [pytest.param(path, id=why) for path, why in NOT_FOUND])
def test_what_is_not_there_is_404_that_a_browser_can_read(path: str) -> None:
    answer = handle(Request("GET", "/"), path)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (404, "*")


def test_only_reading_is_served() -> None:
    assert handle(Request("POST", "/"), "/mysfits").status == 405
    assert handle(Request("OPTIONS", "/"), "/mysfits").status == 204
