"""From a click in the browser to a line in the bucket, over two origins."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mysfits_stream.config import ApiConfig
from mysfits_stream.config_file import parse
from mysfits_stream.local_site.mysfits import mysfits
from mysfits_stream.website.pages import Endpoints, fill, own_page
from tests.support.cloud import CloudUnderTest
from tests.support.definitions import SHOP
from tests.support.deployment import Deployment

from .network import PATIENCE, Connection, Files, website
from .visiting import Visitor

ORLA = mysfits()[0]


@dataclass
class Pipeline:
    """A deployed stack with a connection to its clicks API, and websites on other origins."""

    stack: Deployment
    connection: Connection
    closing: ExitStack

    @property
    def clicks(self) -> str:
        """The clicks API's base URL, as browsers see it."""
        return self.connection.url + urlsplit(self.stack.clicks_url).path.removesuffix("/clicks")

    @property
    def endpoints(self) -> Endpoints:
        """What a page has to know."""
        return Endpoints(self.clicks, f"{self.stack.cloud.endpoint}/_mysfits")

    def site(self, files: Files) -> str:
        """The origin of a new website with these files."""
        return self.closing.enter_context(website(files))

    def our_site(self) -> str:
        """The origin of a new website with our page."""
        files: Files = {f"/{file.name}": (file.content_type, file.body) for file in own_page(self.endpoints)}
        return self.site(files | {"/": files["/index.html"]})

    def allow(self, *origins: str) -> None:
        """Configure the origins that may send clicks."""
        self.stack.config = replace(self.stack.config, api=ApiConfig(allowed_origins=origins))
        self.stack.up()

    def arrived(self) -> list[Any]:
        """The enriched clicks in the bucket, once everything that was accepted so far is delivered."""
        self.stack.pass_buffers()
        return self.stack.delivered()


@pytest.fixture
def pipeline(local_cloud: CloudUnderTest, tmp_path: Path) -> Iterator[Pipeline]:
    stack = Deployment(local_cloud, tmp_path)
    stack.deploy()
    with ExitStack() as closing:
        connection = Connection(local_cloud.endpoint)
        closing.callback(connection.cut)
        yield Pipeline(stack, connection, closing)


@pytest.fixture
def tapped(visitor: Visitor) -> list[tuple[str, str]]:
    """Every request for clicks that leaves the browser, preflights too, as method and URL."""
    seen: list[tuple[str, str]] = []

    def sent(event: Any) -> None:
        request = event["request"]
        if request["url"].endswith("/clicks"):
            seen.append((request["method"], request["url"]))

    # Below what a page's own events tell of: those leave preflights out.
    session = visitor.page.context.new_cdp_session(visitor.page)
    session.on("Network.requestWillBeSent", sent)
    session.send("Network.enable")
    return seen


def open_page(visitor: Visitor, origin: str) -> Any:
    page = visitor.page
    page.goto(f"{origin}/")
    page.locator("#mysfits[aria-busy=false] .card").first.wait_for()
    return page


def look_at(page: Any, name: str) -> None:
    page.get_by_role("button", name=name).click()
    page.get_by_role("dialog", name=name).wait_for()
    page.keyboard.press("Escape")


def eventually(page: Any, holds: Callable[[], bool]) -> bool:
    """Whether a condition holds in time; the browser works in processes of its own."""
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            return False
        page.wait_for_timeout(50)  # the browser's events are delivered meanwhile
    return True


def test_a_click_on_a_profile_arrives_enriched_in_the_bucket(
    pipeline: Pipeline, visitor: Visitor, tapped: list[tuple[str, str]]
) -> None:
    origin = pipeline.our_site()
    assert origin != pipeline.connection.url
    page = open_page(visitor, origin)

    with page.expect_response(f"{pipeline.clicks}/clicks") as answer:
        look_at(page, "Orla")
    assert answer.value.json() == {"status": "accepted"}

    [click] = pipeline.arrived()
    workshop = ["userId", "mysfitId", "goodevil", "lawchaos", "species"]
    assert list(click) == [*workshop, "name", "clickedAt", "clickId", "requestId"]
    assert re.fullmatch("[0-9a-f-]{36}", click["clickId"])
    assert click["userId"] == "guest"
    assert {key: click[key] for key in ("mysfitId", "goodevil", "lawchaos", "species")} == {
        key: ORLA[key] for key in ("mysfitId", "goodevil", "lawchaos", "species")
    }
    assert sorted(tapped) == [("OPTIONS", f"{pipeline.clicks}/clicks"), ("PUT", f"{pipeline.clicks}/clicks")]
    assert visitor.hosts == {"127.0.0.1"}
    assert visitor.complaints == []


SHOP_PAGE = """<!DOCTYPE html>
<title>A shop</title>
<link rel="icon" href="data:,">
<meta name="clicks-endpoint" content="ENDPOINT" data-click='DEFINITION'>
<script type="module" src="clicks.js"></script>
<button data-record-click="4711" data-click-campaign="may" data-click-quantity="2">Tea</button>
<button data-record-click="not a number">Nothing</button>
"""


