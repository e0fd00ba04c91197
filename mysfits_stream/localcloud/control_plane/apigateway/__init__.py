"""The control plane of REST APIs: the operations on ``/restapis``, tags and the account.

moto stores only part of an API's definition, so REST APIs, their stages and their tags are stored here, in
the shapes of API Gateway's responses, and moto serves the rest of API Gateway (API keys, domain names, HTTP
APIs). The store is plain data; :meth:`RestApis.dump` and :meth:`RestApis.load` persist the store over a
restart.
"""

from __future__ import annotations

import copy
import random
import re
import string
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mysfits_stream.localcloud.control_plane.apigateway import (
    apis,
    domains,
    operations,
    patch,
    stages,
    validation,
)
from mysfits_stream.localcloud.control_plane.apigateway.call import Call
from mysfits_stream.localcloud.control_plane.apigateway.errors import ApiError, bad_request, not_found
from mysfits_stream.localcloud.execute_api import handler as data_plane
from mysfits_stream.localcloud.http.messages import Request, Response, json_response

Document = dict[str, Any]

_DOMAIN_ARN = re.compile(r"arn:aws[\w-]*:apigateway:([\w-]*)::/domainnames/([\w.-]+)")
_ARN = re.compile(r"arn:aws[\w-]*:apigateway:[\w-]*::/restapis/(\w+)(?:/stages/(\w+))?")
_NAMES_A_PART = re.compile(r"/restapis/[^/]+/(resources|models|requestvalidators|deployments|stages)/[^/]")
_EMPTY: Document = {
    "id": "",
    "resources": {},
    "models": {},
    "requestValidators": {},
    "deployments": {},
    "stages": {},
}
_CHANGING = ("POST", "PUT", "PATCH", "DELETE")


