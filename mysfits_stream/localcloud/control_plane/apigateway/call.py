"""A request to the control plane of REST APIs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, unquote

from mysfits_stream.localcloud.control_plane.apigateway.errors import bad_request, not_found
from mysfits_stream.localcloud.http.messages import Request, read_json

Document = dict[str, Any]

PAGE = 25


class Call:
    """A request to the control plane, with its parsed path, query string and body."""

    def __init__(self, request: Request, match: re.Match[str], api: Document | None, account: str) -> None:
        self.request = request
        self.path = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
        self.query = parse_qs(request.query, keep_blank_values=True)
        self._api = api
        self._account = account

    @property
    def api(self) -> Document:
        """The API in the path; read only by routes below an API."""
        if self._api is None:
            raise not_found(f"Invalid API identifier specified {self._account}:{self.path.get('api', '')}")
        return self._api

    @property
    def name(self) -> str:
        """The name in the last part of the path."""
        return self.path["name"]

    @property
    def method(self) -> tuple[str, str]:
        """The resource's id and the HTTP method in the path."""
        return self.path["resource"], self.path["method"]

    def embeds(self, what: str) -> bool:
        """Whether the answer shall contain more than the ids."""
        return what in ",".join(self.query.get("embed", []))

    def flag(self, name: str) -> bool:
        """The boolean value of a query parameter."""
        return self.query.get(name, [""])[0].lower() == "true"

    def body(self) -> Document:
        """The body, a JSON object."""
        try:
            document = read_json(self.request.body or b"{}")
        except ValueError:
            raise bad_request("Invalid request input") from None
        if not isinstance(document, dict):
            raise bad_request("Invalid request input")
        return document

    def operations(self) -> list[Document]:
        """The body's patch operations."""
        return list(self.body().get("patchOperations") or [])

    def page(self, items: list[Document]) -> Document:
        """The requested page of a list, and the position of the next page."""
        limit = int(self.query.get("limit", [str(PAGE)])[0])
        start = 0
        if "position" in self.query:
            wanted = self.query["position"][0]
            start = next((i for i, item in enumerate(items) if _key(item) == wanted), len(items))
        page: Document = {"item": items[start : start + limit]}
        if start + limit < len(items):
            page["position"] = _key(items[start + limit])
        return page


def _key(item: Document) -> str:
    return str(item.get("id") or item.get("responseType"))
