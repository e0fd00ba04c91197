"""The page, in a browser, with services that answer what the test wants them to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from mysfits_stream.website.pages import Endpoints, own_page

from .accessibility import THEMES, WIDTHS, violations
from .visiting import Visitor

SITE = "http://site.test"
SERVICE = "http://mysfits.test/api"
CLICKS = "http://clicks.test/prod"
CORS = {"Access-Control-Allow-Origin": "*"}


def mysfit(name: str, heart: str = "Good", manners: str = "Lawful", **more: Any) -> dict[str, Any]:
    return {
        "mysfitId": f"id-{name}",
        "name": name,
        "species": "Griffin",
        "age": 212,
        "description": f"All about {name}.",
        "goodevil": heart,
        "lawchaos": manners,
        "thumbImageUri": "",
        "profileImageUri": "",
    } | more


ORLA = mysfit("Orla")
MARROW = mysfit("Marrow", "neutral", "neutral", species="Ghoul")
VEX = mysfit("Vex", "Evil", "Lawful", species="Imp", age=1)
PIM = mysfit("Pim", "Good", "Chaotic", species="Kitsune")
ALL = [ORLA, MARROW, VEX, PIM]


class Services:
    """What the page's services answer, and the clicks that they were sent."""

    def __init__(self) -> None:
        self.mysfits: Any = ALL
        self.mysfits_status = 200
        self.feed: Any = None
        self.endpoint = CLICKS
        self.definition = ""
        self.clicks: list[Any] = []

    def answer(self, route: Any) -> None:
        request = route.request
        endpoints = Endpoints(self.endpoint, SERVICE, click=self.definition)
        files = {
            f"{SITE}/{file.name}": file
            for file in own_page(endpoints, feed="clicks.json" if self.feed else "")
        }
        if request.url == f"{SERVICE}/mysfits":
            route.fulfill(status=self.mysfits_status, json={"mysfits": self.mysfits}, headers=CORS)
        elif request.url == f"{CLICKS}/clicks":
            self.clicks.append(request.post_data_json)
            route.fulfill(json={"status": "accepted"}, headers=CORS)
        elif request.url == f"{SITE}/clicks.json":
            route.fulfill(json=self.feed)
        elif request.url == f"{SITE}/":
            file = files[f"{SITE}/index.html"]
            route.fulfill(body=file.body, content_type=file.content_type)
        elif request.url in files:
            route.fulfill(body=files[request.url].body, content_type=files[request.url].content_type)
        else:
            route.fulfill(status=404)


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def page(visitor: Visitor, services: Services) -> Any:
    visitor.page.route("**/*", services.answer)
    visitor.page.clock.install()
    return visitor.page


@pytest.fixture
def visit(page: Any) -> Callable[[], Any]:
    """Opens the page, and waits for the mysfits."""

    def open_page() -> Any:
        page.goto(f"{SITE}/")
        page.locator("#mysfits[aria-busy=false]").wait_for()
        return page

    return open_page


def names(page: Any) -> list[str]:
    return [str(name) for name in page.locator(".card .name").all_inner_texts()]


def test_every_mysfit_has_a_card(visit: Callable[[], Any], visitor: Visitor) -> None:
    page = visit()
    assert names(page) == ["Orla", "Marrow", "Vex", "Pim"]
    assert page.locator(".card svg").count() == 4
    assert page.locator("#count").inner_text() == "4 mysfits"
    assert page.locator("#arrivals").is_hidden(), "no feed, no panel"
    assert visitor.complaints == []
    assert visitor.hosts == {"site.test", "mysfits.test"}


def test_opening_a_profile_tells_about_the_mysfit_and_records_the_click(
    visit: Callable[[], Any], services: Services, visitor: Visitor
) -> None:
    page = visit()
    page.get_by_role("button", name="Vex").click()
    dialog = page.get_by_role("dialog", name="Vex")
    assert dialog.locator("#profile-description").inner_text() == "All about Vex."
    assert [text.lower() for text in dialog.locator("dd").all_inner_texts()] == ["1 year", "evil", "lawful"]
    with page.expect_response(f"{CLICKS}/clicks"):
        page.clock.run_for(1000)
    assert without_ids(services.clicks) == [{"userId": "guest", "mysfitId": "id-Vex"}]
    page.get_by_role("button", name="Close the profile").click()
    assert page.get_by_role("dialog").count() == 0
    assert visitor.complaints == []


