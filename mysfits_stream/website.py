"""Fills the stack's endpoints into a page, and publishes it.

Two pages are known: our own, in ``web/``, and any page that names its endpoints as the workshop's does,
in the JavaScript variables ``mysfitsApiEndpoint`` and ``streamingApiEndpoint``. An endpoint is the base to
which such a page itself adds ``/mysfits`` and ``/clicks``. Of a foreign page only the values of those
variables are touched; every other byte stays.
The bucket of a website is its owner's: nothing here creates one, or changes who may read it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mysfits_stream.aws.errors import translated
from mysfits_stream.errors import SiteError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CLICKS_PER_REQUEST = 100
"""What ``web/clicks.js`` sends at most unless the page says otherwise."""

CONTENT_TYPES = {
    ".css": "text/css",
    ".htm": "text/html",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
ALWAYS_ASK = "no-cache"
A_FEW_MINUTES = "public, max-age=300"


@dataclass(frozen=True)
class Endpoints:
    """The bases of the clicks API and the Mysfits service, and how many clicks the first takes at once."""

    clicks: str
    mysfits: str
    clicks_per_request: int = CLICKS_PER_REQUEST

    def variables(self) -> dict[str, str]:
        """The JavaScript variables of the workshop's page, with the values that belong there."""
        return {"mysfitsApiEndpoint": self.mysfits, "streamingApiEndpoint": self.clicks}


@dataclass(frozen=True)
class SiteFile:
    """One file of a website, as it is uploaded."""

    name: str
    body: bytes
    content_type: str
    cache_control: str


@dataclass(frozen=True)
class Replacement:
    """One value that was filled into a page: the variable, its line, and the literal before and after."""

    variable: str
    line: int
    before: str
    after: str