@pytest.mark.parametrize("private", [False, True], ids=["a known visitor", "Global Privacy Control"])
def test_a_shops_page_sends_its_own_click_with_its_own_user_field(
    pipeline: Pipeline, visitor: Visitor, private: bool
) -> None:
    shop = parse(SHOP)
    pipeline.stack.config = replace(pipeline.stack.config, click=shop.click, enrich=shop.enrich)
    pipeline.stack.up()
    text = SHOP_PAGE.replace("ENDPOINT", pipeline.clicks).replace("DEFINITION", shop.definition.browser())
    [client] = [file for file in own_page(pipeline.endpoints) if file.name == "clicks.js"]
    origin = pipeline.site(
        {"/": ("text/html", text.encode()), "/clicks.js": (client.content_type, client.body)}
    )
    page = visitor.page
    page.add_init_script("localStorage.setItem('visitorId', 'ada')")
    if private:
        page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    page.goto(f"{origin}/")
    with page.expect_response(f"{pipeline.clicks}/clicks") as answer:
        page.get_by_role("button", name="Nothing").click()
        page.get_by_role("button", name="Tea").click()
    assert answer.value.json() == {"status": "accepted"}
    [click] = pipeline.arrived()
    user = "guest" if private else "ada"
    assert [click[name] for name in ("visitorId", "productId", "campaign", "quantity")] == [
        user,
        "4711",
        "may",
        2,
    ]
    assert visitor.complaints == []


def test_one_preflight_lasts_for_many_requests(
    pipeline: Pipeline, visitor: Visitor, tapped: list[tuple[str, str]]
) -> None:
    page = open_page(visitor, pipeline.our_site())
    for name in ("Orla", "Tumbledown"):
        with page.expect_response(f"{pipeline.clicks}/clicks"):
            look_at(page, name)
    assert sorted(method for method, _ in tapped) == ["OPTIONS", "PUT", "PUT"]


def test_the_keyboard_alone_sends_a_click(pipeline: Pipeline, visitor: Visitor) -> None:
    page = open_page(visitor, pipeline.our_site())
    page.evaluate("localStorage.setItem('userId', 'keyboard-user')")
    page.locator(".card").first.focus()
    with page.expect_response(f"{pipeline.clicks}/clicks"):
        page.keyboard.press("Enter")
    assert page.get_by_role("dialog", name="Orla").is_visible()
    assert [(c["userId"], c["mysfitId"]) for c in pipeline.arrived()] == [("keyboard-user", ORLA["mysfitId"])]


def test_ten_quick_clicks_make_fewer_requests_and_ten_lines(pipeline: Pipeline, visitor: Visitor) -> None:
    page = open_page(visitor, pipeline.our_site())
    names = page.locator(".card .name").all_inner_texts()[:10]
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/clicks")):
        page.evaluate(
            """(count) => [...document.querySelectorAll(".card")].slice(0, count).forEach((card) => {
                card.click();
                document.querySelector("dialog").close();
            })""",
            len(names),
        )
    assert len([url for url in visitor.requested if url.endswith("/clicks")]) < 10
    assert sorted(c["mysfitId"] for c in pipeline.arrived()) == sorted(m["mysfitId"] for m in mysfits()[:10])


@pytest.mark.parametrize("how", ["the tab is closed", "the visitor goes elsewhere"])
def test_the_last_click_before_leaving_arrives(pipeline: Pipeline, visitor: Visitor, how: str) -> None:
    visitor.page.clock.install()  # and it stands still: nothing is sent because time has passed
    page = open_page(visitor, pipeline.our_site())
    other = pipeline.site({"/": ("text/html", b"<title>Elsewhere</title>")})
    page.get_by_role("button", name="Orla").click()
    assert not any(url.endswith("/clicks") for url in visitor.requested), "it waits for others"
    if how == "the tab is closed":
        another = visitor.page.context.new_page()  # or the browser's last tab would be gone
        page.close()
    else:
        another = page
        page.goto(f"{other}/")
    assert eventually(another, lambda: len(pipeline.arrived()) > 0)
    assert [click["mysfitId"] for click in pipeline.arrived()] == [ORLA["mysfitId"]]


def test_clicks_made_while_the_api_is_down_arrive_when_it_is_up(pipeline: Pipeline, visitor: Visitor) -> None:
    page = open_page(visitor, pipeline.our_site())
    pipeline.connection.cut()
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/clicks")):
        look_at(page, "Orla")
    look_at(page, "Tumbledown")
    page.reload()
    page.locator(".card").first.wait_for()
    assert pipeline.arrived() == []

    pipeline.connection.mend()
    look_at(page, "Brambleweft")
    wanted = {"Dryad", "Griffin", "Jackalope"}
    assert eventually(page, lambda: {click["species"] for click in pipeline.arrived()} == wanted)
    assert all("ERR_CONNECTION_REFUSED" in line or "ERR_EMPTY" in line for line in visitor.complaints), (
        "the browser itself tells of the connection, and the page of nothing"
    )