def test_the_keyboard_alone_opens_and_closes_a_profile(visit: Callable[[], Any], services: Services) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the mysfits"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.querySelector('.name').textContent") == "Orla"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog", name="Marrow").is_visible()
    assert page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    assert page.evaluate("document.activeElement.querySelector('.name').textContent") == "Marrow"
    with page.expect_response(f"{CLICKS}/clicks"):
        page.clock.run_for(1000)
    assert without_ids(services.clicks) == [{"userId": "guest", "mysfitId": "id-Marrow"}]


def test_a_click_beside_the_dialog_closes_it(visit: Callable[[], Any]) -> None:
    page = visit()
    page.get_by_role("button", name="Orla").click()
    page.get_by_role("heading", name="Orla").click()
    assert page.get_by_role("dialog").is_visible()
    page.mouse.click(5, 5)
    assert page.get_by_role("dialog").count() == 0


@pytest.mark.parametrize(
    ("heart", "manners", "left"),
    [
        ("Good", "Any", ["Orla", "Pim"]),
        ("Any", "Lawful", ["Orla", "Vex"]),
        ("Good", "Chaotic", ["Pim"]),
        ("Neutral", "Neutral", ["Marrow"]),
        ("Evil", "Chaotic", []),
    ],
)
def test_filters_narrow_the_grid(visit: Callable[[], Any], heart: str, manners: str, left: list[str]) -> None:
    page = visit()
    page.get_by_role("group", name="Heart").get_by_role("radio", name=heart).check()
    page.get_by_role("group", name="Manners").get_by_role("radio", name=manners).check()
    assert names(page) == left
    assert page.locator("#count").inner_text() == f"{len(left)} of 4 mysfits"


def test_what_a_service_says_is_text_and_never_markup(
    visit: Callable[[], Any], services: Services, visitor: Visitor
) -> None:
    evil = "<img src=x onerror='document.title=1'><script>document.title=2</script>"
    services.mysfits = [dict.fromkeys(ORLA, evil) | {"thumbImageUri": "", "profileImageUri": ""}]
    page = visit()
    page.locator(".card").click()
    assert page.locator("#profile-name").inner_text() == evil
    assert page.locator("#profile-description").inner_text() == evil
    assert page.locator("#profile-age").inner_text() == "unknown"
    assert page.title() == "Mythical Mysfits"
    assert page.locator("main img, dialog img, main script, dialog script").count() == 0
    page.clock.run_for(5000)
    assert services.clicks == [], "no such mysfitId can be meant"
    assert visitor.complaints == []


def test_pictures_come_from_the_sites_own_hosts_or_not_at_all(
    visit: Callable[[], Any], page: Any, services: Services, visitor: Visitor
) -> None:
    services.mysfits = [
        mysfit(
            "Elsewhere", thumbImageUri="https://elsewhere.test/a.png", profileImageUri="//elsewhere.test/a"
        ),
        mysfit("Broken", thumbImageUri="http://mysfits.test/missing.png"),
        mysfit("Odd", thumbImageUri="javascript:alert(1)"),
    ]
    with page.expect_response("http://mysfits.test/missing.png"):
        visit()
    assert page.locator(".card svg").count() == 3, "ours stands in for each"
    assert visitor.hosts == {"site.test", "mysfits.test"}


def test_a_picture_of_the_service_takes_the_drawings_place(
    visit: Callable[[], Any], page: Any, services: Services
) -> None:
    picture = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
    page.route(
        "http://mysfits.test/orla.svg",
        lambda route: route.fulfill(body=picture, content_type="image/svg+xml"),
    )
    services.mysfits = [mysfit("Orla", thumbImageUri="/orla.svg")]
    visit().locator(".card img[src='http://mysfits.test/orla.svg']").wait_for()


def test_a_service_that_is_down_is_explained_and_can_be_tried_again(
    visit: Callable[[], Any], services: Services
) -> None:
    services.mysfits_status = 503
    page = visit()
    assert "cannot be reached (it answered 503)" in page.get_by_role("alert").inner_text()
    services.mysfits_status = 200
    page.get_by_role("button", name="Try again").click()
    page.locator(".card").first.wait_for()
    assert page.get_by_role("alert").is_hidden()


