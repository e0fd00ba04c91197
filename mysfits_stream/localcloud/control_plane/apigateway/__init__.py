"""REST APIs as the control plane stores them: the operations on ``/restapis``, their tags and the account.

moto keeps only a part of what a definition says, so REST APIs, their stages and their tags live here, in the
shapes that API Gateway answers with, and moto serves the rest of API Gateway (API keys, domain names, HTTP
APIs). The store is plain data; :meth:`RestApis.dump` and :meth:`RestApis.load` carry it over a restart.
"""

from __future__ import annotations

import copy
import json
import random
import re
import string
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from mysfits_stream.localcloud import apigateway as data_plane
from mysfits_stream.localcloud.control_plane.apigateway import export, methods, models, openapi, patch, stages
from mysfits_stream.localcloud.control_plane.apigateway.errors import ApiError, bad_request, not_found
from mysfits_stream.localcloud.control_plane.apigateway.testing import test_invoke
from mysfits_stream.localcloud.wire import Request, Response, json_response

Document = dict[str, Any]

_PAGE = 25
_API_FIELDS: dict[str, Callable[[str], Any]] = {
    "apiKeySource": str,
    "description": str,
    "disableExecuteApiEndpoint": patch.boolean,
    "minimumCompressionSize": int,
    "name": str,
    "policy": str,
    "version": str,
}
_INTERNAL = (
    "region",
    "resources",
    "models",
    "requestValidators",
    "gatewayResponses",
    "deployments",
    "stages",
)


class Call:
    """One request to the control plane, with what its path, query string and body say."""

    def __init__(self, request: Request, match: re.Match[str], api: Document | None) -> None:
        self.request = request
        self.path = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
        self.query = parse_qs(request.query, keep_blank_values=True)
        self._api = api

    @property
    def api(self) -> Document:
        """The API that the path names; only routes below one read it."""
        if self._api is None:
            raise not_found("Invalid API identifier specified")
        return self._api

    def flag(self, name: str) -> bool:
        """A query parameter that is true or false."""
        return self.query.get(name, [""])[0].lower() == "true"

    def body(self) -> Document:
        """The body, a JSON object."""
        try:
            document = json.loads(self.request.body or b"{}")
        except ValueError:
            raise bad_request("Invalid request input") from None
        if not isinstance(document, dict):
            raise bad_request("Invalid request input")
        return document

    def operations(self) -> list[Document]:
        """The body's patch operations."""
        return list(self.body().get("patchOperations") or [])


