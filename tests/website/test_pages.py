"""Pages are filled in byte for byte as promised."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from mysfits_stream.errors import SiteError
from mysfits_stream.website import pages
from mysfits_stream.website.pages import Endpoints

CLICKS = "https://abc123.execute-api.eu-west-1.amazonaws.com/prod"
MYSFITS = "https://mysfits.example.com/api"
ENDPOINTS = Endpoints(clicks=CLICKS, mysfits=MYSFITS)

# How the workshop's page names its endpoints, among what has to stay as it is.
WORKSHOP_PAGE = b"""<!DOCTYPE html>
<html><head><script src="https://cdn.example.com/angular.min.js"></script></head>
<body><p title='mysfitsApiEndpoint'>Don't touch: mysfitsApiEndpoint is a word here.</p><script>
    var mysfitsApiEndpoint = 'REPLACE_ME'; // example: 'https://abcd12345.example.com/prod'
    var streamingApiEndpoint = 'REPLACE_ME'; // example: 'https://abcd12345.example.com/prod'
    var cognitoUserPoolId = 'REPLACE_ME';
    var clicksApi = streamingApiEndpoint + '/clicks';
</script></body></html>
"""


def filled(page: bytes, endpoints: Endpoints = ENDPOINTS) -> bytes:
    return pages.fill(page, endpoints)[0]


def test_the_workshops_page_differs_in_the_two_values_only() -> None:
    page, replacements = pages.fill(WORKSHOP_PAGE, ENDPOINTS)

    expected = WORKSHOP_PAGE.replace(
        b"mysfitsApiEndpoint = 'REPLACE_ME'", f"mysfitsApiEndpoint = '{MYSFITS}'".encode()
    ).replace(b"streamingApiEndpoint = 'REPLACE_ME'", f"streamingApiEndpoint = '{CLICKS}'".encode())
    assert page == expected
    assert [(r.variable, r.line, r.before, r.after) for r in replacements] == [
        ("mysfitsApiEndpoint", 4, "'REPLACE_ME'", f"'{MYSFITS}'"),
        ("streamingApiEndpoint", 5, "'REPLACE_ME'", f"'{CLICKS}'"),
    ]


def test_filling_again_with_other_endpoints_is_filling_once() -> None:
    other = Endpoints(clicks="http://127.0.0.1:1/a'b", mysfits="http://127.0.0.1:2")
    assert filled(filled(WORKSHOP_PAGE, other)) == filled(WORKSHOP_PAGE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            b'let streamingApiEndpoint="x"', f'let streamingApiEndpoint="{CLICKS}"', id="double quotes"
        ),
        pytest.param(
            b"const streamingApiEndpoint\t=\n ''",
            f"const streamingApiEndpoint\t=\n '{CLICKS}'",
            id="an empty value, and space as it pleases",
        ),
        pytest.param(
            b"<script>var a='b',streamingApiEndpoint='c\\'d';</script>",
            f"<script>var a='b',streamingApiEndpoint='{CLICKS}';</script>",
            id="a value with an escaped quote, in a list of declarations",
        ),
        pytest.param(
            b"window.streamingApiEndpoint = 'x'",
            f"window.streamingApiEndpoint = '{CLICKS}'",
            id="a property of the window",
        ),
        pytest.param(
            b'<script src="//cdn.example.com/a.js"></script><script>let streamingApiEndpoint=""</script>',
            '<script src="//cdn.example.com/a.js"></script>'
            f'<script>let streamingApiEndpoint="{CLICKS}"</script>',
            id="after a URL without a scheme on the same line, which is no comment",
        ),
        pytest.param(
            b"<p>it's</p><script>let x = 'https://a';streamingApiEndpoint = 'b';</script>",
            f"<p>it's</p><script>let x = 'https://a';streamingApiEndpoint = '{CLICKS}';</script>",
            id="after a URL and a lone apostrophe",
        ),
        pytest.param(
            b'<input accept="image/*"><script>var streamingApiEndpoint = "x"</script>',
            f'<input accept="image/*"><script>var streamingApiEndpoint = "{CLICKS}"</script>',
            id="after what only looks like the beginning of a comment",
        ),
    ],
)
def test_an_assignment_of_text_is_filled_in(before: bytes, after: str) -> None:
    assert filled(before) == after.encode()


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(b"", id="an empty page"),
        pytest.param(b"var other = 'REPLACE_ME';", id="another variable"),
        pytest.param(b"var myStreamingApiEndpoint = 'x';", id="a longer name"),
        pytest.param(b"var streamingApiEndpoint2 = 'x';", id="a longer name at the end"),
        pytest.param(b"config.streamingApiEndpoint = 'x';", id="the property of something else"),
        pytest.param(b"if (streamingApiEndpoint == 'x') {}", id="a comparison"),
        pytest.param(b"var streamingApiEndpoint = base + 'x';", id="a value that is no plain text"),
        pytest.param(b"// var streamingApiEndpoint = 'x';", id="a comment"),
        pytest.param(b"/* usage:\n var streamingApiEndpoint = 'x';\n*/", id="a comment over lines"),
        pytest.param(b"var streamingApiEndpoint = 'x\ny';", id="text that never ends"),
        pytest.param(
            "var streamingApiEndpoint = 'x';".encode("utf-16"), id="an encoding that is not ASCII's"
        ),
    ],
)
def test_a_page_without_a_placeholder_is_refused(page: bytes) -> None:
    with pytest.raises(SiteError, match="found neither mysfitsApiEndpoint nor streamingApiEndpoint"):
        pages.fill(page, ENDPOINTS)


@pytest.mark.parametrize(
    "around",
    [
        pytest.param((b"\xef\xbb\xbf", b"\r\n\r\n"), id="a byte order mark and CRLF"),
        pytest.param((b"<p>caf\xe9 \xff\xfe\x00</p>\n", b"\x80"), id="bytes that are no UTF-8"),
        pytest.param((b"\r", b"\r\r\n\n"), id="line ends of every kind"),
        pytest.param(
            (b"\\1 \\g<0> %s {} {{clicks-endpoint}} ", b"$&"), id="what other tools would substitute"
        ),
    ],
)
def test_every_other_byte_stays(around: tuple[bytes, bytes]) -> None:
    before, after = around
    page = filled(before + b";var streamingApiEndpoint = 'x';" + after)
    assert page == before + b";var streamingApiEndpoint = '" + CLICKS.encode() + b"';" + after


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("https://a/'\"", id="quotes"),
        pytest.param('https://a/\\"\\\\', id="backslashes"),
        pytest.param("https://a/</script><script>alert(1)</script>", id="the end of the script"),
        pytest.param("https://a/<!--<script", id="a comment's beginning"),
        pytest.param("https://a/\n\r\u2028\u2029\x00", id="line ends"),
        pytest.param("https://bücher.example/🦄", id="what is not ASCII"),
    ],
)
def test_a_value_cannot_leave_its_string(quote: str, value: str) -> None:
    page = filled(f"var streamingApiEndpoint = {quote}x{quote};".encode(), Endpoints(value, MYSFITS)).decode(
        "ascii"
    )

    literal = page.removeprefix("var streamingApiEndpoint = ").removesuffix(";")
    inside = literal[1:-1]
    assert literal[0] == literal[-1] == quote
    assert not set(inside) & set("'\"<>&\n\r")
    assert json.loads(f'"{inside}"') == value, "these escapes mean the same to JSON and to JavaScript"


def test_a_page_with_one_of_the_variables_gets_that_one() -> None:
    _, replacements = pages.fill(b"var mysfitsApiEndpoint = 'x';", ENDPOINTS)
    assert [replacement.variable for replacement in replacements] == ["mysfitsApiEndpoint"]


def test_the_source_is_published_under_its_own_name_and_errors_name_it(tmp_path: Path) -> None:
    source = tmp_path / "index.html"
    source.write_bytes(WORKSHOP_PAGE)
    filled = pages.filled_page(source, ENDPOINTS)
    file, replacements = filled.file, filled.replaced
    assert (file.name, file.content_type) == ("index.html", "text/html; charset=utf-8")
    assert len(replacements) == 2
    assert source.read_bytes() == WORKSHOP_PAGE, "the source itself is never written"

    source.write_bytes(WORKSHOP_PAGE + b"\xff")
    assert pages.filled_page(source, ENDPOINTS).file.content_type == "text/html", (
        "the page itself says its encoding"
    )

    source.write_bytes(b"nothing here")
    with pytest.raises(SiteError, match=r"index\.html: found neither"):
        pages.filled_page(source, ENDPOINTS)
    with pytest.raises(SiteError, match=r"missing\.html: cannot be read: No such file"):
        pages.filled_page(tmp_path / "missing.html", ENDPOINTS)


def own(endpoints: Endpoints = ENDPOINTS, feed: str = "") -> Mapping[str, pages.SiteFile]:
    return {file.name: file for file in pages.own_page(endpoints, feed)}


def test_our_own_page_knows_its_endpoints_and_may_talk_to_nobody_else() -> None:
    page = own(feed="clicks.json")["index.html"].body.decode()
    assert (
        f'<meta name="clicks-endpoint" content="{CLICKS}" data-clicks-per-request="100" data-click="">'
        in page
    )
    assert f'<meta name="mysfits-endpoint" content="{MYSFITS}">' in page
    assert '<meta name="clicks-feed" content="clicks.json">' in page
    assert (
        "connect-src 'self' https://abc123.execute-api.eu-west-1.amazonaws.com https://mysfits.example.com;"
        in page
    )
    assert "{{" not in page


def test_our_own_page_refers_only_to_its_own_files() -> None:
    files = own(Endpoints("", ""))
    named = re.findall(
        r'(?:src|href|from)\s*=?\s*"(?!#)([^"]+)"', "".join(f.body.decode() for f in files.values())
    )
    assert {name.removeprefix("./") for name in named} <= set(files)
    assert {"clicks.js", "page.js", "style.css"} <= {name.removeprefix("./") for name in named}


def test_our_own_files_say_what_they_are_and_how_long_they_keep() -> None:
    assert {name: (file.content_type, file.cache_control) for name, file in own().items()} == {
        "clicks.js": ("text/javascript; charset=utf-8", "public, max-age=300"),
        "drawings.js": ("text/javascript; charset=utf-8", "public, max-age=300"),
        "favicon.svg": ("image/svg+xml", "public, max-age=300"),
        "index.html": ("text/html; charset=utf-8", "no-cache"),
        "page.js": ("text/javascript; charset=utf-8", "public, max-age=300"),
        "style.css": ("text/css; charset=utf-8", "public, max-age=300"),
    }


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://a.example.com;script-src *",
        "https://a.example.com 'unsafe-inline'",
        "javascript:alert(1)",
        "//a",
    ],
)
def test_an_endpoint_that_would_loosen_the_pages_policy_is_refused(endpoint: str) -> None:
    with pytest.raises(SiteError, match="not an endpoint that a page can call"):
        pages.own_page(Endpoints(endpoint, MYSFITS))


def test_markup_in_an_endpoint_stays_text() -> None:
    page = own(Endpoints(f'{CLICKS}/"><script>', MYSFITS))["index.html"].body.decode()
    assert f'content="{CLICKS}/&quot;&gt;&lt;script&gt;"' in page


def test_the_snippet_is_two_lines_with_the_endpoint() -> None:
    assert pages.snippet(ENDPOINTS) == (
        f'<meta name="clicks-endpoint" content="{CLICKS}">\n<script type="module" src="clicks.js"></script>'
    )
    limited = pages.snippet(Endpoints(CLICKS, MYSFITS, clicks_per_request=40), script="/js/clicks.js?a&b")
    assert 'data-clicks-per-request="40">' in limited
    assert 'src="/js/clicks.js?a&amp;b"' in limited


def test_clicks_js_sends_as_many_at_once_as_we_say_it_does() -> None:
    assert f"clicksPerRequest: {pages.CLICKS_PER_REQUEST}," in own()["clicks.js"].body.decode()


def test_settings_fill_other_variables_and_what_is_left_is_named(tmp_path: Path) -> None:
    source = tmp_path / "index.html"
    source.write_bytes(WORKSHOP_PAGE)
    assert pages.filled_page(source, ENDPOINTS).left == ("cognitoUserPoolId",)
    filled = pages.filled_page(source, ENDPOINTS, {"cognitoUserPoolId": "eu-west-1_'x"})
    assert filled.left == ()
    assert b"cognitoUserPoolId = 'eu-west-1_\\u0027x';" in filled.file.body
    with pytest.raises(SiteError, match="--set nosuch: the page assigns no text to a variable of this name"):
        pages.filled_page(source, ENDPOINTS, {"nosuch": "x"})


@pytest.mark.parametrize("text", ["", "awsRegion", "=x", "aws-region=x", "1a=x"])
def test_a_setting_that_is_none_is_one_clear_line(text: str) -> None:
    with pytest.raises(SiteError, match="expected NAME=VALUE, for example --set awsRegion=eu-west-1"):
        pages.parse_settings([text])


def test_the_value_of_a_setting_may_hold_anything() -> None:
    assert pages.parse_settings(["a=", "$b=x=y"]) == {"a": "", "$b": "x=y"}
