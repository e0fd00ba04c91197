"""Request validation: required parameters, and the body against the model (F100, F101)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema
from referencing import Registry
from referencing.jsonschema import DRAFT4

from mysfits_stream.localcloud.execute_api.gateway_responses import Refusal
from mysfits_stream.localcloud.execute_api.json_schema import (
    ModelValidator,
    additional_properties,
    check_schema,
)
from mysfits_stream.localcloud.execute_api.schema_predicate import Predicate, compile_predicate

MODEL_URL = "https://apigateway.amazonaws.com/restapis/{api}/models/{name}"


@dataclass(frozen=True)
class Model:
    """A compiled model; ``accepts`` is the verdict, None for an unknown keyword."""

    validator: jsonschema.protocols.Validator
    accepts: Predicate | None

    def errors(self, document: Any) -> list[jsonschema.ValidationError]:
        """Why a document does not match the model; empty for a valid document."""
        if self.accepts and self.accepts(document):
            return []
        return list(self.validator.iter_errors(document))


@dataclass(frozen=True)
class Validation:
    """The checks of a method's request validator."""

    parameters: tuple[tuple[str, str], ...]
    models: Mapping[str, Model]

    def check_parameters(self, value: Callable[[str, str], Any]) -> None:
        """Raise the 400 with the names of required parameters that are absent or empty."""
        if not self.parameters:
            return
        missing = [name for place, name in self.parameters if not value(place, name)]
        if missing:
            named = ", ".join(missing)
            raise Refusal("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{named}]")

    def check_body(self, media_type: str, read: Callable[[], Any]) -> None:
        """Raise the 400 of a body that is not JSON or violates the model of the media type.

        ``read`` returns the document of the body, or raises ValueError or RecursionError.
        """
        model = self.models.get(media_type)
        if model is None:
            return
        try:
            document = read()
        except (ValueError, RecursionError) as error:
            raise Refusal("BAD_REQUEST_BODY", reason=f"Request body is not valid JSON: {error}") from error
        if errors := model.errors(document):
            details = f"[{', '.join(explain(errors))}]"
            reason = f"Request body does not match model schema for content type {media_type}: {details}"
            raise Refusal("BAD_REQUEST_BODY", reason=reason, details=details)


def compile_validation(
    method: Mapping[str, Any], validator: Mapping[str, Any] | None, models: Mapping[str, Any], api: str
) -> Validation:
    """The checks of a method; no checks without a request validator."""
    chosen = validator or {}
    required: list[tuple[str, str]] = []
    if chosen.get("validateRequestParameters"):
        for name, needed in (method.get("requestParameters") or {}).items():
            if needed:
                place, _, key = name.removeprefix("method.request.").partition(".")
                required.append((place, key))
        required.sort()
    compiled = {}
    if chosen.get("validateRequestBody"):
        for media_type, model in (method.get("requestModels") or {}).items():
            if model in models:
                compiled[media_type.lower()] = compile_model(model, models, api)
    return Validation(tuple(required), compiled)


def compile_model(name: str, models: Mapping[str, Any], api: str) -> Model:
    """A model of draft 4; ``$ref`` may name any model of the API."""
    check_schema(json.loads(models[name]["schema"]))
    resources = [
        (
            MODEL_URL.format(api=api, name=each),
            DRAFT4.create_resource(_contents(model)),
        )
        for each, model in models.items()
    ]
    registry: Registry[Any] = Registry().with_resources(resources)
    # The model itself, and not a $ref to it that every body would have to be led through.
    schema = {**_contents(models[name]), "id": MODEL_URL.format(api=api, name=name)}
    validator: jsonschema.protocols.Validator = ModelValidator(schema, registry=registry)
    return Model(validator, compile_predicate(schema))


def _contents(model: Mapping[str, Any]) -> Any:
    schema = json.loads(model["schema"])
    return _without_lengths(schema) if model.get("imported") else schema


def _without_lengths(schema: Any) -> Any:
    """An imported schema as validated by AWS: minItems and maxItems have no effect (F101)."""
    if isinstance(schema, list):
        return [_without_lengths(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_lengths(value) for key, value in schema.items() if key not in ("minItems", "maxItems")
    }


def explain(errors: Iterable[jsonschema.ValidationError]) -> list[str]:
    """The error in the words of API Gateway's validator."""
    return [_words(error) for error in errors]


def _words(error: jsonschema.ValidationError) -> str:
    found: Any = error.instance
    limit: Any = error.validator_value
    match error.validator:
        case "required":
            missing = sorted(name for name in limit if name not in found)
            return f"object has missing required properties ({_json(missing)})"
        case "type":
            allowed = limit if isinstance(limit, list) else [limit]
            return (
                f"instance type ({_type(found)}) does not match any allowed primitive type "
                f"(allowed: {_json(sorted(allowed))})"
            )
        case "additionalProperties":
            schema: Any = error.schema
            extra = additional_properties(found, schema)
            return f"object instance has properties which are not allowed by the schema: {_json(extra)}"
        case "enum":
            return f"instance value ({_json(found)}) not found in enum (possible values: {_json(limit)})"
        case "pattern":
            return f'ECMA 262 regex "{limit}" does not match input string "{found}"'
        case "minLength":
            return f'string "{found}" is too short (length: {len(found)}, required minimum: {limit})'
        case "maxLength":
            return f'string "{found}" is too long (length: {len(found)}, maximum allowed: {limit})'
        case "minimum":
            return f"numeric instance is lower than the required minimum (minimum: {limit}, found: {found})"
        case "maximum":
            return f"numeric instance is greater than the required maximum (maximum: {limit}, found: {found})"
        case "minItems":
            has = f"must have at least {limit} elements but instance has {len(found)} elements"
            return f"array is too short: {has}"
        case "maxItems":
            has = f"must have at most {limit} elements but instance has {len(found)} elements"
            return f"array is too long: {has}"
        case "uniqueItems":
            return "array must not contain duplicate elements"
        case "oneOf":
            matched = 0 if error.context else 2
            return f"instance failed to match exactly one schema (matched {matched} out of {len(limit)})"
        case "anyOf":
            return f"instance failed to match at least one required schema among {len(limit)}"
        case "allOf":
            return f"instance failed to match all required schemas (matched only 0 out of {len(limit)})"
    return str(error.message)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _type(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
