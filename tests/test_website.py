"""Pages are filled in and published byte for byte as promised; no network, an S3 that only remembers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from types_boto3_s3 import S3Client

from mysfits_stream import website
from mysfits_stream.errors import SiteError
from mysfits_stream.website import Endpoints

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
    return website.fill(page, endpoints)[0]


def test_the_workshops_page_differs_in_the_two_values_only() -> None:
    page, replacements = website.fill(WORKSHOP_PAGE, ENDPOINTS)

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
        website.fill(page, ENDPOINTS)


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
    _, replacements = website.fill(b"var mysfitsApiEndpoint = 'x';", ENDPOINTS)
    assert [replacement.variable for replacement in replacements] == ["mysfitsApiEndpoint"]


def test_the_source_is_published_under_its_own_name_and_errors_name_it(tmp_path: Path) -> None:
    source = tmp_path / "index.html"
    source.write_bytes(WORKSHOP_PAGE)
    file, replacements = website.filled_page(source, ENDPOINTS)
    assert (file.name, file.content_type) == ("index.html", "text/html; charset=utf-8")
    assert len(replacements) == 2
    assert source.read_bytes() == WORKSHOP_PAGE, "the source itself is never written"

    source.write_bytes(WORKSHOP_PAGE + b"\xff")
    assert website.filled_page(source, ENDPOINTS)[0].content_type == "text/html", (
        "the page itself says its encoding"
    )

    source.write_bytes(b"nothing here")
    with pytest.raises(SiteError, match=r"index\.html: found neither"):
        website.filled_page(source, ENDPOINTS)
    with pytest.raises(SiteError, match=r"missing\.html: cannot be read: No such file"):
        website.filled_page(tmp_path / "missing.html", ENDPOINTS)


def own(endpoints: Endpoints = ENDPOINTS, feed: str = "") -> Mapping[str, website.SiteFile]:
    return {file.name: file for file in website.own_page(endpoints, feed)}


def test_our_own_page_knows_its_endpoints_and_may_talk_to_nobody_else() -> None:
    page = own(feed="clicks.json")["index.html"].body.decode()
    assert f'<meta name="clicks-endpoint" content="{CLICKS}" data-clicks-per-request="100">' in page
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
        website.own_page(Endpoints(endpoint, MYSFITS))


def test_markup_in_an_endpoint_stays_text() -> None:
    page = own(Endpoints(f'{CLICKS}/"><script>', MYSFITS))["index.html"].body.decode()
    assert f'content="{CLICKS}/&quot;&gt;&lt;script&gt;"' in page


def test_the_snippet_is_two_lines_with_the_endpoint() -> None:
    assert website.snippet(ENDPOINTS) == (
        f'<meta name="clicks-endpoint" content="{CLICKS}">\n<script type="module" src="clicks.js"></script>'
    )
    limited = website.snippet(Endpoints(CLICKS, MYSFITS, clicks_per_request=40), script="/js/clicks.js?a&b")
    assert 'data-clicks-per-request="40">' in limited
    assert 'src="/js/clicks.js?a&amp;b"' in limited


def test_clicks_js_sends_as_many_at_once_as_we_say_it_does() -> None:
    assert f"clicksPerRequest: {website.CLICKS_PER_REQUEST}," in own()["clicks.js"].body.decode()


def test_writing_makes_the_directory_and_reports_what_it_cannot_do(tmp_path: Path) -> None:
    files = website.own_page(ENDPOINTS)
    paths = website.write(files, tmp_path / "new" / "site")
    assert {path.name: path.read_bytes() for path in paths} == {file.name: file.body for file in files}
    with pytest.raises(SiteError, match="cannot be written"):
        website.write(files, paths[0])


class Bucket:
    """An S3 client that remembers what was put, or fails in the way it was told to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.put: list[dict[str, Any]] = []

    def put_object(self, **request: Any) -> dict[str, Any]:
        if self.failure:
            raise self.failure
        self.put.append(request)
        return {}

    @property
    def client(self) -> S3Client:
        return cast("S3Client", self)


def test_publishing_uploads_pages_last_and_changes_nothing_about_the_bucket() -> None:
    bucket = Bucket()
    keys = website.publish(website.own_page(ENDPOINTS), "my-site", "clicks-bucket", bucket.client)
    assert keys == [request["Key"] for request in bucket.put]
    assert keys[-1] == "index.html"
    assert {request["Bucket"] for request in bucket.put} == {"my-site"}
    assert bucket.put[-1]["ContentType"] == "text/html; charset=utf-8"
    assert bucket.put[-1]["CacheControl"] == "no-cache"
    assert all(
        set(request) == {"Bucket", "Key", "Body", "ContentType", "CacheControl"} for request in bucket.put
    )


def test_the_clicks_bucket_is_never_a_website() -> None:
    bucket = Bucket()
    with pytest.raises(SiteError, match="clicks-bucket is the clicks bucket, which stays private"):
        website.publish(website.own_page(ENDPOINTS), "clicks-bucket", "clicks-bucket", bucket.client)
    assert not bucket.put


def refusal(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PutObject")


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        pytest.param(
            refusal("NoSuchBucket"),
            "s3://my-site/clicks.js: PutObject: NoSuchBucket: no message. "
            "Create the bucket first, or name another one with --bucket",
            id="no such bucket",
        ),
        pytest.param(
            refusal("AccessDenied"),
            "s3://my-site/clicks.js: PutObject: AccessDenied: no message. "
            "Your IAM user or role is missing this permission; `mysfits-stream operator-policy` prints the "
            "required policy. The upload needs s3:PutObject on the website's bucket, which that policy does "
            "not grant",
            id="access denied",
        ),
        pytest.param(
            refusal("SlowDown", "Please reduce your request rate."),
            "s3://my-site/clicks.js: PutObject: SlowDown: Please reduce your request rate. "
            "AWS throttles or fails; run the same command again in a few minutes",
            id="anything else that S3 says",
        ),
        pytest.param(
            EndpointConnectionError(endpoint_url="https://s3"),
            's3://my-site/clicks.js: PutObject: Could not connect to the endpoint URL: "https://s3". '
            "Check the region's name, your connection and proxies, and AWS_ENDPOINT_URL",
            id="no connection",
        ),
    ],
)
def test_a_refused_upload_is_one_clear_line(failure: Exception, line: str) -> None:
    with pytest.raises(SiteError) as caught:
        website.publish(website.own_page(ENDPOINTS), "my-site", "clicks-bucket", Bucket(failure).client)
    assert str(caught.value) == line


def test_a_bucket_has_our_page_after_publishing(local_cloud: Any) -> None:
    s3 = local_cloud.client("s3", "us-east-1")
    s3.create_bucket(Bucket="my-site")
    website.publish(website.own_page(ENDPOINTS), "my-site", "clicks-bucket", s3)

    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket="my-site")["Contents"]]
    assert listed == [file.name for file in website.own_page(ENDPOINTS)]
    page = s3.get_object(Bucket="my-site", Key="index.html")
    assert (page["ContentType"], page["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")
    assert page["Body"].read() == own()["index.html"].body

    with pytest.raises(
        SiteError, match=r"s3://missing/clicks\.js: PutObject: NoSuchBucket: .* Create the bucket"
    ):
        website.publish(website.own_page(ENDPOINTS), "missing", "clicks-bucket", s3)