class RestApis:
    """The store of REST APIs. Safe to use from several threads.

    ``calls_in`` returns, for a region, the function by which TestInvokeMethod calls AWS services.
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
        self._domains: domains.Domains = {}
        # Compiled by API and deployment; served by API and stage.
        self._compiled: dict[tuple[str, str], data_plane.DeployedApi] = {}
        self._served: dict[tuple[str, str], data_plane.DeployedApi] = {}
        self._lock = threading.RLock()

    # For the front and the data plane

    def handle(self, request: Request) -> Response | None:
        """Handle a control plane request, or return None for a request not about REST APIs."""
        path = request.path.rstrip("/") or "/"
        found = operations.find(request.method, path)
        if found is None:
            return _unknown(request, path)
        match, operation = found
        headers = {"x-amzn-RequestId": str(uuid.uuid4())}
        try:
            validation.check(request)
            with self._lock:
                api = self._find(match.groupdict().get("api") or "", request)
                changes = bool(api and api["id"]) and request.method in _CHANGING
                # An operation changes a draft, so that an error leaves the API as it was.
                draft = _draft(api) if changes and api else api
                answered = operation(self, Call(request, match, draft, self.account))
                if changes and api and draft:
                    if self._apis.get(api["id"]) is api:
                        self._apis[api["id"]] = draft
                    self._forget_served(api["id"])
            if callable(answered):
                # TestInvokeMethod calls other services, which must not wait for this store.
                answered = answered()
        except ApiError as error:
            headers["x-amzn-ErrorType"] = error.code
            return json_response(error.status, {"message": error.message}, headers)
        if isinstance(answered, Response):
            return answered
        status, document = answered
        return Response(status, headers) if document is None else json_response(status, document, headers)

    def deployed(self, api_id: str, stage: str) -> data_plane.DeployedApi | None:
        """The API as served by a stage, or None for an unknown API or stage."""
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
        """Every REST API in the form of GetRestApi, with its region and the names of its stages."""
        with self._lock:
            return [
                {**apis.shown(api), "region": api["region"], "stages": list(api["stages"])}
                for api in self._apis.values()
            ]

    def dump(self) -> Document:
        """The whole store as a JSON document."""
        with self._lock:
            return copy.deepcopy({"apis": self._apis, "accounts": self._accounts, "domains": self._domains})

    def load(self, stored: Document) -> None:
        """Replace the whole store with a document of :meth:`dump`."""
        with self._lock:
            self._apis = copy.deepcopy(stored["apis"])
            self._accounts = copy.deepcopy(stored["accounts"])
            self._domains = copy.deepcopy(stored.get("domains", {}))
            self._compiled.clear()
            self._served.clear()

    # For the operations, which hold the lock

    def new_id(self, length: int = 6) -> str:
        """An identifier in API Gateway's format."""
        return "".join(self._random.choices(string.ascii_lowercase + string.digits, k=length))

    def seconds(self) -> int:
        """The time as the control plane shows it."""
        return int(self.now())

    def listed(self, region: str) -> list[Document]:
        """The APIs of a region."""
        return [apis.shown(api) for api in self._apis.values() if not region or api["region"] == region]

    def replaced(self, api: Document) -> Document:
        """Store an API, new or changed."""
        self._apis[api["id"]] = api
        return api

    def create_api(self, call: Call) -> tuple[int, Document]:
        """CreateRestApi."""
        return 201, apis.shown(self.replaced(apis.create(call, self.new_id, self.seconds())))

    def import_api(self, call: Call) -> tuple[int, Document]:
        """ImportRestApi."""
        api, warnings = apis.imported(call, self.new_id, self.seconds())
        return 201, {**apis.shown(self.replaced(api)), **warnings}

    def put_api(self, call: Call) -> tuple[int, Document]:
        """PutRestApi; merges by default (F108)."""
        api, warnings = apis.put(call, self.new_id, call.query.get("mode", ["merge"])[0])
        return 200, {**apis.shown(self.replaced(api)), **warnings}

    def delete_api(self, api: Document) -> None:
        """DeleteRestApi, with its deployments and stages; an API that a domain name maps to stays."""
        domains.check_unmapped(self._domains, api["id"])
        del self._apis[api["id"]]
        for key in [key for key in self._compiled if key[0] == api["id"]]:
            del self._compiled[key]

    def deploy(self, call: Call) -> tuple[int, Document]:
        """CreateDeployment; rejects an API that cannot be served, and names the place."""
        api, identifier = call.api, self.new_id()

        def check(snapshot: Document) -> None:
            try:
                compiled = data_plane.compile(snapshot, self.account, api["region"])
            except data_plane.CompileError as error:
                raise bad_request(f"The local cloud cannot serve this API: {error}") from error
            self._compiled[api["id"], identifier] = compiled

        created = stages.create_deployment(api, call.body(), identifier, self.seconds(), check)
        return 201, stages.shown_deployment(created)

    def delete_deployment(self, api: Document, identifier: str) -> None:
        """DeleteDeployment."""
        stages.delete_deployment(api, identifier)
        self._compiled.pop((api["id"], identifier), None)

    def tagged(self, arn: str) -> Document:
        """The API, stage or domain name of an ARN."""
        if named := _DOMAIN_ARN.fullmatch(arn):
            return domains.find(self._domains, named[1], named[2])
        found = _ARN.fullmatch(arn)
        if not found:
            raise bad_request("Invalid ARN specified in the request")
        api = self._api(found[1], "")
        return stages.stage(api, found[2]) if found[2] else api

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """TagResource."""
        self.tagged(arn).setdefault("tags", {}).update(tags)

    def untag(self, arn: str, keys: Iterable[str]) -> None:
        """UntagResource."""
        tags = self.tagged(arn).get("tags") or {}
        for key in keys:
            tags.pop(key, None)

    def domain(self, call: Call) -> Document:
        """The domain name in the path."""
        return domains.find(self._domains, call.request.region, call.path["domain"])

    def create_domain(self, call: Call) -> Document:
        """CreateDomainName."""
        return domains.create(self._domains, call.request.region, call.body(), self.new_id(10))

    def delete_domain(self, call: Call) -> None:
        """DeleteDomainName."""
        domains.delete(self._domains, call.request.region, call.path["domain"])

    def create_mapping(self, call: Call) -> Document:
        """CreateBasePathMapping."""
        body = call.body()
        api = self._api(str(body.get("restApiId") or ""), call.request.region)
        return domains.create_mapping(self.domain(call), body, api)

    def account_of(self, region: str) -> Document:
        """The response of GetAccount; a singleton of each region (F113)."""
        new = {
            "apiKeyVersion": "4",
            "features": ["UsagePlans"],
            "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
        }
        return self._accounts.setdefault(region, new)

    def update_account(self, region: str, changes: list[Document]) -> Document:
        """UpdateAccount."""
        account = self.account_of(region)
        patch.apply(account, changes, {"cloudwatchRoleArn": str}, lists=("features",))
        return account

    def _find(self, identifier: str, request: Request) -> Document | None:
        """The API of a path; an API without any parts where AWS names the missing part (F149)."""
        api = self._apis.get(identifier)
        if api is not None and request.region in ("", api["region"]):
            return api
        return _EMPTY if request.method != "POST" and _NAMES_A_PART.match(request.path) else None

    def _api(self, identifier: str, region: str) -> Document:
        api = self._apis.get(identifier)
        if api is None or (region and api["region"] != region):
            raise not_found(f"Invalid API identifier specified {self.account}:{identifier}")
        return api

    def _forget_served(self, api_id: str) -> None:
        for key in [key for key in self._served if key[0] == api_id]:
            del self._served[key]


def _draft(api: Document) -> Document:
    """A copy of an API for changes; deployments are replaced, never changed."""
    parts = {name: part for name, part in api.items() if name != "deployments"}
    return {**copy.deepcopy(parts), "deployments": dict(api["deployments"])}


def _unknown(request: Request, path: str) -> Response | None:
    if not path.startswith("/restapis"):
        return None
    message = f"The local cloud does not know {request.method} {path}"
    return json_response(404, {"message": message}, {"x-amzn-ErrorType": "NotFoundException"})
