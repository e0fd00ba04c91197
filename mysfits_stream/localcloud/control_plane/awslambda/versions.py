"""Versions and aliases of functions, where moto differs from Lambda (F281, F282).

A version is a copy of ``$LATEST`` that keeps its code and configuration. An alias names one version; weights
between two versions are not simulated.
"""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from mysfits_stream.localcloud.awslambda.function import LambdaError
from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.control_plane.awslambda.requests import invalid, not_found, parsed
from mysfits_stream.localcloud.control_plane.awslambda.stored import StoredFunction, value_of
from mysfits_stream.localcloud.control_plane.moto_state import LambdaAlias, LambdaFunction
from mysfits_stream.localcloud.http.messages import Request, Response, json_response

PATH = re.compile(
    r"/2015-03-31/functions/(?P<function>[^/]+)/(?P<part>versions|aliases)(?:/(?P<alias>[^/]+))?/?"
)
PAGE = 50
"""The most versions, or aliases, of one response."""

STALE = (
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
)
Find = Callable[[str, str], LambdaFunction | None]


class Versions:
    """The operations on versions and aliases; ``find`` returns a function by region and name."""

    def __init__(self, account: str, find: Find) -> None:
        self._account = account
        self._find = find

    def operation(self, request: Request) -> Callable[[], Response] | None:
        """The operation of a request on versions or aliases; None for other requests."""
        path = PATH.fullmatch(request.path)
        if path is None:
            return None
        name, alias = unquote(path["function"]), unquote(path["alias"] or "")
        match request.method, path["part"], bool(alias):
            case "POST", "versions", False:
                return lambda: self._publish(request, name)
            case "GET", "versions", False:
                return lambda: self._list_versions(request, name)
            case "POST", "aliases", False:
                return lambda: self._create_alias(request, name)
            case "GET", "aliases", False:
                return lambda: self._list_aliases(request, name)
            case "GET", "aliases", True:
                return lambda: json_response(200, _shown(self._alias(request, name, alias)))
            case "PUT", "aliases", True:
                return lambda: self._update_alias(request, name, alias)
            case "DELETE", "aliases", True:
                return lambda: self._delete_alias(request, name, alias)
        return None

    def publish(self, latest: StoredFunction, description: str | None = None) -> StoredFunction:
        """The next version of a function, or the last version if nothing changed since."""
        published = self._group(latest)["versions"]
        last_number = max([latest.last_version, *(int(version.version) for version in published)])
        last = next((version for version in published if int(version.version) == last_number), None)
        if last is not None and _content(last) == _content(latest):
            found: StoredFunction = last
            return found
        latest.last_version = last_number + 1
        version = copy.copy(latest)
        version.set_version(latest.last_version)
        version.environment_vars = dict(latest.environment_vars)
        # A version is never updated: no status of an update.
        version.last_update_status = None
        if description is not None:
            version.description = description
        published.append(version)
        self._storage(latest.region)._arns[version.function_arn] = version
        return version

    def check_deletable(self, latest: LambdaFunction, version: str) -> None:
        """Raises LambdaError for ``$LATEST`` and for a version that aliases name."""
        if version == "$LATEST":
            raise invalid("$LATEST version cannot be deleted without deleting the function.")
        users = [
            alias.name for alias in self._aliases(latest).values() if str(alias.function_version) == version
        ]
        if users:
            raise LambdaError(
                "ResourceConflictException",
                f"Unable to delete version because the following aliases reference it: [{', '.join(users)}]",
                409,
            )

    def _publish(self, request: Request, name: str) -> Response:
        given = parsed(request, "PublishVersion", FunctionName=name)
        latest = self._latest(request, name)
        latest.check_idle()
        _check_revision(given, latest)
        if given.get("CodeSha256") not in (None, latest.code_sha_256):
            raise invalid(
                f"CodeSHA256 ({given['CodeSha256']}) is different from current CodeSHA256 in $LATEST "
                f"({latest.code_sha_256}). Please try again with the CodeSHA256 in $LATEST."
            )
        return json_response(201, self.publish(latest, given.get("Description")).get_configuration())

    def _list_versions(self, request: Request, name: str) -> Response:
        latest = self._latest(request, name)
        shown = latest.get_configuration()
        configurations = [
            {**shown, "FunctionArn": f"{shown['FunctionArn']}:$LATEST"},
            *(version.get_configuration() for version in self._group(latest)["versions"]),
        ]
        return _page(request, "Versions", configurations)

    def _create_alias(self, request: Request, name: str) -> Response:
        given = parsed(request, "CreateAlias", FunctionName=name)
        latest = self._latest(request, name)
        self._check_version(latest, given["FunctionVersion"])
        aliases = self._aliases(latest)
        alias = LambdaAlias(
            account_id=self._account,
            region=request.region,
            name=given["Name"],
            function_name=latest.function_name,
            function_version=given["FunctionVersion"],
            description=given.get("Description", ""),
            routing_config="",
        )
        if alias.name in aliases:
            raise LambdaError("ResourceConflictException", f"Alias already exists: {alias.arn}", 409)
        aliases[alias.name] = alias
        return json_response(201, _shown(alias))

    def _update_alias(self, request: Request, name: str, alias_name: str) -> Response:
        given = parsed(request, "UpdateAlias", FunctionName=name, Name=alias_name)
        alias = self._alias(request, name, alias_name)
        _check_revision(given, alias)
        if "FunctionVersion" in given:
            self._check_version(self._latest(request, name), given["FunctionVersion"])
        alias.update(given.get("Description"), given.get("FunctionVersion"), None)
        alias.revision_id = str(uuid.uuid4())
        return json_response(200, _shown(alias))

    def _delete_alias(self, request: Request, name: str, alias_name: str) -> Response:
        self._aliases(self._latest(request, name)).pop(alias_name, None)
        return Response(204, {}, b"")

    def _list_aliases(self, request: Request, name: str) -> Response:
        version = request.parameters.get("FunctionVersion")
        aliases = sorted(self._aliases(self._latest(request, name)).values(), key=lambda alias: alias.name)
        shown = [_shown(alias) for alias in aliases if version in (None, alias.function_version)]
        return _page(request, "Aliases", shown)

    def _alias(self, request: Request, name: str, alias_name: str) -> LambdaAlias:
        latest = self._latest(request, name)
        alias: LambdaAlias | None = self._aliases(latest).get(alias_name)
        if alias is None:
            arn = f"{latest.function_arn}:{alias_name}"
            raise LambdaError("ResourceNotFoundException", f"Cannot find alias arn: {arn}", 404)
        return alias

    def _check_version(self, latest: StoredFunction, version: str) -> None:
        known = {"$LATEST", *(str(each.version) for each in self._group(latest)["versions"])}
        if version not in known:
            raise not_found(f"{latest.function_arn}:{version}")

    def _latest(self, request: Request, name: str) -> StoredFunction:
        latest = self._find(request.region, name)
        if latest is None:
            partition = moto_state.partition(request.region)
            raise not_found(f"arn:{partition}:lambda:{request.region}:{self._account}:function:{name}")
        if not isinstance(latest, StoredFunction):
            message = f"Versions and aliases of {name}, made by CloudFormation, are not simulated"
            raise LambdaError("NotSimulated", message, 400)
        return latest

    def _group(self, latest: LambdaFunction) -> dict[str, Any]:
        found: dict[str, Any] = self._storage(latest.region)._functions[latest.function_name]
        return found

    def _aliases(self, latest: LambdaFunction) -> dict[str, LambdaAlias]:
        found: dict[str, LambdaAlias] = self._storage(latest.region)._aliases[latest.function_arn]
        return found

    def _storage(self, region: str) -> Any:
        return moto_state.backend("lambda", self._account, region)._lambdas


