"""The local cloud's website: the page knows its endpoints, the feed knows what landed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from mysfits_stream.local_site.page import SHOWN, Landed, Site
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.localcloud.http.routes import RouteTable
from mysfits_stream.website.pages import Endpoints

ENDPOINTS = Endpoints(
    clicks="http://127.0.0.1:4000/restapis/abc/prod/_user_request_", mysfits="http://127.0.0.1:4000/_mysfits"
)


def site(endpoints: Endpoints = ENDPOINTS, landed: Iterable[Landed] = ()) -> Site:
    return Site(lambda: endpoints, lambda: landed)


def ask(site: Site, method: str, path: str) -> Response:
    return RouteTable(site.routes()).find(Request(method, path)).answer()


def line(mysfit: str, second: int = 0, **more: Any) -> str:
    click = {
        "userId": "guest",
        "mysfitId": mysfit,
        "goodevil": "good",
        "lawchaos": "lawful",
        "species": "Griffin",
        "clickedAt": f"2026-01-01T00:00:{second:02}.000Z",
    }
    return json.dumps(click | more) + "\n"


def landed(key: str, modified: float, body: str) -> Landed:
    return Landed(key, modified, lambda: body.encode())


@pytest.mark.parametrize("path", ["/_site/", "/_site/index.html"])
def test_the_page_is_served_with_the_endpoints_of_the_moment(path: str) -> None:
    response = ask(site(), "GET", path)
    page = response.body.decode()
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f'content="{ENDPOINTS.clicks}"' in page
    assert f'content="{ENDPOINTS.mysfits}"' in page
    assert '<meta name="clicks-feed" content="clicks.json">' in page
    assert "connect-src 'self' http://127.0.0.1:4000;" in page


def test_the_page_is_served_before_anything_is_deployed() -> None:
    response = ask(site(Endpoints(clicks="", mysfits=ENDPOINTS.mysfits)), "GET", "/_site/")
    assert response.status == 200
    assert b'<meta name="clicks-endpoint" content=""' in response.body


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("page.js", "text/javascript; charset=utf-8"),
        ("clicks.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
    ],
)
def test_its_files_are_served_and_never_kept(name: str, content_type: str) -> None:
    response = ask(site(), "GET", f"/_site/{name}")
    assert (response.status, response.headers["Content-Type"]) == (200, content_type)
    assert response.headers["Cache-Control"] == "no-store"


def test_without_the_slash_the_page_is_one_step_away() -> None:
    response = ask(site(), "GET", "/_site")
    assert (response.status, response.headers["Location"]) == (301, "/_site/")


@pytest.mark.parametrize("path", ["/_site/nothing.js", "/_site/../config.yaml", "/_site/%2e%2e/config.yaml"])
def test_nothing_else_is_served(path: str) -> None:
    assert ask(site(), "GET", path).status == 404


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_the_site_is_read_only(method: str) -> None:
    assert ask(site(), method, "/_site/").status == 405


def test_the_feed_of_an_empty_bucket_is_empty() -> None:
    assert ask(site(), "GET", "/_site/clicks.json").json() == {"total": 0, "clicks": [], "leaders": []}


def test_the_feed_tells_the_newest_clicks_first() -> None:
    objects = [
        landed("firehose/1", 10.0, line("a", 1) + line("b", 2)),
        landed("firehose/2", 20.0, line("c", 3)),
    ]
    feed = ask(site(landed=objects), "GET", "/_site/clicks.json").json()
    assert feed["total"] == 3
    assert [found["click"]["mysfitId"] for found in feed["clicks"]] == ["c", "b", "a"]
    assert feed["clicks"][0] == {
        "id": "firehose/2#0",
        "key": "firehose/2",
        "click": json.loads(line("c", 3)),
    }
    assert len({click["id"] for click in feed["clicks"]}) == 3


def test_a_long_history_is_counted_and_not_told() -> None:
    objects = [landed(f"firehose/{n}", n, line(f"m{n}-0", n) + line(f"m{n}-1", n)) for n in range(50)]
    feed = site(landed=objects).feed()
    assert feed["total"] == 100
    assert len(feed["clicks"]) == SHOWN
    assert feed["clicks"][0]["click"]["mysfitId"] == "m49-1"


def test_the_feed_shows_each_click_once_and_no_test_clicks() -> None:
    objects = [
        landed("firehose/1", 1, line("a", 1, clickId="one-of-two") + line("old", 1) + line("old", 1)),
        landed(
            "firehose/2", 2, line("a", 1, clickId="one-of-two") + line("b", 2).replace("}", ', "test": true}')
        ),
    ]
    feed = site(landed=objects).feed()
    assert feed["total"] == 3
    assert [(found["key"], found["click"]["mysfitId"]) for found in feed["clicks"]] == [
        ("firehose/1", "old"),
        ("firehose/1", "old"),
        ("firehose/1", "a"),
    ]


def test_each_object_is_read_once_and_forgotten_with_the_bucket() -> None:
    reads: list[str] = []

    def body(key: str) -> bytes:
        reads.append(key)
        return line(key).encode()

    objects = [Landed("a", 1, lambda: body("a"))]
    served = Site(lambda: ENDPOINTS, lambda: objects)
    served.feed()
    objects.append(Landed("b", 2, lambda: body("b")))
    assert served.feed()["total"] == 2
    assert reads == ["a", "b"]

    objects.clear()
    assert served.feed() == {"total": 0, "clicks": [], "leaders": []}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="an empty object"),
        pytest.param("not json\n", id="not JSON"),
        pytest.param("[1]\n7\nnull\n", id="no object"),
        pytest.param('{"userId": "guest", "mysfitId": "m"}\n', id="a click that was not enriched"),
        pytest.param('{"userId": "guest", "mysf', id="half a line"),
    ],
)
def test_what_is_no_enriched_click_is_left_out(body: str) -> None:
    assert site(landed=[landed("k", 1, body + "\n" + line("m"))]).feed()["total"] == 1


def test_the_leaderboard_counts_each_click_once_and_names_what_it_can() -> None:
    lines = [line("a", second, clickId=f"click-{second}") for second in range(3)]
    lines += [line("b", 3, name="Bea"), line("b", 4, clickId="click-0"), line("c", 5, test=True)]
    board = site(landed=[landed("firehose/1", 1, "".join(lines))]).feed()["leaders"]
    assert board == [
        {"key": "a", "name": None, "clicks": 3},
        {"key": "b", "name": "Bea", "clicks": 1},
    ]


def test_the_leaderboard_follows_the_definition_of_the_click() -> None:
    shop = replace(ENDPOINTS, click='{"fields": {}, "user": null, "key": "productId"}')
    found = landed("firehose/1", 1, "".join(line("x", n, productId=f"p{n % 7}") for n in range(50)))
    board = site(shop, [found]).feed()["leaders"]
    assert [each["key"] for each in board] == ["p0", "p1", "p2", "p3", "p4"]
    assert [each["clicks"] for each in board] == [8, 7, 7, 7, 7]
    nothing = replace(shop, click='{"fields": {}, "user": null, "key": null}')
    assert site(nothing, [found]).feed()["leaders"] == []
