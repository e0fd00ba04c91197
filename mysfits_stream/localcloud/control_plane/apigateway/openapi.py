"""Imports OpenAPI 3.0 and Swagger 2.0 documents with API Gateway's extensions (F102)."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import yaml

from mysfits_stream.localcloud.control_plane.apigateway import integrations, methods, simulated_extensions
from mysfits_stream.localcloud.control_plane.apigateway.errors import ApiError, bad_request
from mysfits_stream.localcloud.control_plane.apigateway.models import check_schema
from mysfits_stream.localcloud.control_plane.apigateway.simulated_extensions import EXTENSION
from mysfits_stream.localcloud.execute_api.gateway_responses import TYPES
from mysfits_stream.localcloud.execute_api.request_validation import MODEL_URL

Document = dict[str, Any]

_VERBS = {verb.lower(): verb for verb in methods.HTTP_METHODS} | {f"{EXTENSION}any-method": "ANY"}
_PLACES = {"query": "querystring", "header": "header", "path": "path"}


class _Loader(yaml.SafeLoader):
    """YAML without dates: a version like 2015-04-20 is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(body: bytes) -> Document:
    """A JSON or YAML document; raises AWS's error unless the document is OpenAPI (F106)."""
    try:
        text = body.decode("utf-8")
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)  # noqa: S506
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise bad_request("Invalid OpenAPI input.") from error
    if not isinstance(document, dict) or not isinstance(document.get("paths", {}), dict):
        raise bad_request("Invalid OpenAPI input.")
    version = str(document.get("openapi") or document.get("swagger") or "")
    if not re.match(r"3\.0|2\.0|3\.1", version):
        raise bad_request("Invalid OpenAPI input.")
    simulated_extensions.check(document)
    return document