def without_ids(clicks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Clicks without their ids, which differ from each other."""
    assert len({click["clickId"] for click in clicks}) == len(clicks)
    return [{name: value for name, value in click.items() if name != "clickId"} for click in clicks]


def enriched(number: int, who: dict[str, Any], **others: Any) -> dict[str, Any]:
    keys = ("mysfitId", "goodevil", "lawchaos", "species")
    click = {"userId": "guest", **{key: who[key] for key in keys}, "clickedAt": "2026-01-01T00:00:00.000Z"}
    key = "firehose/2026/01/01/00/x"
    return {"id": f"{key}#{number}", "key": key, "click": click | others}


def test_the_panel_shows_clicks_as_they_land(
    visit: Callable[[], Any], services: Services, visitor: Visitor
) -> None:
    services.feed = {"total": 0, "clicks": []}
    page = visit()
    panel = page.get_by_role("complementary", name="Arrived in the bucket")
    panel.get_by_text("Nothing yet").wait_for()

    services.feed = {"total": 1, "clicks": [enriched(0, ORLA)]}
    page.clock.run_for(1000)
    panel.get_by_text("1 enriched click in S3").wait_for()
    assert panel.get_by_role("listitem").locator("b").all_inner_texts() == ["Orla"]
    panel.get_by_role("listitem").first.evaluate("row => { row.dataset.seen = 'before' }")

    services.feed = {"total": 2, "clicks": [enriched(1, VEX), enriched(0, ORLA)]}
    page.clock.run_for(1000)
    panel.get_by_text("2 enriched clicks in S3").wait_for()
    rows = panel.get_by_role("listitem")
    assert rows.locator("b").all_inner_texts() == ["Vex", "Orla"]
    assert rows.nth(1).get_attribute("data-seen") == "before", "what is known stays where it is"
    assert "Imp · Evil · Lawful" in rows.first.inner_text()
    assert visitor.complaints == []


def test_names_of_clicks_appear_once_the_service_is_reached_again(
    visit: Callable[[], Any], services: Services
) -> None:
    services.mysfits_status, services.feed = 503, {"total": 1, "clicks": [enriched(0, ORLA)]}
    page = visit()
    name = page.locator("#arrivals-list b")
    page.clock.run_for(1000)
    name.get_by_text("id-Orla").wait_for()
    services.mysfits_status = 200
    page.get_by_role("button", name="Try again").click()
    page.locator(".card").first.wait_for()
    page.clock.run_for(1000)
    name.get_by_text("Orla", exact=True).wait_for()


def test_the_keyboard_reaches_and_scrolls_the_list_of_arrivals(
    visit: Callable[[], Any], services: Services
) -> None:
    services.feed = {"total": 40, "clicks": [enriched(number, ORLA) for number in range(40)]}
    page = visit()
    arrivals = page.get_by_role("list", name="Enriched clicks, newest first")
    arrivals.get_by_role("listitem").last.wait_for()
    assert arrivals.evaluate("list => list.scrollHeight > list.clientHeight")
    page.locator(".card").last.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "arrivals-list"
    page.keyboard.press("End")
    arrivals.evaluate(
        """list => new Promise((done) => {
            if (list.scrollTop > 0) done();
            list.addEventListener("scroll", done, { once: true });
        })"""
    )


def test_without_a_stack_the_page_works_and_says_what_is_missing(
    visit: Callable[[], Any], services: Services, visitor: Visitor
) -> None:
    services.endpoint, services.feed = "", {"total": 0, "clicks": []}
    page = visit()
    page.get_by_text("run mysfits-stream up").wait_for()
    page.get_by_role("button", name="Orla").click()
    assert page.get_by_role("dialog", name="Orla").is_visible()
    page.clock.run_for(5000)
    assert services.clicks == []
    assert visitor.complaints == []


@pytest.mark.parametrize("size", [(320, 640), (390, 844), (768, 1024), (1920, 1080)], ids=str)
def test_nothing_is_wider_than_the_screen(
    visit: Callable[[], Any], page: Any, services: Services, size: tuple[int, int]
) -> None:
    services.mysfits = [*ALL, mysfit("A" * 60, species="B" * 60, description="C" * 200)]
    services.feed = {"total": 1, "clicks": [enriched(0, ORLA, userId="u" * 128, species="s" * 64)]}
    page.set_viewport_size({"width": size[0], "height": size[1]})
    visit()
    page.get_by_role("listitem").filter(has_text="uuu").wait_for()
    page.locator(".card").last.click()
    widest = page.evaluate("document.documentElement.scrollWidth")
    box = page.get_by_role("dialog").bounding_box()
    assert widest <= size[0]
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]
    assert box["height"] <= size[1]


def test_filters_and_names_fit_a_narrow_screen(
    visit: Callable[[], Any], page: Any, services: Services
) -> None:
    services.mysfits = [mysfit("Ghoulie McGhoulface"), mysfit("Thunderous Triceratops")]
    page.set_viewport_size({"width": 320, "height": 640})
    visit()
    for group in ("Heart", "Manners"):
        labels = page.get_by_role("group", name=group).locator("label")
        tops = {box["y"] for box in (labels.nth(index).bounding_box() for index in range(4))}
        assert len(tops) == 1, f"{group}: all choices stand in one row"
    for name in page.locator(".card .name").all():
        assert name.evaluate("name => name.scrollWidth <= name.clientWidth")
        assert name.bounding_box()["height"] < 3 * 20, "no name takes more than two lines"


def test_without_javascript_the_page_says_so_and_offers_nothing_that_needs_it(
    chromium: Any, services: Services
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.route("**/*", services.answer)
        page.goto(f"{SITE}/")
        said = page.locator(".noscript")
        assert "need JavaScript" in said.inner_text()
        assert said.bounding_box()["y"] < 400
        assert page.locator("#filters").is_hidden()
        assert page.locator("#grid").bounding_box()["height"] < 1
        assert page.locator("[aria-busy=true]").count() == 0
    finally:
        context.close()


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    def luminance(colour: tuple[float, ...]) -> float:
        parts = [c / 255 for c in colour]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible_in_light_and_dark(
    visit: Callable[[], Any], page: Any, services: Services, scheme: str
) -> None:
    services.feed = {"total": 1, "clicks": [enriched(0, ORLA)]}
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    visit()
    page.locator("#arrivals-list li").first.wait_for()
    page.get_by_role("button", name="Orla").first.click()
    pairs = page.evaluate(
        """(texts) => [...document.querySelectorAll(texts)]
            .filter((element) => element.checkVisibility() && element.textContent.trim())
            .map((element) => {
                const paper = (under) => getComputedStyle(under).backgroundColor;
                let under = element;
                while (paper(under) === "rgba(0, 0, 0, 0)") under = under.parentElement;
                return [element.textContent, getComputedStyle(element).color, paper(under)];
            })""",
        "h1, h2, p, dt, dd, b, legend, .name, .species, .badge, .enriched, label span",
    )
    assert len(pairs) > 20
    for text, *colours in pairs:
        ink, paper = (tuple(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) for colour in colours)
        assert contrast(ink, paper) >= 4.5, text


def test_a_species_that_nobody_heard_of_has_a_face_too(visit: Callable[[], Any], services: Services) -> None:
    services.mysfits = [
        mysfit("A", species="Wuggle"),
        mysfit("B", species="Zorbat"),
        mysfit("C", species="Wuggle"),
        mysfit("D", species=None, goodevil=None, lawchaos=None),
    ]
    page = visit()
    faces = page.locator(".card svg").evaluate_all("drawings => drawings.map((drawing) => drawing.outerHTML)")
    assert len(set(faces)) == 4
    assert all(len(face) > 1000 for face in faces)
    assert not any("undefined" in face or "NaN" in face for face in faces)


def leader(mysfit: dict[str, Any], clicks: int, **more: Any) -> dict[str, Any]:
    return {"key": mysfit["mysfitId"], "name": mysfit["name"], "clicks": clicks} | more


def test_the_leaderboard_shows_who_is_clicked_most(
    visit: Callable[[], Any], services: Services, visitor: Visitor
) -> None:
    services.feed = {"total": 0, "clicks": [], "leaders": []}
    page = visit()
    page.get_by_text("Nothing yet").wait_for()
    assert page.locator("#leaders").is_hidden()
    services.feed = {
        "total": 7,
        "clicks": [enriched(0, ORLA)],
        "leaders": [leader(VEX, 4), leader(ORLA, 2, name=None), leader(PIM, 1, key="unknown", name=None)],
    }
    page.clock.run_for(1000)
    rows = page.get_by_role("region", name="Most clicked").get_by_role("listitem")
    rows.nth(2).wait_for()
    assert rows.locator("b").all_inner_texts() == ["Vex", "Orla", "unknown"]
    assert rows.locator("span").all_inner_texts() == ["4", "2", "1"]
    assert [bar.get_attribute("value") for bar in rows.locator("meter").all()] == ["4", "2", "1"]
    rows.first.evaluate("row => { row.dataset.seen = 'before' }")
    page.clock.run_for(3000)
    assert rows.first.get_attribute("data-seen") == "before", "an unchanged list is left alone"
    assert visitor.complaints == []


def test_a_hostile_name_in_the_leaderboard_is_text(visit: Callable[[], Any], services: Services) -> None:
    name = "<img src=x onerror=alert(1)>"
    services.feed = {"total": 1, "clicks": [], "leaders": [leader(ORLA, 1, name=name)]}
    page = visit()
    page.get_by_role("region", name="Most clicked").get_by_text(name).wait_for()
    assert page.locator("#leaders img").count() == 0


@pytest.mark.parametrize(("width", "shown"), [(390, True), (1280, False)])
def test_on_a_phone_a_note_says_that_the_own_click_has_landed(
    visit: Callable[[], Any], page: Any, services: Services, visitor: Visitor, width: int, shown: bool
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    services.feed = {"total": 1, "clicks": [enriched(0, ORLA, clickId="somebody-elses")]}
    visit()
    note = page.locator("#landed")
    page.locator("#arrivals-list li").wait_for()
    assert note.is_hidden(), "a click of another visitor"
    with page.expect_response(f"{CLICKS}/clicks"):
        page.get_by_role("button", name="Vex").click()
        page.clock.run_for(1000)
    [click] = services.clicks
    services.feed = {"total": 2, "clicks": [enriched(1, VEX, clickId=click["clickId"])]}
    page.clock.run_for(1000)
    page.locator("#arrivals-list b").get_by_text("Vex").wait_for(state="attached")
    if shown:
        note.get_by_text("Your click on Vex has landed in S3.").wait_for()
        box, dialog = note.bounding_box(), page.get_by_role("dialog").bounding_box()
        middle = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        assert dialog
        top = "at => document.elementFromPoint(at.x, at.y).id"
        assert page.evaluate(top, middle) == "landed", "above the open profile"
        page.clock.run_for(4000)
        note.wait_for(state="hidden")
    assert note.is_hidden()
    assert visitor.complaints == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing(
    visit: Callable[[], Any], page: Any, services: Services, width: int, theme: str
) -> None:
    services.feed = {
        "total": 40,
        "clicks": [enriched(number, ORLA) for number in range(40)],
        "leaders": [leader(VEX, 4), leader(ORLA, 2)],
    }
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    visit()
    page.locator("#leaders li").nth(1).wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="Vex").click()
    page.get_by_role("dialog").wait_for()
    assert violations(page) == []
    page.keyboard.press("Escape")
    services.mysfits_status = 503
    page.reload()
    page.get_by_role("button", name="Try again").wait_for()
    assert violations(page) == []


def test_the_page_follows_a_definition_with_another_user_and_key(
    visit: Callable[[], Any], page: Any, services: Services, visitor: Visitor
) -> None:
    services.definition = json.dumps(
        {
            "fields": {
                "visitorId": {"type": "string", "maxLength": 64, "required": True},
                "itemId": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "required": True},
                "campaign": {"type": "string", "maxLength": 64, "required": False},
            },
            "user": "visitorId",
            "key": "itemId",
        }
    )
    services.feed = {
        "total": 1,
        "clicks": [
            {
                "id": "firehose/1#0",
                "key": "firehose/1",
                "click": {
                    "visitorId": "v-1",
                    "itemId": VEX["mysfitId"],
                    "clickedAt": "2026-01-01T00:00:00.000Z",
                },
            }
        ],
        "leaders": [leader(VEX, 1, name=None)],
    }
    page.add_init_script("localStorage.setItem('visitorId', 'v-17')")
    visit()
    with page.expect_response(f"{CLICKS}/clicks"):
        page.get_by_role("button", name="Vex").click()
        page.clock.run_for(1000)
    [click] = services.clicks
    assert click == {"visitorId": "v-17", "itemId": VEX["mysfitId"], "clickId": click["clickId"]}
    arrival = page.locator("#arrivals-list li")
    assert arrival.locator("b").inner_text() == "Vex"
    assert "by v-1," in arrival.inner_text()
    assert page.locator("#leaders b").all_inner_texts() == ["Vex"]
    assert visitor.complaints == []