# The variables are looked for outside JavaScript's comments. In the rest of a page "//" is mostly part of
# a URL, hence what may not stand before a comment here.
_ASSIGNMENT = re.compile(
    rb"""
      (?<![:'"]) // [^\r\n]*                                      # a line comment
    | (?<![\w'"*]) /\* .*? \*/                                    # a block comment
    | (?: \b (?: var | let | const ) \s+ | [,;{] \s* | ^ [ \t]* | \b (?: window | globalThis | self ) \. )
      (?P<variable> mysfitsApiEndpoint | streamingApiEndpoint )
      \s* = \s*
      (?P<literal> ' (?: [^'\\\r\n] | \\. )* ' | " (?: [^"\\\r\n] | \\. )* " )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


def fill(page: bytes, endpoints: Endpoints) -> tuple[bytes, tuple[Replacement, ...]]:
    """``page`` with the endpoints as the values of its variables, and what was replaced.

    Whatever the variables were filled with before is replaced, in the quotes that it stands in.
    Raises SiteError if the page assigns text to neither of them.
    """
    values = endpoints.variables()
    replacements: list[Replacement] = []

    def replaced(match: re.Match[bytes]) -> bytes:
        if match["variable"] is None:
            return match[0]
        variable = match["variable"].decode()
        before = match["literal"]
        after = _literal(values[variable], quote=before[:1].decode())
        line = page.count(b"\n", 0, match.start("variable")) + 1
        replacements.append(Replacement(variable, line, before.decode("utf-8", "replace"), after))
        return page[match.start() : match.start("literal")] + after.encode()

    filled = _ASSIGNMENT.sub(replaced, page)
    if not replacements:
        raise SiteError(
            f"found neither {' nor '.join(values)} in the page: "
            f"a page to fill in says, for example, var streamingApiEndpoint = 'REPLACE_ME';"
        )
    return filled, tuple(replacements)


def _literal(value: str, quote: str) -> str:
    """``value`` as a JavaScript string: ASCII, so that it fits a page in any encoding, and never markup."""
    inside = json.dumps(value)[1:-1].replace('\\"', '"')
    for character in "'\"<>&":
        inside = inside.replace(character, f"\\u{ord(character):04x}")
    return quote + inside + quote


def filled_page(source: Path, endpoints: Endpoints) -> tuple[SiteFile, tuple[Replacement, ...]]:
    """The page in ``source`` with the endpoints filled in; raises SiteError naming the file."""
    try:
        page, replacements = fill(source.read_bytes(), endpoints)
    except OSError as error:
        raise SiteError(f"{source}: cannot be read: {error.strerror}") from error
    except SiteError as error:
        raise SiteError(f"{source}: {error}") from None
    return _file(source.name, page), replacements


def own_page(endpoints: Endpoints, feed: str = "") -> tuple[SiteFile, ...]:
    """Our own page and what belongs to it. ``feed`` is where enriched clicks can be watched, if anywhere."""
    directory = resources.files("mysfits_stream") / "web"
    values = {
        "clicks-endpoint": endpoints.clicks,
        "clicks-per-request": str(endpoints.clicks_per_request),
        "mysfits-endpoint": endpoints.mysfits,
        "clicks-feed": feed,
        # Exactly what the page talks to; the browser refuses it anything else.
        "services": " ".join(sorted({_origin(url) for url in (endpoints.clicks, endpoints.mysfits) if url})),
        "mysfits-service": _origin(endpoints.mysfits) if endpoints.mysfits else "",
    }
    files = []
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        if PurePosixPath(entry.name).suffix not in CONTENT_TYPES:
            continue  # an editor's or a file manager's, nothing of ours
        body = entry.read_bytes()
        if entry.name == "index.html":
            body = _substitute(body.decode(), values).encode()
        files.append(_file(entry.name, body))
    return tuple(files)


def _substitute(page: str, values: dict[str, str]) -> str:
    return re.sub(r"\{\{([a-z-]+)\}\}", lambda match: html.escape(values[match[1]]), page)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    # A policy's sources are parted by spaces and semicolons, so a host may not smuggle them in.
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", parts.netloc):
        raise SiteError(f"{url}: not an endpoint that a page can call: expected https://host/path")
    return f"{parts.scheme}://{parts.netloc}"


def snippet(endpoints: Endpoints, script: str = "clicks.js") -> str:
    """The two lines of HTML that make a page send its clicks; ``script`` is where clicks.js is."""
    _origin(endpoints.clicks)
    limit = ""
    if endpoints.clicks_per_request != CLICKS_PER_REQUEST:
        limit = f' data-clicks-per-request="{endpoints.clicks_per_request}"'
    return (
        f'<meta name="clicks-endpoint" content="{html.escape(endpoints.clicks)}"{limit}>\n'
        f'<script type="module" src="{html.escape(script)}"></script>'
    )


def write(files: Iterable[SiteFile], directory: Path) -> list[Path]:
    """Writes the files into ``directory``, which is made if need be, and returns their paths."""
    written = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in files:
            path = directory / file.name
            path.write_bytes(file.body)
            written.append(path)
    except OSError as error:
        raise SiteError(f"{error.filename or directory}: cannot be written: {error.strerror}") from error
    return written


def publish(files: Iterable[SiteFile], bucket: str, clicks_bucket: str, s3: S3Client) -> list[str]:
    """Uploads the files to a bucket that exists and returns their keys.

    Pages go last, so that no visitor gets one before what it refers to. Never touches the bucket's policy or
    its public access; refuses the clicks bucket, whose objects are visitors' behavior and never a website.
    """
    if bucket == clicks_bucket:
        raise SiteError(
            f"{bucket} is the clicks bucket, which stays private; a website needs a bucket of its own"
        )
    uploaded: list[str] = []
    for file in sorted(files, key=lambda file: file.content_type.startswith("text/html")):
        with translated(partial(_not_uploaded, bucket, file.name), "PutObject", ADVICE):
            s3.put_object(
                Bucket=bucket,
                Key=file.name,
                Body=file.body,
                ContentType=file.content_type,
                CacheControl=file.cache_control,
            )
        uploaded.append(file.name)
    return uploaded


def _not_uploaded(bucket: str, key: str, operation: str, reason: str) -> SiteError:
    return SiteError(f"s3://{bucket}/{key}: {operation}: {reason}")


ADVICE = {
    "AccessDenied": "The upload needs s3:PutObject on the website's bucket, which that policy does not grant",
    "NoSuchBucket": "Create the bucket first, or name another one with --bucket",
}


def _file(name: str, body: bytes) -> SiteFile:
    content_type = CONTENT_TYPES.get(PurePosixPath(name).suffix.lower(), "text/html")
    if content_type.startswith("text/") and _is_utf8(body):
        content_type += "; charset=utf-8"
    page = content_type.startswith("text/html")
    return SiteFile(name, body, content_type, ALWAYS_ASK if page else A_FEW_MINUTES)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
