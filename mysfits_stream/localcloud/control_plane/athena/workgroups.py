"""Athena's workgroups: stored by moto, answered here (moto updates and tags none)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from mysfits_stream.localcloud.control_plane.constraints import violation
from mysfits_stream.localcloud.http.messages import Handler, Request, Response, json_response

JSON = {"Content-Type": "application/x-amz-json-1.1"}
INVALID = "InvalidRequestException"
PRIMARY = "primary"
LEAST_CUTOFF = 10 * 2**20
"""Bytes; the least that Athena accepts (F218)."""

ENGINE = "Athena engine version 3"
SELECTABLE = ("AUTO", ENGINE)
WORKGROUP_ARN = re.compile(r"arn:[^:]+:athena:[^:]+:\d{12}:workgroup/(?P<name>[a-zA-Z0-9._-]+)")

Document = dict[str, Any]
T = TypeVar("T")


class AthenaError(Exception):
    """A rejected request; ``code`` is AWS's error code."""

    def __init__(self, message: str, code: str = INVALID) -> None:
        super().__init__(message)
        self.code = code


def paged(items: Sequence[T], given: Document, most: int) -> tuple[Sequence[T], Document]:
    """The page of NextToken and MaxResults, and the next page's token.

    Raises AthenaError.
    """
    token = given.get("NextToken", "0")
    if not (token.isascii() and token.isdigit()):
        raise AthenaError("Invalid token")
    begin, size = int(token), given.get("MaxResults", most)
    following = {"NextToken": str(begin + size)} if begin + size < len(items) else {}
    return items[begin : begin + size], following


class Workgroups:
    """The override for Athena's workgroups; ``backend`` is moto's, of a region."""

    def __init__(self, backend: Callable[[str], Any], now: Callable[[], float]) -> None:
        self._backend = backend
        self._now = now

    def __call__(self, request: Request, moto: Handler) -> Response:
        """Handle a request about workgroups; ``moto`` handles the rest."""
        operations: dict[str, Callable[[Any, Document], Document]] = {
            "CreateWorkGroup": self._create,
            "DeleteWorkGroup": self._delete,
            "GetWorkGroup": self._get,
            "ListTagsForResource": self._list_tags,
            "ListWorkGroups": self._list,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "UpdateWorkGroup": self._update,
        }
        operation = operations.get(request.operation)
        if operation is None:
            return moto(request)
        return answered(request, partial(operation, self._backend(request.region)))

    def _create(self, backend: Any, given: Document) -> Document:
        if given["Name"] in backend.work_groups:
            raise AthenaError("WorkGroup already exists")
        configuration = given.get("Configuration", {})
        _check(configuration)
        engine = configuration.get("EngineVersion", {}).get("SelectedEngineVersion", "AUTO")
        made = {
            "ResultConfiguration": {},
            "PublishCloudWatchMetricsEnabled": False,
            "RequesterPaysEnabled": False,
            "EnforceWorkGroupConfiguration": True,
            **configuration,
            "EngineVersion": {"SelectedEngineVersion": engine, "EffectiveEngineVersion": ENGINE},
        }
        backend.create_work_group(given["Name"], made, given.get("Description", ""), given.get("Tags", []))
        backend.work_groups[given["Name"]].created = self._now()
        return {}

    def _get(self, backend: Any, given: Document) -> Document:
        return {"WorkGroup": self._described(found_workgroup(backend, given["WorkGroup"]))}

    def _list(self, backend: Any, given: Document) -> Document:
        listed = [self._described(each) for each in backend.work_groups.values()]
        page, following = paged(listed, given, 50)
        summaries = [
            {key: each[key] for key in ("Name", "State", "Description", "CreationTime")} for each in page
        ]
        return {"WorkGroups": summaries, **following}

    def _update(self, backend: Any, given: Document) -> Document:
        found, updates = found_workgroup(backend, given["WorkGroup"]), given.get("ConfigurationUpdates", {})
        _check(updates)
        configuration = dict(found.configuration)
        configuration["ResultConfiguration"] = _changed(
            configuration.get("ResultConfiguration", {}), updates.get("ResultConfigurationUpdates", {})
        )
        plain = {key: value for key, value in updates.items() if key != "ResultConfigurationUpdates"}
        if engine := plain.pop("EngineVersion", None):
            configuration["EngineVersion"] = {**engine, "EffectiveEngineVersion": ENGINE}
        found.configuration = _changed(configuration, plain)
        found.state = given.get("State", found.state)
        found.description = given.get("Description", found.description)
        return {}

    def _delete(self, backend: Any, given: Document) -> Document:
        found = found_workgroup(backend, given["WorkGroup"])
        if found.name == PRIMARY:
            raise AthenaError("primary workGroup could not be deleted")
        ran = [key for key, each in backend.executions.items() if _ran_in(each, found.name)]
        if ran and not given.get("RecursiveDeleteOption"):
            raise AthenaError(f"WorkGroup {found.name} is not empty")
        for key in ran:
            del backend.executions[key]
        backend.tagger.delete_all_tags_for_resource(found.arn)
        backend.delete_work_group(found.name)
        return {}

    def _list_tags(self, backend: Any, given: Document) -> Document:
        tags = backend.tagger.list_tags_for_resource(self._arn(backend, given))["Tags"]
        page, following = paged(tags, given, 75)
        return {"Tags": page, **following}

    def _tag(self, backend: Any, given: Document) -> Document:
        backend.tagger.tag_resource(self._arn(backend, given), given["Tags"])
        return {}

    def _untag(self, backend: Any, given: Document) -> Document:
        backend.tagger.untag_resource_using_names(self._arn(backend, given), given["TagKeys"])
        return {}

    def _arn(self, backend: Any, given: Document) -> str:
        named = WORKGROUP_ARN.fullmatch(given["ResourceARN"])
        if named is None or named["name"] not in backend.work_groups:
            raise AthenaError(f"Resource {given['ResourceARN']} does not exist", "ResourceNotFoundException")
        return str(given["ResourceARN"])

    def _described(self, found: Any) -> Document:
        return {
            "Name": found.name,
            "State": found.state,
            "Description": found.description or "",
            "Configuration": found.configuration,
            "CreationTime": getattr(found, "created", 0.0),
        }