class RestApis:
    """The store of REST APIs. Safe to use from several threads.

    ``calls_in`` gives, for a region, the function through which TestInvokeMethod calls AWS services.
    """

    def __init__(
        self,
        account: str,
        now: Callable[[], float] = time.time,
        calls_in: Callable[[str], data_plane.CallService | None] = lambda region: None,
        seed: int | None = None,
    ) -> None:
        self.account = account
        self.now = now
        self.calls_in = calls_in
        self._random = random.Random(seed)  # noqa: S311, ids are no secrets
        self._apis: dict[str, Document] = {}
        self._accounts: dict[str, Document] = {}
        self._compiled: dict[tuple[str, str], data_plane.DeployedApi] = {}
        self._served: dict[tuple[str, str], data_plane.DeployedApi] = {}
        self._lock = threading.RLock()

    def handle(self, request: Request) -> Response | None:
        """Answer a control plane request, or None where this is not about REST APIs."""
        path = request.path.rstrip("/") or "/"
        route = _route(request.method, path)
        if route is None:
            return self._unknown(request, path)
        match, answer = route
        headers = {"x-amzn-RequestId": str(uuid.uuid4())}
        try:
            with self._lock:
                api = self._api(match.groupdict().get("api"), request.region)
                answered = answer(self, Call(request, match, api))
            if callable(answered):
                # TestInvokeMethod calls other services, which must not wait for this store.
                answered = answered()
        except ApiError as error:
            return json_response(
                error.status, {"message": error.message}, {**headers, "x-amzn-ErrorType": error.code}
            )
        if isinstance(answered, Response):
            return answered
        status, document = answered
        if document is None:
            return Response(status, headers)
        return json_response(status, document, headers)

    def deployed(self, api_id: str, stage: str) -> data_plane.DeployedApi | None:
        """The API as a stage serves it, or None where there is no such API or stage."""
        served = self._served.get((api_id, stage))
        if served is not None:
            return served
        with self._lock:
            api = self._apis.get(api_id)
            if api is None or stage not in api["stages"]:
                return None
            shown = api["stages"][stage]
            identifier = shown["deploymentId"]
            compiled = self._compiled.get((api_id, identifier))
            if compiled is None:
                snapshot = api["deployments"][identifier]["snapshot"]
                compiled = data_plane.compile(snapshot, self.account, api["region"])
                self._compiled[api_id, identifier] = compiled
            served = data_plane.on_stage(compiled, shown)
            self._served[api_id, stage] = served
            return served

    def apis(self) -> list[Document]:
        """Every REST API as GetRestApi shows it, with its region and the names of its stages."""
        with self._lock:
            return [
                {**shown(api), "region": api["region"], "stages": list(api["stages"])}
                for api in self._apis.values()
            ]

    def dump(self) -> Document:
        """All that is stored, as JSON can carry it."""
        with self._lock:
            return copy.deepcopy({"apis": self._apis, "accounts": self._accounts})

    def load(self, stored: Document) -> None:
        """Replace all that is stored with what :meth:`dump` gave."""
        with self._lock:
            self._apis = copy.deepcopy(stored["apis"])
            self._accounts = copy.deepcopy(stored["accounts"])
            self._compiled.clear()
            self._served.clear()

    def new_id(self, length: int = 6) -> str:
        """An identifier as API Gateway makes them."""
        return "".join(self._random.choices(string.ascii_lowercase + string.digits, k=length))

    def _api(self, identifier: str | None, region: str) -> Document | None:
        if identifier is None:
            return None
        api = self._apis.get(identifier)
        if api is None or (region and api["region"] != region):
            raise not_found(f"Invalid API identifier specified {self.account}:{identifier}")
        return api

    def _changed(self, api: Document) -> None:
        for key in [key for key in self._served if key[0] == api["id"]]:
            del self._served[key]

    def _unknown(self, request: Request, path: str) -> Response | None:
        if not path.startswith("/restapis"):
            return None
        message = f"The local cloud does not know {request.method} {path}"
        return json_response(404, {"message": message}, {"x-amzn-ErrorType": "NotFoundException"})

    # REST APIs

    def _create_api(self, call: Call) -> Any:
        if "mode" in call.query:
            return self._import(call)
        body = call.body()
        if not body.get("name"):
            raise bad_request("API name must be specified" if "name" not in body else "Invalid API name")
        if body.get("cloneFrom"):
            raise bad_request("The local cloud does not clone APIs")
        api = self._new(call, str(body["name"]))
        for member in ("description", "version", "binaryMediaTypes", "minimumCompressionSize", "policy"):
            if body.get(member) is not None:
                api[member] = body[member]
        api["apiKeySource"] = body.get("apiKeySource") or "HEADER"
        api["disableExecuteApiEndpoint"] = bool(body.get("disableExecuteApiEndpoint"))
        api["endpointConfiguration"] |= _endpoint(body.get("endpointConfiguration") or {})
        api["tags"] = dict(body.get("tags") or {})
        api["models"] = models.default_models(self.new_id)
        self._apis[api["id"]] = api
        return 201, shown(api)

    def _new(self, call: Call, name: str) -> Document:
        identifier, root = self.new_id(10), self.new_id(10)
        return {
            "id": identifier,
            "name": name,
            "createdDate": int(self.now()),
            "apiKeySource": "HEADER",
            # The default, also of an import (F107).
            "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
            "disableExecuteApiEndpoint": False,
            "rootResourceId": root,
            "region": call.request.region or "us-east-1",
            "resources": {root: {"id": root, "path": "/", "resourceMethods": {}}},
            "models": {},
            "requestValidators": {},
            "gatewayResponses": {},
            "deployments": {},
            "stages": {},
        }

    def _import(self, call: Call) -> Any:
        document = openapi.parse(call.request.body)
        api = self._new(call, "")
        api["endpointConfiguration"] |= _endpoint(
            {"types": call.query.get("endpointConfigurationTypes", [])[0].split(",")}
            if "endpointConfigurationTypes" in call.query
            else {}
        )
        warnings = self._put_document(api, document, call, "overwrite")
        self._apis[api["id"]] = api
        return 201, {**shown(api), **warnings}

    def _put_api(self, call: Call) -> Any:
        document = openapi.parse(call.request.body)
        changed = copy.deepcopy(call.api)
        mode = call.query.get("mode", ["merge"])[0]
        if mode not in ("merge", "overwrite"):
            raise bad_request(f"Invalid import mode specified: {mode}")
        warnings = self._put_document(changed, document, call, mode)
        self._apis[changed["id"]] = changed
        return 200, {**shown(changed), **warnings}

    def _put_document(self, api: Document, document: Document, call: Call, mode: str) -> Document:
        imported = openapi.Import(document, api, self.new_id, call.query.get("basepath", ["ignore"])[0])
        imported.overwrite() if mode == "overwrite" else imported.merge()
        if not imported.warnings:
            return {}
        if call.flag("failonwarnings"):
            raise bad_request("Warnings found during import:\n\t" + "\n\t".join(imported.warnings))
        return {"warnings": imported.warnings}

    def _list_apis(self, call: Call) -> Any:
        region = call.request.region
        found = [shown(api) for api in self._apis.values() if not region or api["region"] == region]
        return 200, _page(found, call)

    def _get_api(self, call: Call) -> Any:
        return 200, shown(call.api)

    def _update_api(self, call: Call) -> Any:
        changed = copy.deepcopy(call.api)
        plain = []
        for operation in call.operations():
            path = operation.get("path", "")
            if path.startswith("/endpointConfiguration/types"):
                changed["endpointConfiguration"] |= _endpoint({"types": [operation.get("value")]})
            elif path == "/endpointConfiguration/ipAddressType":
                changed["endpointConfiguration"]["ipAddressType"] = operation.get("value")
            else:
                plain.append(operation)
        patch.apply(changed, plain, _API_FIELDS, lists=("binaryMediaTypes",))
        if not changed.get("name"):
            raise bad_request("Invalid API name")
        if not changed.get("binaryMediaTypes"):
            changed.pop("binaryMediaTypes", None)
        self._apis[changed["id"]] = changed
        return 200, shown(changed)

    def _delete_api(self, call: Call) -> Any:
        del self._apis[call.api["id"]]
        self._changed(call.api)
        for key in [key for key in self._compiled if key[0] == call.api["id"]]:
            del self._compiled[key]
        return 202, None

    # Resources, methods, integrations

    def _list_resources(self, call: Call) -> Any:
        embed = "methods" in ",".join(call.query.get("embed", []))
        found = sorted(call.api["resources"].values(), key=lambda each: each["path"])
        return 200, _page([methods.shown_resource(each, embed) for each in found], call)

    def _get_resource(self, call: Call) -> Any:
        embed = "methods" in ",".join(call.query.get("embed", []))
        return 200, methods.shown_resource(methods.resource(call.api, call.path["resource"]), embed)

    def _create_resource(self, call: Call) -> Any:
        part = str(call.body().get("pathPart") or "")
        return 201, methods.shown_resource(
            methods.create_resource(call.api, call.path["resource"], part, self.new_id())
        )

    def _update_resource(self, call: Call) -> Any:
        changed = methods.update_resource(call.api, call.path["resource"], call.operations())
        return 200, methods.shown_resource(changed)

    def _delete_resource(self, call: Call) -> Any:
        methods.delete_resource(call.api, call.path["resource"])
        return 202, None

    def _method(self, call: Call) -> Document:
        return methods.method(call.api, call.path["resource"], call.path["method"])

    def _get_method(self, call: Call) -> Any:
        return 200, self._method(call)

    def _put_method(self, call: Call) -> Any:
        where = (call.path["resource"], call.path["method"])
        return 201, methods.put_method(call.api, *where, call.body())

    def _update_method(self, call: Call) -> Any:
        where = (call.path["resource"], call.path["method"])
        return 200, methods.update_method(call.api, *where, call.operations())

    def _delete_method(self, call: Call) -> Any:
        methods.delete_method(call.api, call.path["resource"], call.path["method"])
        return 204, None

    def _integration(self, call: Call) -> Document:
        return methods.method_integration(call.api, call.path["resource"], call.path["method"])

    def _get_integration(self, call: Call) -> Any:
        return 200, self._integration(call)

    def _put_integration(self, call: Call) -> Any:
        where = (call.path["resource"], call.path["method"])
        return 201, methods.put_integration(call.api, *where, call.body())

    def _update_integration(self, call: Call) -> Any:
        where = (call.path["resource"], call.path["method"])
        return 200, methods.update_integration(call.api, *where, call.operations())

    def _delete_integration(self, call: Call) -> Any:
        methods.delete_integration(call.api, call.path["resource"], call.path["method"])
        return 204, None

    def _responses(self, call: Call) -> tuple[Document, str, str]:
        if "integration" in call.path:
            return self._integration(call), "integrationResponses", call.path["status"]
        return self._method(call), "methodResponses", call.path["status"]

    def _get_response(self, call: Call) -> Any:
        return 200, methods.response(*self._responses(call))

    def _put_response(self, call: Call) -> Any:
        return 201, methods.put_response(*self._responses(call), call.body())

    def _update_response(self, call: Call) -> Any:
        return 200, methods.update_response(*self._responses(call), call.operations())

    def _delete_response(self, call: Call) -> Any:
        methods.delete_response(*self._responses(call))
        return 204, None

    def _test_invoke(self, call: Call) -> Any:
        return test_invoke(self, call.api, call.path["resource"], call.path["method"], call.body())

    # Models, validators, gateway responses

    def _list_models(self, call: Call) -> Any:
        found = sorted(call.api["models"].values(), key=lambda model: model["name"])
        return 200, _page([models.shown_model(model) for model in found], call)

    def _get_model(self, call: Call) -> Any:
        return 200, models.shown_model(models.model(call.api, call.path["name"]))

    def _create_model(self, call: Call) -> Any:
        return 201, models.create_model(call.api, call.body(), self.new_id())

    def _update_model(self, call: Call) -> Any:
        return 200, models.update_model(call.api, call.path["name"], call.operations())

    def _delete_model(self, call: Call) -> Any:
        models.delete_model(call.api, call.path["name"])
        return 202, None

    def _list_validators(self, call: Call) -> Any:
        return 200, _page(list(call.api["requestValidators"].values()), call)

    def _get_validator(self, call: Call) -> Any:
        return 200, models.request_validator(call.api, call.path["name"])

    def _create_validator(self, call: Call) -> Any:
        return 201, models.create_request_validator(call.api, call.body(), self.new_id())

    def _update_validator(self, call: Call) -> Any:
        return 200, models.update_request_validator(call.api, call.path["name"], call.operations())

    def _delete_validator(self, call: Call) -> Any:
        models.delete_request_validator(call.api, call.path["name"])
        return 202, None

    def _list_gateway_responses(self, call: Call) -> Any:
        return 200, _page(models.gateway_responses(call.api), call)

    def _get_gateway_response(self, call: Call) -> Any:
        return 200, models.gateway_response(call.api, call.path["name"])

    def _put_gateway_response(self, call: Call) -> Any:
        return 201, models.put_gateway_response(call.api, call.path["name"], call.body())

    def _update_gateway_response(self, call: Call) -> Any:
        return 200, models.update_gateway_response(call.api, call.path["name"], call.operations())

    def _delete_gateway_response(self, call: Call) -> Any:
        models.delete_gateway_response(call.api, call.path["name"])
        return 202, None

    # Deployments and stages

    def _compile(self, api: Document, snapshot: Document, identifier: str) -> None:
        try:
            self._compiled[api["id"], identifier] = data_plane.compile(snapshot, self.account, api["region"])
        except data_plane.CompileError as error:
            raise bad_request(f"The local cloud cannot serve this API: {error}") from error

    def _create_deployment(self, call: Call) -> Any:
        identifier = self.new_id()
        created = stages.create_deployment(
            call.api,
            call.body(),
            identifier,
            int(self.now()),
            lambda snapshot: self._compile(call.api, snapshot, identifier),
        )
        self._changed(call.api)
        return 201, stages.shown_deployment(created)

    def _list_deployments(self, call: Call) -> Any:
        return 200, _page([stages.shown_deployment(each) for each in call.api["deployments"].values()], call)

    def _get_deployment(self, call: Call) -> Any:
        embed = "apisummary" in ",".join(call.query.get("embed", []))
        return 200, stages.shown_deployment(stages.deployment(call.api, call.path["name"]), embed)

    def _update_deployment(self, call: Call) -> Any:
        changed = stages.update_deployment(call.api, call.path["name"], call.operations())
        return 200, stages.shown_deployment(changed)

    def _delete_deployment(self, call: Call) -> Any:
        stages.delete_deployment(call.api, call.path["name"])
        self._compiled.pop((call.api["id"], call.path["name"]), None)
        return 202, None

    def _list_stages(self, call: Call) -> Any:
        wanted = call.query.get("deploymentId")
        found = [
            stage for stage in call.api["stages"].values() if not wanted or stage["deploymentId"] == wanted[0]
        ]
        return 200, {"item": found}

    def _get_stage(self, call: Call) -> Any:
        return 200, stages.stage(call.api, call.path["name"])

    def _create_stage(self, call: Call) -> Any:
        created = stages.create_stage(call.api, call.body(), int(self.now()))
        self._changed(call.api)
        return 201, created

    def _update_stage(self, call: Call) -> Any:
        changed = stages.update_stage(call.api, call.path["name"], call.operations(), int(self.now()))
        self._changed(call.api)
        return 200, changed

    def _delete_stage(self, call: Call) -> Any:
        stages.delete_stage(call.api, call.path["name"])
        self._changed(call.api)
        return 202, None

    def _export(self, call: Call) -> Any:
        stage = stages.stage(call.api, call.path["name"])
        snapshot = stages.deployment(call.api, stage["deploymentId"])["snapshot"]
        return export.answer(call.api, snapshot, stage, call.path["kind"], call)

    # Tags and the account

    def _tagged(self, call: Call) -> Document:
        found = re.fullmatch(
            r"arn:aws[\w-]*:apigateway:[\w-]*::/restapis/(\w+)(?:/stages/(\w+))?", call.path["arn"]
        )
        if not found:
            raise bad_request("Invalid ARN specified in the request")
        api = self._api(found[1], "")
        if api is None:
            raise not_found("Invalid API identifier specified")
        return stages.stage(api, found[2]) if found[2] else api

    def _get_tags(self, call: Call) -> Any:
        return 200, {"tags": self._tagged(call).get("tags") or {}}

    def _tag(self, call: Call) -> Any:
        self._tagged(call).setdefault("tags", {}).update(call.body().get("tags") or {})
        return 204, None

    def _untag(self, call: Call) -> Any:
        tags = self._tagged(call).get("tags") or {}
        for key in call.query.get("tagKeys", []):
            tags.pop(key, None)
        return 204, None

    def _account(self, call: Call) -> Document:
        return self._accounts.setdefault(
            call.request.region,
            {
                "apiKeyVersion": "4",
                "features": ["UsagePlans"],
                "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
            },
        )

    def _get_account(self, call: Call) -> Any:
        return 200, self._account(call)

    def _update_account(self, call: Call) -> Any:
        account = self._account(call)
        patch.apply(account, call.operations(), {"cloudwatchRoleArn": str}, lists=("features",))
        return 200, account


