"""The stack's endpoints in a page: in our own, or in a page of the user's.

Two kinds of pages are supported: our own, in ``web/``, and any page with its endpoints in the workshop's
JavaScript variables ``mysfitsApiEndpoint`` and ``streamingApiEndpoint``. An endpoint is the base to which the
page adds ``/mysfits`` and ``/clicks``. In a foreign page only the values of the two variables change, and of
variables set by the user; every further byte stays.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from mysfits_stream.errors import SiteError

CLICKS_PER_REQUEST = 100
"""What ``web/clicks.js`` sends at most unless the page says otherwise."""

CONTENT_TYPES = {
    ".css": "text/css",
    ".htm": "text/html",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
QUOTE = "'"
ALWAYS_ASK = "no-cache"
A_FEW_MINUTES = "public, max-age=300"


@dataclass(frozen=True)
class Endpoints:
    """The bases of the clicks API and the Mysfits service, and the definition of a click."""

    clicks: str
    mysfits: str
    clicks_per_request: int = CLICKS_PER_REQUEST
    click: str = ""
    """The definition of a click as JSON for ``web/clicks.js``; empty for the workshop's click."""

    def variables(self) -> dict[str, str]:
        """The JavaScript variables of the workshop's page, with their values."""
        return {"mysfitsApiEndpoint": self.mysfits, "streamingApiEndpoint": self.clicks}


@dataclass(frozen=True)
class SiteFile:
    """A file of a website, in its uploaded form."""

    name: str
    body: bytes
    content_type: str
    cache_control: str


@dataclass(frozen=True)
class Replacement:
    """A value filled into a page: the variable, its line, and the literal before and after."""

    variable: str
    line: int
    before: str
    after: str


@dataclass(frozen=True)
class FilledPage:
    """A page with its values, the replacements, and the variables with a remaining REPLACE_ME."""

    file: SiteFile
    replaced: tuple[Replacement, ...]
    left: tuple[str, ...]


# The variables are looked for outside JavaScript's comments. In the rest of a page "//" is mostly part of
# a URL, hence what may not stand before a comment here.
_ASSIGNMENT = rb"""
      (?<![:'"]) // [^\r\n]*                                      # a line comment
    | (?<![\w'"*]) /\* .*? \*/                                    # a block comment
    | (?: \b (?: var | let | const ) \s+ | [,;{] \s* | ^ [ \t]* | \b (?: window | globalThis | self ) \. )
      (?P<variable> %s )
      \s* = \s*
      (?P<literal> ' (?: [^'\\\r\n] | \\. )* ' | " (?: [^"\\\r\n] | \\. )* " )
"""
IDENTIFIER = r"[A-Za-z_$][\w$]*"
PLACEHOLDER = "REPLACE_ME"


def _assignments(variables: str, page: bytes) -> Iterator[re.Match[bytes]]:
    """The assignments of text to the variables, given as a regular expression."""
    pattern = re.compile(_ASSIGNMENT % variables.encode(), re.VERBOSE | re.DOTALL | re.MULTILINE)
    return (match for match in pattern.finditer(page) if match["variable"] is not None)


def fill(
    page: bytes, endpoints: Endpoints, settings: Mapping[str, str] | None = None
) -> tuple[bytes, tuple[Replacement, ...]]:
    """``page`` with the endpoints as the values of its variables, and the replacements.

    ``settings`` are values of further variables. Any earlier text of a variable is replaced, in its quotes.
    Raises SiteError if the page assigns text to neither endpoint, or not to all of the ``settings``.
    """
    values = {**endpoints.variables(), **(settings or {})}
    replacements: list[Replacement] = []
    parts, at = [], 0
    for match in _assignments("|".join(map(re.escape, values)), page):
        variable = match["variable"].decode()
        before = match["literal"]
        after = _literal(values[variable], quote=before[:1].decode())
        line = page.count(b"\n", 0, match.start("variable")) + 1
        replacements.append(Replacement(variable, line, before.decode("utf-8", "replace"), after))
        parts += [page[at : match.start("literal")], after.encode()]
        at = match.end("literal")
    found = {replacement.variable for replacement in replacements}
    if missing := [name for name in settings or () if name not in found]:
        raise SiteError(f"--set {missing[0]}: the page assigns no text to a variable of this name")
    if not found:
        raise SiteError(
            f"found neither {' nor '.join(values)} in the page: "
            f"expected an assignment such as var streamingApiEndpoint = 'REPLACE_ME';"
        )
    return b"".join([*parts, page[at:]]), tuple(replacements)


def left_over(page: bytes) -> tuple[str, ...]:
    """The variables of a page whose text still contains REPLACE_ME, in order."""
    found = (
        match["variable"].decode("utf-8", "replace")
        for match in _assignments(IDENTIFIER, page)
        if PLACEHOLDER.encode() in match["literal"]
    )
    return tuple(dict.fromkeys(found))


def parse_settings(texts: Sequence[str]) -> dict[str, str]:
    """Variable -> value, from texts like ``awsRegion=eu-west-1``; raises SiteError."""
    settings = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(IDENTIFIER, name, re.ASCII):
            raise SiteError(f"--set {text}: expected NAME=VALUE, for example --set awsRegion=eu-west-1")
        settings[name] = value
    return settings


def _literal(value: str, quote: str) -> str:
    """``value`` as a JavaScript string: ASCII, for pages in any encoding, and never markup."""
    inside = json.dumps(value)[1:-1].replace('\\"', '"')
    for character in "'\"<>&":
        inside = inside.replace(character, f"\\u{ord(character):04x}")
    return quote + inside + quote


def filled_page(source: Path, endpoints: Endpoints, settings: Mapping[str, str] | None = None) -> FilledPage:
    """The page in ``source`` with the endpoints and settings filled in.

    Raises SiteError naming the file.
    """
    try:
        page, replacements = fill(source.read_bytes(), endpoints, settings)
    except OSError as error:
        raise SiteError(f"{source}: cannot be read: {error.strerror}") from error
    except SiteError as error:
        raise SiteError(f"{source}: {error}") from None
    return FilledPage(_file(source.name, page), replacements, left_over(page))


def own_page(endpoints: Endpoints, feed: str = "") -> tuple[SiteFile, ...]:
    """The files of our own page; ``feed`` is the URL of the enriched clicks, or empty."""
    directory = resources.files("mysfits_stream") / "web"
    values = {
        "clicks-endpoint": endpoints.clicks,
        "clicks-per-request": str(endpoints.clicks_per_request),
        "click": endpoints.click,
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
    """The two lines of HTML with which a page sends clicks; ``script`` is the URL of clicks.js."""
    _origin(endpoints.clicks)
    limit = ""
    if endpoints.clicks_per_request != CLICKS_PER_REQUEST:
        limit = f' data-clicks-per-request="{endpoints.clicks_per_request}"'
    if endpoints.click:
        limit += f" data-click='{html.escape(endpoints.click, quote=False).replace(QUOTE, '&#39;')}'"
    return (
        f'<meta name="clicks-endpoint" content="{html.escape(endpoints.clicks)}"{limit}>\n'
        f'<script type="module" src="{html.escape(script)}"></script>'
    )


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
