"""clicks.js alone in a real browser; the test sets its time, network and chance."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.website.pages import Endpoints, snippet

from .visiting import Visitor

SCRIPTS = {
    "clicks.js": Path(__file__).parents[2] / "mysfits_stream" / "web" / "clicks.js",
    "world.js": Path(__file__).with_name("world.js"),
}
SITE = "http://site.test"

Play = Callable[..., Any]


@pytest.fixture
def play(visitor: Visitor) -> Play:
    """Runs a story, the body of a JavaScript function that knows ``world`` and ``recorder``."""

    def respond(route: Any) -> None:
        name = route.request.url.removeprefix(f"{SITE}/")
        if name in SCRIPTS:
            route.fulfill(body=SCRIPTS[name].read_text(), content_type="text/javascript")
        else:
            route.fulfill(body="<!DOCTYPE html><title>A site</title>", content_type="text/html")

    visitor.page.route("**/*", respond)
    visitor.page.goto(f"{SITE}/")

    def run(story: str, **world: Any) -> Any:
        return visitor.page.evaluate(
            f"""async (options) => {{
                const {{ makeWorld }} = await import("/world.js");
                const world = makeWorld(options);
                const recorder = world.open();
                {story}
            }}""",
            world,
        )

    return run


def test_a_click_alone_is_sent_as_the_workshops_page_sends_it(play: Play) -> None:
    request = play(
        "recorder.record('a-1'); await world.pass(999); const early = world.requests.length;"
        "await world.pass(1); return { early, ...world.requests[0], pending: recorder.pending };"
    )
    assert request["early"] == 0
    assert request["url"] == "https://api.test/prod/clicks"
    assert request["method"] == "PUT"
    assert request["headers"] == {"Content-Type": "application/json"}
    click = json.loads(request["body"])
    assert re.fullmatch("[0-9a-f-]{32,36}", click.pop("clickId"))
    assert click == {"userId": "guest", "mysfitId": "a-1"}
    assert request["keepalive"] is True
    assert request["credentials"] == "omit"
    assert request["pending"] == 0


def test_clicks_of_one_moment_share_a_request(play: Play) -> None:
    story = """
        for (let i = 0; i < 10; i++) { recorder.record(`m${i}`); await world.pass(50); }
        await world.pass(5000);
        return world.seen();
    """
    assert play(story) == [[1000, [f"m{i}" for i in range(10)]]]


def test_no_request_holds_more_than_the_api_accepts(play: Play) -> None:
    story = """
        for (let i = 0; i < 250; i++) recorder.record(`m${i}`);
        await world.pass(10_000);
        return world.requests.map(({ at, clicks }) => [at, clicks.length]);
    """
    assert play(story) == [[1000, 100], [2000, 100], [3000, 50]]
    assert play(story, limits={"clicksPerRequest": 125}) == [[1000, 125], [2000, 125]]


def test_no_request_is_larger_than_a_keepalive_request_may_be(play: Play) -> None:
    story = """
        for (let i = 0; i < 300; i++) recorder.record("m".repeat(64));
        await world.pass(60_000);
        const sizes = world.requests.map(({ body }) => new TextEncoder().encode(body).length);
        return [world.requests.flatMap(({ clicks }) => clicks).length, Math.max(...sizes), sizes.length];
    """
    count, largest, requests = play(story, user="🦄" * 128)
    assert count == 300
    assert 30_000 < largest <= 60_000
    assert requests < 12


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        pytest.param("eve-42", "eve-42", id="the site's userId"),
        pytest.param(None, "guest", id="nobody known"),
        pytest.param("", "guest", id="an empty userId"),
        pytest.param("u" * 128, "u" * 128, id="the longest that the API accepts"),
        pytest.param("u" * 129, "guest", id="longer than the API accepts"),
    ],
)
def test_the_user_is_who_the_site_says_or_a_guest(play: Play, user: str | None, expected: str) -> None:
    story = "recorder.record('m'); await world.pass(1000); return world.requests[0].clicks[0].userId;"
    assert play(story, user=user) == expected


def test_what_is_no_click_is_refused_before_it_spoils_a_batch(play: Play) -> None:
    story = """
        const bad = ["", "a b", "x".repeat(65), "</script>", null, undefined, 7, {}, "é"];
        const taken = bad.map((id) => recorder.record(id));
        recorder.record("good");
        await world.pass(1000);
        return [taken.some(Boolean), world.seen()];
    """
    assert play(story) == [False, [[1000, ["good"]]]]


@pytest.mark.parametrize("answer", ["down", 429, 500, 502, 503, 504])
def test_a_failure_that_may_pass_is_tried_again_ever_more_slowly(play: Play, answer: Any) -> None:
    # With chance at one half, each pause is half of its ceiling: 1 s, 2 s, 4 s ... 60 s.
    story = """
        recorder.record("m");
        await world.pass(200_000);
        return [world.requests.map(({ at }) => at), recorder.pending, world.stored()];
    """
    times, pending, stored = play(story, answers=[answer])
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses[:8] == [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]
    assert pending == 1
    assert stored == ["m"]


@pytest.mark.parametrize(("chance", "second"), [(0.0, 1000), (0.25, 1250), (0.999, 1999)])
def test_pauses_are_spread_over_their_whole_range(play: Play, chance: float, second: int) -> None:
    story = "recorder.record('m'); await world.pass(3000); return world.requests[1].at;"
    assert play(story, answers=[503, 200], random=chance) == second


@pytest.mark.parametrize("status", [400, 403, 404, 413, 415])
def test_what_the_api_will_never_accept_is_sent_once(play: Play, status: int, visitor: Visitor) -> None:
    story = """
        recorder.record("bad");
        await world.pass(60_000);
        recorder.record("good");
        await world.pass(60_000);
        return [world.seen(), recorder.pending, world.stored()];
    """
    assert play(story, answers=[status, 200]) == [[[1000, ["bad"]], [61000, ["good"]]], 0, []]
    assert visitor.complaints == [
        f"clicks: https://api.test/prod/clicks refused 1 click(s) with status {status}"
    ], "whoever builds the page should learn of it"


@pytest.mark.parametrize(
    ("retry_after", "second"),
    [
        pytest.param("7", 8000, id="seconds"),
        pytest.param("Thu, 01 Jan 1970 00:00:31 GMT", 31000, id="a date"),
        pytest.param("soon", 1500, id="nonsense, so the pause is our own"),
        pytest.param("0", 1500, id="no time at all, so the pause is our own"),
    ],
)
def test_the_api_may_ask_for_silence(play: Play, retry_after: str, second: int) -> None:
    story = """
        recorder.record("m");
        await world.pass(1000);
        recorder.record("n");
        await world.hide();
        await world.pass(60_000);
        return world.seen();
    """
    answers = [{"status": 429, "retryAfter": retry_after}, 200]
    asked = retry_after not in ("soon", "0")
    sent = play(story, answers=answers)
    assert sent == [[1000, ["m"]], [second if asked else 1000, ["m", "n"]]]


def test_an_answer_that_never_comes_is_given_up(play: Play) -> None:
    story = "recorder.record('m'); await world.pass(32_000); return world.requests.map(({ at }) => at);"
    assert play(story, answers=["hang", 200]) == [1000, 31500]


def test_one_request_at_a_time_while_the_page_stays(play: Play) -> None:
    story = """
        recorder.record("m");
        await world.pass(1500);
        recorder.record("n");
        await world.pass(20_000);
        return world.seen();
    """
    assert play(story, answers=["hang"]) == [[1000, ["m"]]]


def test_after_a_success_pauses_begin_short_again(play: Play) -> None:
    story = """
        recorder.record("m");
        await world.pass(60_000);
        recorder.record("n");
        await world.pass(60_000);
        return world.requests.map(({ at }) => at);
    """
    assert play(story, answers=[503, 200, 503, 200]) == [1000, 1500, 61000, 61500]


def test_clicks_recorded_while_the_api_is_down_arrive_in_order(play: Play) -> None:
    story = """
        recorder.record("first");
        await world.pass(1100);
        recorder.record("second");
        await world.pass(60_000);
        return [world.seen(), recorder.pending];
    """
    assert play(story, answers=["down", "down", 200]) == [
        [[1000, ["first"]], [1500, ["first", "second"]], [2500, ["first", "second"]]],
        0,
    ]


def test_the_queue_is_bounded_and_the_oldest_clicks_go_first(play: Play) -> None:
    story = """
        for (let i = 0; i < 700; i++) recorder.record(`m${i}`);
        await world.pass(1100);
        for (let i = 700; i < 800; i++) recorder.record(`m${i}`);
        await world.pass(1100);
        const stored = world.stored();
        return [recorder.pending, stored.length, stored[0], stored.at(-1)];
    """
    assert play(story, answers=["down"]) == [500, 500, "m300", "m799"]


def test_hiding_the_page_sends_at_once(play: Play) -> None:
    story = """
        recorder.record("m");
        await world.pass(10);
        await world.hide();
        world.leave();
        await world.pass(60_000);
        return world.seen();
    """
    assert play(story) == [[10, ["m"]]]


def test_leaving_sends_what_fits_and_keeps_the_rest_for_the_next_page(play: Play) -> None:
    story = """
        for (let i = 0; i < 400; i++) recorder.record("m".repeat(64));
        world.leave();
        const sizes = world.requests.map(({ body }) => new TextEncoder().encode(body).length);
        const sent = world.requests.flatMap(({ clicks }) => clicks).length;
        return [sizes.reduce((a, b) => a + b), sent, world.stored().length];
    """
    size, sent, kept = play(story, answers=["hang"], user="🦄" * 128)
    assert 40_000 < size <= 60_000
    assert sent > 0
    assert kept == 400 - sent


def test_what_is_on_its_way_counts_against_what_may_be_sent_when_leaving(play: Play) -> None:
    story = """
        for (let i = 0; i < 400; i++) recorder.record("m".repeat(64));
        await world.pass(1000);
        world.leave();
        return world.requests.map(({ body }) => new TextEncoder().encode(body).length);
    """
    sizes = play(story, answers=["hang"], user="🦄" * 128)
    assert sum(sizes) <= 60_000


def test_the_next_page_does_not_count_a_click_twice(play: Play) -> None:
    story = """
        recorder.record("m");
        world.leave();
        world.open();
        await world.pass(60_000);
        return world.seen();
    """
    assert play(story, answers=[200]) == [[0, ["m"]]]


@pytest.mark.parametrize("reason", ["the API was failing", "the browser is offline"])
def test_the_next_page_sends_what_the_last_one_could_not(play: Play, reason: str) -> None:
    story = f"""
        const offline = {json.dumps(reason == "the browser is offline")};
        recorder.record("m");
        if (offline) world.online = false; else await world.pass(1000);
        world.leave();
        const before = world.requests.length;
        world.open();
        await world.pass(60_000);
        return [world.seen().slice(before), world.stored()];
    """
    sent, stored = play(story, answers=["down", 200] if "offline" in reason else ["down", "down", 200])
    assert [clicks for _, clicks in sent] == [["m"]]
    assert stored == []


def test_clicks_outlive_a_crash_of_the_page_those_in_flight_too(play: Play) -> None:
    story = """
        recorder.record("m");
        await world.pass(1000);
        recorder.record("n");
        world.crash();
        world.open();
        await world.pass(60_000);
        return world.seen();
    """
    assert play(story, answers=["hang", 200]) == [[1000, ["m"]], [2000, ["m", "n"]]]


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("{not json", id="not JSON"),
        pytest.param('"text"', id="not a list"),
        pytest.param("null", id="nothing"),
        pytest.param('[1, null, {"userId": "", "mysfitId": "m"}, {"mysfitId": "m"}]', id="not clicks"),
    ],
)
def test_corrupt_storage_is_ignored(play: Play, stored: str) -> None:
    story = "recorder.record('m'); await world.pass(60_000); return world.seen();"
    assert play(story, stored={"clicks https://api.test/prod/clicks": stored}) == [[1000, ["m"]]]


def test_of_stored_clicks_only_what_the_api_knows_is_sent(play: Play) -> None:
    stored = json.dumps([{"userId": "eve", "mysfitId": "m", "extra": 1}])
    story = "await world.pass(1000); return world.requests[0].clicks;"
    assert play(story, stored={"clicks https://api.test/prod/clicks": stored}) == [
        {"userId": "eve", "mysfitId": "m"}
    ]


def test_storage_that_is_forbidden_costs_only_the_memory_of_it(play: Play, visitor: Visitor) -> None:
    story = "recorder.record('m'); await world.pass(60_000); world.leave(); return world.seen();"
    assert play(story, broken=True) == [[1000, ["m"]]]
    assert visitor.complaints == []


def test_the_snippet_alone_records_marked_elements(visitor: Visitor) -> None:
    sent: list[Any] = []

    def respond(route: Any) -> None:
        if route.request.url == f"{SITE}/clicks.js":
            route.fulfill(body=SCRIPTS["clicks.js"].read_text(), content_type="text/javascript")
        elif route.request.url == f"{SITE}/prod/clicks":
            sent.append(route.request.post_data_json)
            route.fulfill(json={"status": "accepted"})
        else:
            route.fulfill(
                content_type="text/html",
                body="<!DOCTYPE html>"
                + snippet(Endpoints(clicks=f"{SITE}/prod", mysfits="", clicks_per_request=2))
                + '<button data-record-click="a">A <b>bold</b> button</button><button id="other">B</button>',
            )

    page = visitor.page
    page.clock.install()
    page.route("**/*", respond)
    page.goto(f"{SITE}/")
    page.locator("b").click()
    page.locator("#other").click()
    page.evaluate("import('/clicks.js').then(({ recordClick }) => { recordClick('b'); recordClick('c'); })")
    with page.expect_response(f"{SITE}/prod/clicks"):
        page.clock.run_for(1100)
    with page.expect_response(f"{SITE}/prod/clicks"):
        page.clock.run_for(1100)
    guest = {"userId": "guest"}
    ids = [
        click.pop("clickId")
        for request in sent
        for click in ([request] if isinstance(request, dict) else request)
    ]
    assert len(set(ids)) == 3
    assert sent == [[guest | {"mysfitId": "a"}, guest | {"mysfitId": "b"}], guest | {"mysfitId": "c"}]
    assert visitor.complaints == []


def test_a_page_without_an_endpoint_records_nothing_and_says_so(play: Play, visitor: Visitor) -> None:
    assert visitor.page.evaluate("import('/clicks.js').then(({ recordClick }) => recordClick('a'))") is False
    assert visitor.complaints == []
