"""The Glue Data Catalog beyond moto: names, tags of deleted databases, table versions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mysfits_stream.localcloud.control_plane.constraints import violation
from mysfits_stream.localcloud.http.messages import Handler, Request, Response, json_response

JSON = {"Content-Type": "application/x-amz-json-1.1"}
DATABASE_ARN = re.compile(r"arn:[^:]+:glue:[^:]+:\d{12}:database/(?P<name>[^/]+)")
OF_TAGS = ("GetTags", "TagResource", "UntagResource")


class DataCatalog:
    """The override for Glue; ``backend`` is moto's, of a region."""

    def __init__(self, account: str, backend: Callable[[str], Any]) -> None:
        self._account = account
        self._backend = backend

    def __call__(self, request: Request, moto: Handler) -> Response:
        """Handle a request to Glue."""
        given = _folded({name: value for name, value in request.json().items() if value is not None})
        if message := violation("glue", request.operation, given):
            return _error("InvalidInputException", message)
        if (catalog := given.get("CatalogId")) not in (None, self._account):
            return _error("EntityNotFoundException", f"Catalog {catalog} not found.")
        if request.operation in ("CreateTable", "UpdateTable") and "TableInput" not in given:
            return _error("InvalidInputException", "TableInput must not be null")
        request = replace(request, body=json.dumps(given).encode())
        backend = self._backend(request.region)
        if request.operation in OF_TAGS:
            database = DATABASE_ARN.fullmatch(given["ResourceArn"])
            if database is None or database["name"] not in backend.databases:
                return _error("EntityNotFoundException", f"Entity not found: {given['ResourceArn']}")
        response = moto(request)
        if request.operation == "DeleteDatabase" and response.status == 200:
            _forget_tags(backend, given["Name"])
        if request.operation == "UpdateTable" and response.status == 200 and given.get("SkipArchive"):
            _drop_earlier_versions(backend, given["DatabaseName"], given["TableInput"]["Name"])
        return response


def _folded(given: dict[str, Any]) -> dict[str, Any]:
    """The parameters with names of databases and tables in lower case, as stored by Glue."""
    folded = {
        key: value.lower() if key in ("Name", "DatabaseName") and isinstance(value, str) else value
        for key, value in given.items()
    }
    for key in ("DatabaseInput", "TableInput"):
        inner = folded.get(key)
        if isinstance(inner, Mapping) and isinstance(inner.get("Name"), str):
            folded[key] = {**inner, "Name": inner["Name"].lower()}
    return folded


def _forget_tags(backend: Any, database: str) -> None:
    """Delete a deleted database's tags, kept by moto."""
    for arn in list(backend.tagger.tags):
        if arn.endswith(f":database/{database}"):
            backend.tagger.delete_all_tags_for_resource(arn)


def _drop_earlier_versions(backend: Any, database: str, table: str) -> None:
    versions = backend.databases[database].tables[table].versions
    for version in sorted(versions, key=int)[:-1]:
        del versions[version]


def _error(code: str, message: str) -> Response:
    return json_response(400, {"__type": code, "Message": message}, {**JSON, "x-amzn-ErrorType": code})