def shown(api: Document) -> Document:
    """An API as GetRestApi shows it."""
    return {key: value for key, value in api.items() if key not in _INTERNAL}


def _endpoint(given: Document) -> Document:
    kinds = [kind for kind in given.get("types") or [] if kind]
    if any(kind not in ("EDGE", "REGIONAL", "PRIVATE") for kind in kinds):
        raise bad_request(
            "1 validation error detected: Value '"
            f"{kinds}' at 'endpointConfiguration.types' failed to satisfy constraint: Member must satisfy "
            "enum value set: [PRIVATE, EDGE, REGIONAL]"
        )
    changed: Document = {"types": kinds} if kinds else {}
    if "PRIVATE" in kinds:
        changed["ipAddressType"] = "dualstack"
    for member in ("vpcEndpointIds", "ipAddressType"):
        if given.get(member):
            changed[member] = given[member]
    return changed


def _page(items: list[Document], call: Call) -> Document:
    limit = int(call.query.get("limit", [str(_PAGE)])[0])
    start = 0
    if "position" in call.query:
        wanted = call.query["position"][0]
        start = next((i for i, item in enumerate(items) if _key(item) == wanted), len(items))
    page: Document = {"item": items[start : start + limit]}
    if start + limit < len(items):
        page["position"] = _key(items[start + limit])
    return page


