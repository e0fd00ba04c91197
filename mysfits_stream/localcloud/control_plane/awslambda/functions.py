"""Functions: overrides of creation, updates and configuration.

A function is stored in moto's own backend as a :class:`StoredFunction`, so every operation served by moto
(GetFunction, versions, aliases, tags, policies) shows the corrected configuration too.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote, urlencode

from mysfits_stream.localcloud.awslambda.function import Function, LambdaError
from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.control_plane.awslambda.checks import check_function, unpackable
from mysfits_stream.localcloud.control_plane.awslambda.requests import invalid, not_found, parsed
from mysfits_stream.localcloud.control_plane.awslambda.stored import (
    StoredFunction,
    in_state,
    reserved_concurrency,
    value_of,
)
from mysfits_stream.localcloud.control_plane.awslambda.versions import STALE, Versions
from mysfits_stream.localcloud.control_plane.moto_state import (
    JsonRESTError,
    LambdaFunction,
    UnknownFunctionException,
)
from mysfits_stream.localcloud.control_plane.transitions import Transitions
from mysfits_stream.localcloud.http.messages import Handler, Request, Response, json_response

FUNCTION_PATH = re.compile(
    r"/2015-03-31/functions(?:/(?P<function>[^/]+?))?(?:/(?P<part>code|configuration))?/?"
)
OF_FUNCTION = re.compile(r"(?P<before>/\d{4}-\d\d-\d\d/functions/)(?P<function>[^/]+)(?P<rest>(?:/.*)?)")
FUNCTION = re.compile(
    r"(?:(?:arn:[^:]+:lambda:(?P<region>[^:]+):)?(?:(?P<account>\d{12}):)?function:)?"
    r"(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?"
)
MAX_NAME = 64
CANNOT_BE_ASSUMED = "The role defined for the function cannot be assumed by Lambda."


class Functions:
    """The override for Lambda.

    ``can_assume`` returns whether Lambda may assume a role. ``transitions`` have the
    durations of ``create`` and ``update``.
    """

    def __init__(self, account: str, can_assume: Callable[[str], bool], transitions: Transitions) -> None:
        self._account = account
        self._can_assume = can_assume
        self._transitions = transitions
        self._versions = Versions(account, self._find)

    def __call__(self, request: Request, ask_moto: Handler) -> Response:
        """Answer a request to Lambda's control plane."""
        self._settle_all(request.region)
        try:
            request = self._by_name(request)
            operation = self._operation(request)
            return _as_lambda((operation and operation()) or ask_moto(request))
        except LambdaError as error:
            return _refused(error.code, str(error), error.status)
        except JsonRESTError as error:
            return _refused(error.error_type, error.message, error.code)

    def function(self, arn: str) -> Function | None:
        """The function of an ARN, with or without a qualifier, for the data plane; None if missing.

        Raises LambdaError for a function that cannot be invoked now, or not here.
        """
        region = arn.split(":")[3]
        stored = self._find(region, arn)
        if stored is None:
            return None
        if isinstance(stored, StoredFunction):
            stored.settle(self._transitions.steady())
        if stored.state == "Pending":
            raise in_state(stored)
        if not (stored.run_time or "").startswith("python"):
            message = f"Only Python runtimes run in the local cloud, not {stored.run_time}"
            raise LambdaError("InvalidRuntimeException", message, 502)
        latest = self._find(region, stored.function_name) or stored
        return replace(value_of(stored), invoked_arn=arn, reserved_concurrency=reserved_concurrency(latest))

    def _by_name(self, request: Request) -> Request:
        """The request with an existing function's plain name in place of an ARN or partial ARN.

        Raises LambdaError.
        """
        path = OF_FUNCTION.fullmatch(request.path)
        named = FUNCTION.fullmatch(unquote(path["function"])) if path else None
        if path is None or named is None:
            return request
        region, name = request.region, named["name"]
        qualifier = request.parameters.get("Qualifier") or named["qualifier"]
        if named["region"] not in (None, region):
            message = f"Functions from '{named['region']}' are not reachable in this region ('{region}')"
            raise LambdaError("ResourceNotFoundException", message, 404)
        if named["account"] not in (None, self._account) or self._find(region, name) is None:
            arn = f"arn:{moto_state.partition(region)}:lambda:{region}:{named['account'] or self._account}"
            suffix = f":{qualifier}" if qualifier else ""
            raise not_found(f"{arn}:function:{name}{suffix}")
        # An update changes $LATEST, also for the ARN of a version.
        updates = request.method == "PUT" and path["rest"] in ("/code", "/configuration")
        query = request.query
        if named["qualifier"] and "Qualifier" not in request.parameters and not updates:
            query = "&".join(filter(None, (query, urlencode({"Qualifier": qualifier}))))
        return replace(request, path=f"{path['before']}{quote(name)}{path['rest']}", query=query)

    def _operation(self, request: Request) -> Callable[[], Response | None] | None:
        path = FUNCTION_PATH.fullmatch(request.path)
        if path is None:
            return self._versions.operation(request)
        name = unquote(path["function"] or "")
        match request.method, bool(name), path["part"]:
            case "POST", False, None:
                return lambda: self._create(request)
            case "PUT", True, "code":
                return lambda: self._update_code(request, name)
            case "PUT", True, "configuration":
                return lambda: self._update_configuration(request, name)
            case "DELETE", True, None:
                return lambda: self._delete(request, name)
        return None

    def _create(self, request: Request) -> Response:
        spec = parsed(request, "CreateFunction")
        region, name = request.region, spec["FunctionName"].rsplit(":", 1)[-1]
        if len(name) > MAX_NAME:
            raise invalid(
                f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy "
                f"constraint: Member must have length less than or equal to {MAX_NAME}"
            )
        arn = (
            f"arn:{self._backend(region)._lambdas.partition}:lambda:{region}:{self._account}:function:{name}"
        )
        check_function(spec)
        self._check_role(spec["Role"])
        if self._find(region, name):
            raise LambdaError("ResourceConflictException", f"Function already exist: {name}", 409)
        now = self._transitions.now()
        active_at = self._transitions.end("create", arn)
        stored = StoredFunction(  # type: ignore[abstract]  # moto's own class is, by CloudFormation's hooks
            self._account, region, {**spec, "FunctionName": name}, now, active_at
        )
        if not unpackable(stored.code_bytes):
            raise invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
        self._backend(region)._lambdas.put_function(stored)
        if spec.get("Publish"):
            stored = self._versions.publish(stored)
        return json_response(201, stored.get_configuration())

    def _update_code(self, request: Request, name: str) -> Response | None:
        stored, given = self._to_update(request, name, "UpdateFunctionCode")
        if stored is None:
            return None
        kept = dict(stored.code), stored.code_bytes, stored.code_size, stored.code_sha_256, stored.code_digest
        stored.update_function_code(given)
        if not unpackable(stored.code_bytes):
            (stored.code, stored.code_bytes, stored.code_size, stored.code_sha_256, stored.code_digest) = kept
            raise invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
        if not given.get("DryRun"):
            self._changed(stored)
        if given.get("Publish") and not given.get("DryRun"):
            stored = self._versions.publish(stored)
        return json_response(200, stored.get_configuration())

    def _update_configuration(self, request: Request, name: str) -> Response | None:
        stored, given = self._to_update(request, name, "UpdateFunctionConfiguration")
        if stored is None:
            return None
        check_function({"PackageType": "Image", **given})
        if "Role" in given:
            self._check_role(given["Role"])
        stored.update_configuration(given)
        self._changed(stored)
        return json_response(200, stored.get_configuration())

    def _delete(self, request: Request, name: str) -> None:
        stored = self._find(request.region, name)
        if stored is not None and stored.state == "Pending":
            raise in_state(stored)
        if stored is not None and (version := request.parameters.get("Qualifier")):
            self._versions.check_deletable(stored, version)

    def _to_update(
        self, request: Request, name: str, operation: str
    ) -> tuple[StoredFunction | None, dict[str, Any]]:
        given = parsed(request, operation, FunctionName=name)
        stored = self._find(request.region, name)
        if not isinstance(stored, StoredFunction):
            return None, given
        stored.check_idle()
        if given.get("RevisionId") not in (None, stored.revision_id):
            raise LambdaError("PreconditionFailedException", STALE, 412)
        return stored, given

    def _changed(self, stored: StoredFunction) -> None:
        stored.touch(self._transitions.now())
        stored.last_update_status = "InProgress"
        stored.settles_at = self._transitions.end("update", stored.function_arn)

    def _check_role(self, role: str) -> None:
        if not self._can_assume(role):
            raise invalid(CANNOT_BE_ASSUMED)

    def _backend(self, region: str) -> Any:
        return moto_state.backend("lambda", self._account, region)

    def _find(self, region: str, name_or_arn: str) -> LambdaFunction | None:
        try:
            found: LambdaFunction = self._backend(region).get_function(name_or_arn)
        except UnknownFunctionException:
            return None
        return found

    def _settle_all(self, region: str) -> None:
        now = self._transitions.steady()
        for versions in self._backend(region)._lambdas._functions.values():
            for stored in (versions["latest"], *versions["versions"]):
                if isinstance(stored, StoredFunction):
                    stored.settle(now)


def _as_lambda(response: Response) -> Response:
    """An answer of moto with the request id and the error document of Lambda."""
    code = next((value for name, value in response.headers.items() if name.lower() == "x-amzn-errortype"), "")
    if code and response.status >= 400:
        document = response.json()
        message = document.get("Message") or document.get("message") or ""
        response = _refused(code, message, response.status)
    kept = {name: value for name, value in response.headers.items() if name.lower() != "x-amzn-requestid"}
    return replace(response, headers={**kept, "x-amzn-RequestId": str(uuid.uuid4())})


def _refused(code: str, message: str, status: int) -> Response:
    headers = {"x-amzn-ErrorType": code, "x-amzn-RequestId": str(uuid.uuid4())}
    return json_response(status, {"Type": "User", "Message": message}, headers)