def test_each_of_several_allowed_origins_is_served(pipeline: Pipeline, visitor: Visitor) -> None:
    origins = [pipeline.our_site(), pipeline.our_site()]
    pipeline.allow(*origins)
    for origin, name in zip(origins, ("Orla", "Tumbledown"), strict=True):
        page = open_page(visitor, origin)
        with page.expect_response(f"{pipeline.clicks}/clicks"):
            look_at(page, name)
    assert sorted(click["species"] for click in pipeline.arrived()) == ["Griffin", "Jackalope"]
    assert visitor.complaints == []


@pytest.mark.parametrize(
    "allowed",
    [
        pytest.param(["https://www.example.com"], id="one is allowed"),
        pytest.param(["https://www.example.com", "https://example.com"], id="several are allowed"),
    ],
)
def test_the_browser_refuses_a_foreign_origin(
    pipeline: Pipeline, visitor: Visitor, allowed: list[str]
) -> None:
    pipeline.allow(*allowed)
    page = open_page(visitor, pipeline.our_site())
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/clicks")):
        look_at(page, "Orla")
    assert eventually(page, lambda: any("blocked by CORS policy" in line for line in visitor.complaints))
    assert page.locator(".card").count() == len(mysfits()), "the page goes on as if nothing had happened"
    assert pipeline.arrived() == []


@pytest.mark.parametrize("several", [False, True], ids=["any origin", "several origins"])
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param('{"mysfitId": 1}', "application/json", 400, id="400 from API Gateway's validation"),
        pytest.param("{}", "text/plain", 415, id="415 for another content type"),
    ],
)
def test_a_page_can_read_why_it_was_refused(
    pipeline: Pipeline, visitor: Visitor, several: bool, body: str, content_type: str, status: int
) -> None:
    origin = pipeline.site({"/": ("text/html", b"<!DOCTYPE html><title>Any site</title>")})
    pipeline.allow(*("https://www.example.com", origin) if several else "*")
    visitor.page.goto(f"{origin}/")
    answer = visitor.page.evaluate(
        """async ([url, body, type]) => {
            const response = await fetch(url, { method: "PUT", body, headers: { "Content-Type": type } });
            return [response.status, (await response.json()).message];
        }""",
        [f"{pipeline.clicks}/clicks", body, content_type],
    )
    assert answer[0] == status
    assert answer[1]


def test_a_page_that_names_its_endpoints_as_the_workshops_does_works_once_filled_in(
    pipeline: Pipeline, visitor: Visitor
) -> None:
    source = b"""<!DOCTYPE html>\r\n<title>A page of the workshop's kind</title><ul></ul><script>
    var mysfitsApiEndpoint = 'REPLACE_ME'; // example: 'https://abcd12345.example.com/prod'
    var streamingApiEndpoint = 'REPLACE_ME'; // example: 'https://abcd12345.example.com/prod'
    function recordProfileClick(mysfitId) {
        var request = new XMLHttpRequest();
        request.open('PUT', streamingApiEndpoint + '/clicks');
        request.setRequestHeader('Content-Type', 'application/json');
        request.onload = function () { document.title = request.responseText; };
        request.send(JSON.stringify({ userId: 'guest', mysfitId: mysfitId }));
    }
    var list = new XMLHttpRequest();
    list.open('GET', mysfitsApiEndpoint + '/mysfits');
    list.onload = function () { recordProfileClick(JSON.parse(list.responseText).mysfits[0].mysfitId); };
    list.send();
    </script>"""
    page, _ = fill(source, pipeline.endpoints)
    with visitor.page.expect_response(f"{pipeline.clicks}/clicks"):
        visitor.page.goto(f"{pipeline.site({'/': ('text/html', page)})}/")
    assert [click["species"] for click in pipeline.arrived()] == ["Griffin"]


def test_on_the_local_cloud_the_panel_shows_the_click_once_it_has_landed(
    pipeline: Pipeline, visitor: Visitor
) -> None:
    page = open_page(visitor, f"{pipeline.stack.cloud.endpoint}/_site")
    panel = page.get_by_role("complementary", name="Arrived in the bucket")
    panel.get_by_text("Nothing yet").wait_for()
    with page.expect_response(lambda response: response.url.endswith("/clicks")):
        look_at(page, "Orla")
    assert len(pipeline.arrived()) == 1
    panel.get_by_text("1 enriched click in S3").wait_for()
    assert "1" in page.locator("#leaders li").inner_text()
    assert "griffin · good · lawful" in panel.locator("#arrivals-list li").inner_text().lower()
    assert visitor.complaints == []
    assert visitor.hosts == {"127.0.0.1"}