def _key(item: Document) -> str:
    return str(item.get("id") or item.get("responseType"))


def _routes() -> list[tuple[str, re.Pattern[str], Callable[[RestApis, Call], Any]]]:
    api, one = "/restapis/(?P<api>[^/]+)", "/(?P<name>[^/]+)"
    resource = f"{api}/resources/(?P<resource>[^/]+)"
    method = f"{resource}/methods/(?P<method>[^/]+)"
    status = "/responses/(?P<status>[^/]+)"
    integration = f"{method}/(?P<integration>integration)"
    tags = "/tags/(?P<arn>.+restapis.+)"
    R = RestApis
    table: list[tuple[str, str, Callable[[RestApis, Call], Any]]] = [
        ("POST", "/restapis", R._create_api),
        ("GET", "/restapis", R._list_apis),
        ("GET", api, R._get_api),
        ("PUT", api, R._put_api),
        ("PATCH", api, R._update_api),
        ("DELETE", api, R._delete_api),
        ("GET", f"{api}/resources", R._list_resources),
        ("POST", resource, R._create_resource),
        ("GET", resource, R._get_resource),
        ("PATCH", resource, R._update_resource),
        ("DELETE", resource, R._delete_resource),
        ("PUT", method, R._put_method),
        ("GET", method, R._get_method),
        ("PATCH", method, R._update_method),
        ("DELETE", method, R._delete_method),
        ("POST", method, R._test_invoke),
        ("PUT", integration, R._put_integration),
        ("GET", integration, R._get_integration),
        ("PATCH", integration, R._update_integration),
        ("DELETE", integration, R._delete_integration),
        ("GET", f"{api}/models", R._list_models),
        ("POST", f"{api}/models", R._create_model),
        ("GET", f"{api}/models{one}", R._get_model),
        ("PATCH", f"{api}/models{one}", R._update_model),
        ("DELETE", f"{api}/models{one}", R._delete_model),
        ("GET", f"{api}/requestvalidators", R._list_validators),
        ("POST", f"{api}/requestvalidators", R._create_validator),
        ("GET", f"{api}/requestvalidators{one}", R._get_validator),
        ("PATCH", f"{api}/requestvalidators{one}", R._update_validator),
        ("DELETE", f"{api}/requestvalidators{one}", R._delete_validator),
        ("GET", f"{api}/gatewayresponses", R._list_gateway_responses),
        ("GET", f"{api}/gatewayresponses{one}", R._get_gateway_response),
        ("PUT", f"{api}/gatewayresponses{one}", R._put_gateway_response),
        ("PATCH", f"{api}/gatewayresponses{one}", R._update_gateway_response),
        ("DELETE", f"{api}/gatewayresponses{one}", R._delete_gateway_response),
        ("POST", f"{api}/deployments", R._create_deployment),
        ("GET", f"{api}/deployments", R._list_deployments),
        ("GET", f"{api}/deployments{one}", R._get_deployment),
        ("PATCH", f"{api}/deployments{one}", R._update_deployment),
        ("DELETE", f"{api}/deployments{one}", R._delete_deployment),
        ("POST", f"{api}/stages", R._create_stage),
        ("GET", f"{api}/stages", R._list_stages),
        ("GET", f"{api}/stages{one}", R._get_stage),
        ("PATCH", f"{api}/stages{one}", R._update_stage),
        ("DELETE", f"{api}/stages{one}", R._delete_stage),
        ("GET", f"{api}/stages{one}/exports/(?P<kind>[^/]+)", R._export),
        ("GET", tags, R._get_tags),
        ("PUT", tags, R._tag),
        ("DELETE", tags, R._untag),
        ("GET", "/account", R._get_account),
        ("PATCH", "/account", R._update_account),
    ]
    for owner in (method, integration):
        table += [
            ("GET", f"{owner}{status}", R._get_response),
            ("PUT", f"{owner}{status}", R._put_response),
            ("PATCH", f"{owner}{status}", R._update_response),
            ("DELETE", f"{owner}{status}", R._delete_response),
        ]
    return [(verb, re.compile(pattern), answer) for verb, pattern, answer in table]


_ROUTES = _routes()


def _route(verb: str, path: str) -> tuple[re.Match[str], Callable[[RestApis, Call], Any]] | None:
    for wanted, pattern, answer in _ROUTES:
        match = pattern.fullmatch(path) if wanted == verb else None
        if match:
            return match, answer
    return None