def _content(stored: LambdaFunction) -> tuple[Any, ...]:
    """The code and configuration of a function, without the version's number and description."""
    value = value_of(stored)
    return (
        *value.identity[2:],
        value.role_arn,
        stored.architectures,
        stored.ephemeral_storage,
        stored.tracing_config,
        stored.kms_key_arn,
    )


def _shown(alias: LambdaAlias) -> dict[str, Any]:
    return {
        "AliasArn": alias.arn,
        "Name": alias.name,
        "FunctionVersion": str(alias.function_version),
        "Description": alias.description or "",
        "RevisionId": alias.revision_id,
    }


def _check_revision(given: dict[str, Any], holder: Any) -> None:
    if given.get("RevisionId") not in (None, holder.revision_id):
        raise LambdaError("PreconditionFailedException", STALE, 412)


def _page(request: Request, member: str, entries: list[dict[str, Any]]) -> Response:
    """One page; the marker is the position of the next page's first entry."""
    given, size = request.parameters.get("Marker", "0"), request.parameters.get("MaxItems", str(PAGE))
    if not (given.isdecimal() and size.isdecimal() and int(size)):
        raise invalid("Marker or MaxItems is not valid")
    end = int(given) + min(int(size), PAGE)
    more = {"NextMarker": str(end)} if end < len(entries) else {}
    return json_response(200, {member: entries[int(given) : end], **more})