def found_workgroup(backend: Any, name: str) -> Any:
    """moto's workgroup; raises AthenaError (F217)."""
    if name not in backend.work_groups:
        raise AthenaError("WorkGroup is not found.")
    return backend.work_groups[name]


def answered(request: Request, operation: Callable[[Document], Document]) -> Response:
    """The response of an operation, or Athena's error for a request that Athena rejects."""
    given = {name: value for name, value in request.json().items() if value is not None}
    try:
        if message := violation("athena", request.operation, given):
            raise AthenaError(message)
        return json_response(200, operation(given), JSON)
    except AthenaError as error:
        return error_response(error)


def error_response(error: AthenaError) -> Response:
    """An error in Athena's protocol."""
    body = {"__type": error.code, "Message": str(error)}
    return json_response(400, body, {**JSON, "x-amzn-ErrorType": error.code})


def _check(configuration: Mapping[str, Any]) -> None:
    cutoff = configuration.get("BytesScannedCutoffPerQuery")
    if cutoff is not None and cutoff < LEAST_CUTOFF:
        raise AthenaError(f"BytesScannedCutoffPerQuery must be at least {LEAST_CUTOFF} bytes")
    engine = configuration.get("EngineVersion", {}).get("SelectedEngineVersion", "AUTO")
    if engine not in SELECTABLE:
        raise AthenaError(f"Engine version {engine} is not supported")


REMOVALS = {
    "RemoveBytesScannedCutoffPerQuery": "BytesScannedCutoffPerQuery",
    "RemoveExpectedBucketOwner": "ExpectedBucketOwner",
    "RemoveOutputLocation": "OutputLocation",
}
"""Member of an update -> the setting that the member removes."""


def _changed(before: Mapping[str, Any], updates: Mapping[str, Any]) -> Document:
    removed = {setting for member, setting in REMOVALS.items() if updates.get(member)}
    given = {key: value for key, value in updates.items() if key not in REMOVALS}
    return {key: value for key, value in {**before, **given}.items() if key not in removed}


def _ran_in(execution: Any, workgroup: str) -> bool:
    return bool(execution.workgroup == workgroup)