class Import:
    """The import of a document into an API."""

    def __init__(self, document: Document, api: Document, new_id: Callable[[], str], base_path: str) -> None:
        self.document = document
        self.api = api
        self.new_id = new_id
        self.base_path = base_path
        self.warnings: list[str] = []
        self.swagger = "swagger" in document

    def overwrite(self) -> None:
        """Replace the whole definition, keeping the ids of resources with unchanged paths (F108)."""
        info, api = self.document.get("info") or {}, self.api
        api["name"] = str(info.get("title") or api["name"])
        for member in ("version", "description"):
            api.pop(member, None)
            if info.get(member) is not None:
                api[member] = str(info[member])
        for member in ("binaryMediaTypes", "minimumCompressionSize", "policy"):
            api.pop(member, None)
        root = api["resources"][api["rootResourceId"]]
        kept = {each["path"]: each["id"] for each in api["resources"].values()}
        api["resources"] = {root["id"]: {**root, "resourceMethods": {}}}
        api["models"], api["requestValidators"], api["gatewayResponses"] = {}, {}, {}
        self._put(kept)

    def merge(self) -> None:
        """Add the definition; the new definition overrides the old one."""
        version = (self.document.get("info") or {}).get("version")
        if version is not None:
            self.api["version"] = str(version)
        self._put({each["path"]: each["id"] for each in self.api["resources"].values()})

    def _put(self, kept: dict[str, str]) -> None:
        self._settings()
        self._models()
        self._validators()
        self._gateway_responses()
        prefix = self._prefix()
        paths = self.document.get("paths") or {}
        for path, item in paths.items():
            if path.startswith("/") and isinstance(item, dict):
                self._path(f"{prefix}{path}", item, kept)

    def _settings(self) -> None:
        document, api = self.document, self.api
        before = api.get("binaryMediaTypes") or []
        for extension, member in (
            ("binary-media-types", "binaryMediaTypes"),
            ("minimum-compression-size", "minimumCompressionSize"),
            ("api-key-source", "apiKeySource"),
        ):
            if EXTENSION + extension in document:
                api[member] = document[EXTENSION + extension]
        if types := api.get("binaryMediaTypes"):
            api["binaryMediaTypes"] = list(dict.fromkeys([*before, *types]))
        if f"{EXTENSION}policy" in document:
            api["policy"] = json.dumps(document[f"{EXTENSION}policy"])
        endpoint = document.get(f"{EXTENSION}endpoint-configuration") or {}
        if "disableExecuteApiEndpoint" in endpoint:
            api["disableExecuteApiEndpoint"] = bool(endpoint["disableExecuteApiEndpoint"])

    def _prefix(self) -> str:
        """The prefix of every path: empty, or a part of the document's base path."""
        if self.swagger:
            base = str(self.document.get("basePath") or "")
        else:
            servers = self.document.get("servers") or [{}]
            variable = ((servers[0].get("variables") or {}).get("basePath") or {}).get("default")
            base = str(variable if variable is not None else urlsplit(str(servers[0].get("url") or "")).path)
        parts = [part for part in base.split("/") if part]
        if self.base_path == "split":
            parts = parts[1:]
        elif self.base_path != "prepend":
            parts = []
        return "".join(f"/{part}" for part in parts)

    def _schemas(self) -> Document:
        if self.swagger:
            return self.document.get("definitions") or {}
        return (self.document.get("components") or {}).get("schemas") or {}

    def _models(self) -> None:
        for name, schema in self._schemas().items():
            if not re.fullmatch(r"[A-Za-z0-9]+", name):
                raise bad_request(
                    f"Errors found during import:\n\tUnable to create model with name '{name}': "
                    f"Model name must be alphanumeric: {name}"
                )
            self._model(name, schema)

    def _model(self, name: str, schema: Any) -> None:
        text = json.dumps(self._refer(copy.deepcopy(schema)), default=str)
        try:
            check_schema(text)
        except ApiError as error:
            raise bad_request(
                f"Errors found during import:\n\tUnable to create model with name '{name}': {error.message}"
            ) from error
        before = self.api["models"].get(name, {})
        model: Document = {
            "id": before.get("id") or self.new_id(),
            "name": name,
            "contentType": "application/json",
            "schema": text,
            # An imported model is validated without minItems and maxItems until its schema is updated (F101).
            "imported": True,
        }
        if isinstance(schema, dict) and schema.get("description"):
            model["description"] = schema["description"]
        self.api["models"][name] = model

    def _refer(self, schema: Any) -> Any:
        """Turn references to schemas into references to the models of the schemas."""
        if isinstance(schema, list):
            return [self._refer(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith(("#/components/schemas/", "#/definitions/")):
            return {"$ref": MODEL_URL.format(api=self.api["id"], name=reference.rsplit("/", 1)[1])}
        referred = {key: self._refer(value) for key, value in schema.items()}
        if isinstance(referred.get("required"), list) and not self.swagger:
            # AWS's reader of OpenAPI 3 sorts them.
            referred["required"] = sorted(referred["required"])
        return referred

    def _validators(self) -> None:
        existing = {each["name"]: each["id"] for each in self.api["requestValidators"].values()}
        for name, checks in (self.document.get(f"{EXTENSION}request-validators") or {}).items():
            identifier = existing.get(name) or self.new_id()
            self.api["requestValidators"][identifier] = {
                "id": identifier,
                "name": name,
                "validateRequestBody": bool(checks.get("validateRequestBody")),
                "validateRequestParameters": bool(checks.get("validateRequestParameters")),
            }

    def _gateway_responses(self) -> None:
        for kind, response in (self.document.get(f"{EXTENSION}gateway-responses") or {}).items():
            if kind not in TYPES:
                raise bad_request(f"Errors found during import:\n\tInvalid gateway response type: {kind}")
            status = response.get("statusCode") or TYPES[kind][0]
            self.api["gatewayResponses"][kind] = {
                "responseType": kind,
                **({"statusCode": str(status)} if status else {}),
                "responseParameters": response.get("responseParameters") or {},
                "responseTemplates": response.get("responseTemplates")
                or {"application/json": '{"message":$context.error.messageString}'},
                "defaultResponse": False,
            }

    def _path(self, path: str, item: Document, kept: dict[str, str]) -> None:
        resource = self._resource(path, kept)
        shared = item.get("parameters") or []
        for key, operation in item.items():
            if key.lower() in _VERBS and isinstance(operation, dict):
                verb = _VERBS[key.lower()]
                resource["resourceMethods"][verb] = self._method(verb, resource, operation, shared)

    def _resource(self, path: str, kept: dict[str, str]) -> Document:
        place: Document = self.api["resources"][self.api["rootResourceId"]]
        walked = ""
        for part in (part for part in path.split("/") if part):
            walked += f"/{part}"
            found = next((r for r in self.api["resources"].values() if r["path"] == walked), None)
            place = found or methods.create_resource(
                self.api, place["id"], part, kept.get(walked) or self.new_id()
            )
        return place

    def _method(self, verb: str, resource: Document, operation: Document, shared: list[Any]) -> Document:
        method: Document = {
            "httpMethod": verb,
            "authorizationType": self._authorization(operation),
            "apiKeyRequired": self._needs_key(operation),
        }
        if operation.get("operationId"):
            method["operationName"] = str(operation["operationId"])
        parameters = {}
        request_models: Document = {}
        for parameter in [*shared, *(operation.get("parameters") or [])]:
            parameter = self._resolved(parameter)
            if parameter.get("in") in _PLACES:
                name = f"method.request.{_PLACES[parameter['in']]}.{parameter['name']}"
                parameters[name] = bool(parameter.get("required"))
            elif parameter.get("in") == "body":
                for media_type in self._media_types(operation, "consumes"):
                    request_models[media_type] = self._model_name(parameter.get("schema") or {})
        body = self._resolved(operation.get("requestBody") or {})
        for media_type, content in (body.get("content") or {}).items():
            request_models[media_type] = self._model_name((content or {}).get("schema") or {})
        if parameters:
            method["requestParameters"] = parameters
        if request_models:
            method["requestModels"] = request_models
        self._method_validator(method, operation)
        responses = self._method_responses(operation)
        if responses:
            method["methodResponses"] = responses
        integration = operation.get(f"{EXTENSION}integration")
        if integration:
            method["methodIntegration"] = self._integration(verb, resource, integration)
        return method

    def _method_validator(self, method: Document, operation: Document) -> None:
        key = f"{EXTENSION}request-validator"
        name = operation.get(key, self.document.get(key))
        if name:
            found = [each for each in self.api["requestValidators"].values() if each["name"] == name]
            if not found:
                raise bad_request(
                    f"Errors found during import:\n\tUnable to put method '{method['httpMethod']}' on "
                    f"resource: Invalid Request Validator name specified: {name}"
                )
            method["requestValidatorId"] = found[0]["id"]

    def _method_responses(self, operation: Document) -> Document:
        answers = {}
        for status, response in (operation.get("responses") or {}).items():
            response = self._resolved(response or {})
            if not re.fullmatch(r"[1-5]\d\d", str(status)):
                continue
            answer: Document = {"statusCode": str(status)}
            headers = response.get("headers") or {}
            if headers:
                answer["responseParameters"] = {f"method.response.header.{name}": False for name in headers}
            models = {
                media_type: self._model_name((content or {}).get("schema") or {})
                for media_type, content in (response.get("content") or {}).items()
                if (content or {}).get("schema")
            }
            if response.get("schema"):
                models = {
                    media_type: self._model_name(response["schema"])
                    for media_type in self._media_types(operation, "produces")
                }
            if models:
                answer["responseModels"] = models
            answers[str(status)] = answer
        return answers

    def _integration(self, verb: str, resource: Document, given: Document) -> Document:
        kind = str(given.get("type") or "").upper()
        members = {
            **given,
            "type": kind,
            "requestParameters": self._expressions(verb, resource, given.get("requestParameters")) or None,
            "requestTemplates": given.get("requestTemplates") or None,
        }
        try:
            integration = integrations.integration(members, resource["id"])
            responses: Document = {}
            for pattern, response in (given.get("responses") or {}).items():
                owner: Document = {}
                body = {
                    "selectionPattern": None if pattern == "default" else str(pattern),
                    "responseParameters": self._expressions(
                        verb, resource, response.get("responseParameters")
                    )
                    or None,
                    "responseTemplates": response.get("responseTemplates") or None,
                    "contentHandling": response.get("contentHandling"),
                }
                status = str(response.get("statusCode", "200"))
                responses[status] = integrations.put_response(owner, "integrationResponses", status, body)
        except ApiError as error:
            raise bad_request(
                f"Errors found during import:\n\tUnable to put integration on '{verb}' for resource at path "
                f"'{resource['path']}': {error.message}"
            ) from error
        if responses:
            integration["integrationResponses"] = responses
        return integration

    def _expressions(self, verb: str, resource: Document, parameters: Document | None) -> Document:
        """Parameters with text values; AWS drops further parameters and warns."""
        kept = {}
        for name, value in (parameters or {}).items():
            if isinstance(value, str):
                kept[name] = value
                continue
            place = "requestParameters" if name.startswith("integration.") else "responseParameters"
            self.warnings.append(
                f"Invalid format for '{place}'. Expected type string for property '{name}' of resource "
                f"'{resource['path']}' and method '{verb}' but got '{json.dumps(value)}'"
            )
        return kept

    def _model_name(self, schema: Document) -> str:
        """The model of a schema; an inline schema becomes a new model."""
        reference = schema.get("$ref")
        if isinstance(reference, str):
            name = reference.rsplit("/", 1)[1]
            if name not in self.api["models"]:
                # A reference to what the document does not define is a reference to a default model.
                self._model(name, {"title": f"{name} Schema", "type": "object"})
            return name
        if not schema:
            return "Empty"
        name = f"MODEL{self.new_id()}"
        self._model(name, schema)
        return name

    def _resolved(self, item: Document) -> Document:
        """The target of a ``$ref`` to parameters, responses or request bodies of the document."""
        reference = item.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return item
        found: Any = self.document
        for part in reference[2:].split("/"):
            found = found.get(part) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise bad_request("Invalid OpenAPI input.")
        return found

    def _media_types(self, operation: Document, member: str) -> list[str]:
        return operation.get(member) or self.document.get(member) or ["application/json"]

    def _security(self, operation: Document) -> list[Document]:
        schemes = (
            self.document.get("securityDefinitions")
            if self.swagger
            else (self.document.get("components") or {}).get("securitySchemes")
        ) or {}
        required = operation.get("security", self.document.get("security")) or []
        return [schemes.get(name) or {} for requirement in required for name in requirement]

    def _authorization(self, operation: Document) -> str:
        auth = operation.get(f"{EXTENSION}auth") or {}
        if auth.get("type"):
            return str(auth["type"]).upper()
        for scheme in self._security(operation):
            kind = str(scheme.get(f"{EXTENSION}authtype") or "")
            if kind.lower() == "awssigv4":
                return "AWS_IAM"
            if kind:
                return "COGNITO_USER_POOLS" if kind.lower() == "cognito_user_pools" else "CUSTOM"
        return "NONE"

    def _needs_key(self, operation: Document) -> bool:
        return any(
            scheme.get("type") == "apiKey" and f"{EXTENSION}authtype" not in scheme
            for scheme in self._security(operation)
        )
