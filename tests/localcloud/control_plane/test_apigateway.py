"""REST APIs in the control plane: AWS's shapes come back, and survive a restart."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from mysfits_stream.localcloud.control_plane.apigateway import RestApis
from mysfits_stream.localcloud.execute_api import handler
from mysfits_stream.localcloud.http.messages import Request, Response

NOW = 1_800_000_000.25
SIGNED = "AWS4-HMAC-SHA256 Credential=k/20260101/{}/apigateway/aws4_request, SignedHeaders=host, Signature=0"


class Client:
    """Requests to the control plane of one region."""

    def __init__(self, store: RestApis, region: str = "eu-west-1") -> None:
        self.store = store
        self.headers = {"authorization": SIGNED.format(region)}

    def send(self, method: str, path: str, document: Any = None, **headers: str) -> Response:
        body = document if isinstance(document, bytes) else json.dumps(document or {}).encode()
        where, _, query = path.partition("?")
        answer = self.store.handle(Request(method, where, query, {**self.headers, **headers}, body))
        assert answer is not None
        return answer

    def __call__(self, method: str, path: str, document: Any = None) -> Any:
        answer = self.send(method, path, document)
        assert answer.status < 300, answer.body
        return answer.json() if answer.body else None

    def patch(self, path: str, *operations: tuple[str, ...]) -> Any:
        names = ("op", "path", "value")
        return self(
            "PATCH", path, {"patchOperations": [dict(zip(names, each, strict=False)) for each in operations]}
        )


@pytest.fixture
def client() -> Client:
    return Client(RestApis("123456789012", now=lambda: NOW, seed=1))


MOCK: dict[str, Any] = {
    "responses": {"200": {"description": "", "headers": {"X-A": {"schema": {"type": "string"}}}}},
    "x-amazon-apigateway-integration": {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {
            "default": {"statusCode": "200", "responseParameters": {"method.response.header.X-A": "'a'"}}
        },
    },
}
FULL: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "pets", "version": "3", "description": "All pets"},
    "paths": {
        "/pets/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "put": {
                **MOCK,
                "operationId": "putPet",
                "parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}}],
                "x-amazon-apigateway-request-validator": "body",
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
                    "required": True,
                },
            },
        }
    },
    "components": {
        "schemas": {
            "Pet": {
                "type": "object",
                "required": ["kind"],
                "properties": {"kind": {"$ref": "#/components/schemas/Kind"}},
            },
            "Kind": {"type": "string", "enum": ["dog", "cat"]},
        }
    },
    "x-amazon-apigateway-request-validators": {
        "body": {"validateRequestBody": True, "validateRequestParameters": False}
    },
    "x-amazon-apigateway-gateway-responses": {
        "DEFAULT_4XX": {"responseParameters": {"gatewayresponse.header.X-B": "'b'"}}
    },
}


def put(client: Client, document: Mapping[str, Any] | bytes, mode: str = "overwrite") -> str:
    """The id of a new API with this definition."""
    api = client("POST", "/restapis", {"name": "new"})["id"]
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    client("PUT", f"/restapis/{api}?mode={mode}&failonwarnings=true", body)
    return str(api)


def deployed(client: Client, api: str, stage: str = "prod") -> handler.DeployedApi:
    client("POST", f"/restapis/{api}/deployments", {"stageName": stage})
    served = client.store.deployed(api, stage)
    assert served is not None
    return served


def status(served: handler.DeployedApi | None, method: str, path: str, body: bytes = b"") -> int:
    assert served is not None
    request = Request(method, path, "", {"content-type": "application/json"}, body)
    return handler.handle(served, request, lambda *call: (500, {}, b""), NOW).status


def test_what_is_put_comes_back_in_the_shapes_of_every_operation(client: Client) -> None:
    api = put(client, FULL)
    assert client("GET", f"/restapis/{api}") == {
        "id": api,
        "name": "pets",
        "description": "All pets",
        "version": "3",
        "createdDate": 1_800_000_000,
        "apiKeySource": "HEADER",
        "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
        "disableExecuteApiEndpoint": False,
        "rootResourceId": client("GET", f"/restapis/{api}/resources")["item"][0]["id"],
        "tags": {},
    }
    root, pets, pet = client("GET", f"/restapis/{api}/resources?embed=methods")["item"]
    assert (root["path"], pets["path"], pet["path"]) == ("/", "/pets", "/pets/{id}")
    assert (pets["parentId"], pet["parentId"]) == (root["id"], pets["id"])
    (validator,) = client("GET", f"/restapis/{api}/requestvalidators")["item"]
    assert pet["resourceMethods"]["PUT"] == {
        "httpMethod": "PUT",
        "authorizationType": "NONE",
        "apiKeyRequired": False,
        "operationName": "putPet",
        "requestParameters": {"method.request.path.id": True, "method.request.querystring.q": False},
        "requestModels": {"application/json": "Pet"},
        "requestValidatorId": validator["id"],
        "methodResponses": {
            "200": {"statusCode": "200", "responseParameters": {"method.response.header.X-A": False}}
        },
        "methodIntegration": {
            "type": "MOCK",
            "requestTemplates": {"application/json": '{"statusCode": 200}'},
            "passthroughBehavior": "WHEN_NO_MATCH",
            "timeoutInMillis": 29000,
            "cacheNamespace": pet["id"],
            "cacheKeyParameters": [],
            "integrationResponses": {
                "200": {"statusCode": "200", "responseParameters": {"method.response.header.X-A": "'a'"}}
            },
        },
    }
    kind, model = client("GET", f"/restapis/{api}/models")["item"]
    assert (kind["name"], model["name"]) == ("Kind", "Pet")
    reference = f"https://apigateway.amazonaws.com/restapis/{api}/models/Kind"
    assert json.loads(model["schema"])["properties"]["kind"] == {"$ref": reference}
    responses = client("GET", f"/restapis/{api}/gatewayresponses?limit=500")["item"]
    own = [each["responseType"] for each in responses if not each["defaultResponse"]]
    assert own == ["DEFAULT_4XX"]


def test_json_yaml_and_swagger_say_the_same(client: Client) -> None:
    swagger = json.loads(json.dumps(FULL).replace("#/components/schemas", "#/definitions"))
    operation = swagger["paths"]["/pets/{id}"]["put"]
    body = operation.pop("requestBody")["content"]["application/json"]["schema"]
    operation["parameters"] = [
        {"name": "q", "in": "query", "type": "string"},
        {"name": "Pet", "in": "body", "required": True, "schema": body},
    ]
    swagger["definitions"] = swagger.pop("components")["schemas"]
    del swagger["openapi"]
    swagger["swagger"] = "2.0"
    views = []
    for document in (json.dumps(FULL).encode(), yaml.safe_dump(FULL).encode(), json.dumps(swagger).encode()):
        api = put(client, document)
        methods = client("GET", f"/restapis/{api}/resources?embed=methods")["item"][2]["resourceMethods"][
            "PUT"
        ]
        del methods["requestValidatorId"], methods["methodIntegration"]["cacheNamespace"]
        models = client("GET", f"/restapis/{api}/models")["item"]
        views.append((methods, [json.loads(model["schema"].replace(api, "")) for model in models]))
    assert views[0] == views[1] == views[2]


def test_an_export_put_again_gives_the_same_api(client: Client) -> None:
    api = put(client, FULL)
    deployed(client, api)
    path = f"/restapis/{api}/stages/prod/exports/oas30?extensions=apigateway"
    exported = client.send("GET", path, accept="application/json")
    again = put(client, exported.body)
    deployed(client, again)
    second = client.send("GET", path.replace(api, again), accept="application/json")
    assert second.json()["paths"] == exported.json()["paths"]
    assert second.json()["components"] == exported.json()["components"]
    assert (
        exported.json()["x-amazon-apigateway-request-validators"]
        == FULL["x-amazon-apigateway-request-validators"]
    )
    assert 'filename="oas30_' in exported.headers["Content-Disposition"]
    as_yaml = client.send("GET", path, accept="application/yaml")
    assert yaml.safe_load(as_yaml.body) == exported.json()


@pytest.mark.parametrize("kind", ["oas30", "swagger"])
def test_an_export_without_extensions_shows_no_integration(client: Client, kind: str) -> None:
    api = put(client, FULL)
    deployed(client, api)
    assert b"x-amazon" not in client.send("GET", f"/restapis/{api}/stages/prod/exports/{kind}").body


def test_overwriting_keeps_resource_ids_and_tags_and_forgets_the_rest(client: Client) -> None:
    api = client("POST", "/restapis", {"name": "new", "tags": {"owner": "me"}})["id"]
    client("PUT", f"/restapis/{api}?mode=overwrite", json.dumps(FULL).encode())
    before = {each["path"]: each["id"] for each in client("GET", f"/restapis/{api}/resources")["item"]}
    second = {"openapi": "3.0.1", "info": {"title": "b", "version": "1"}, "paths": {"/pets": {"get": MOCK}}}
    client("PUT", f"/restapis/{api}?mode=overwrite", json.dumps(second).encode())
    after = {each["path"]: each["id"] for each in client("GET", f"/restapis/{api}/resources")["item"]}
    assert after == {path: before[path] for path in ("/", "/pets")}
    assert client("GET", f"/restapis/{api}")["tags"] == {"owner": "me"}
    assert "description" not in client("GET", f"/restapis/{api}")
    for part in ("models", "requestvalidators"):
        assert client("GET", f"/restapis/{api}/{part}")["item"] == []


def test_a_put_that_fails_changes_nothing(client: Client) -> None:
    api = put(client, FULL)
    before = client.store.dump()
    broken = json.loads(json.dumps(FULL))
    broken["paths"]["/x"] = {"get": {"x-amazon-apigateway-integration": {"type": "aws", "uri": "nothing"}}}
    answer = client.send("PUT", f"/restapis/{api}?mode=overwrite", json.dumps(broken).encode())
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "BadRequestException")
    assert client.store.dump() == before


INTEGRATION = "x-amazon-apigateway-integration"
IGNORED: list[tuple[tuple[str, ...], Any, str]] = [
    (("x-amazon-apigateway-documentation",), {}, "x-amazon-apigateway-documentation"),
    (
        ("x-amazon-apigateway-endpoint-configuration",),
        {"vpcEndpointIds": ["vpce-1"]},
        "x-amazon-apigateway-endpoint-configuration: vpcEndpointIds",
    ),
    (
        ("components", "securitySchemes"),
        {"mine": {"type": "apiKey", "x-amazon-apigateway-authorizer": {}}},
        "security scheme mine: x-amazon-apigateway-authorizer",
    ),
    (
        ("paths", "/pets/{id}", "x-amazon-apigateway-cors"),
        {},
        "/pets/{id}: x-amazon-apigateway-cors",
    ),
    (
        ("paths", "/pets/{id}", "put", "x-amazon-apigateway-throttling"),
        {},
        "put /pets/{id}: x-amazon-apigateway-throttling",
    ),
    (("paths", "/pets/{id}", "put", INTEGRATION, "tlsConfig"), {}, f"{INTEGRATION}: tlsConfig"),
    (
        ("paths", "/pets/{id}", "put", INTEGRATION, "connectionType"),
        "VPC_LINK",
        f"{INTEGRATION}: connectionType",
    ),
    (("paths", "/pets/{id}", "put", INTEGRATION, "cacheKeyParameters"), ["a"], "cacheKeyParameters"),
    (("paths", "/pets/{id}", "put", INTEGRATION, "responses", "default", "statusText"), "a", "statusText"),
]


@pytest.mark.parametrize(("path", "value", "what"), IGNORED, ids=[each[2] for each in IGNORED])
def test_an_extension_that_would_be_ignored_is_refused_by_name(
    client: Client, path: tuple[str, ...], value: Any, what: str
) -> None:
    api = put(client, FULL)
    before = client.store.dump()
    document = json.loads(json.dumps(FULL))
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    answer = client.send("PUT", f"/restapis/{api}?mode=overwrite", json.dumps(document).encode())
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "NotSimulated")
    assert answer.json()["message"].endswith(f"{what} is not simulated by the local cloud")
    assert client.store.dump() == before


def test_warnings_fail_a_put_only_when_asked_to(client: Client) -> None:
    document = json.loads(json.dumps(FULL))
    integration = document["paths"]["/pets/{id}"]["put"]["x-amazon-apigateway-integration"]
    integration["requestParameters"] = {"integration.request.header.x": True}
    api, body = put(client, FULL), json.dumps(document).encode()
    assert len(client("PUT", f"/restapis/{api}?mode=overwrite", body)["warnings"]) == 1
    assert client.send("PUT", f"/restapis/{api}?mode=overwrite&failonwarnings=true", body).status == 400


def test_an_imported_model_ignores_the_number_of_items_until_its_schema_is_updated(client: Client) -> None:
    schema = {"type": "array", "items": {"type": "string"}, "maxItems": 1}
    document = {**FULL, "components": {"schemas": {"Pet": schema}}}
    api = put(client, document)
    assert json.loads(client("GET", f"/restapis/{api}/models/Pet")["schema"]) == schema
    assert status(deployed(client, api), "PUT", "/pets/1", b'["a", "b"]') == 200
    client.patch(f"/restapis/{api}/models/Pet", ("replace", "/schema", json.dumps(schema)))
    assert status(deployed(client, api), "PUT", "/pets/1", b'["a", "b"]') == 400


def test_a_template_beyond_what_is_supported_stops_the_deployment_with_its_place(client: Client) -> None:
    document = json.loads(json.dumps(FULL))
    integration = document["paths"]["/pets/{id}"]["put"]["x-amazon-apigateway-integration"]
    integration["requestTemplates"]["application/json"] = '{\n"statusCode": $util.random()}'
    api = put(client, document)
    answer = client.send("POST", f"/restapis/{api}/deployments", {"stageName": "prod"})
    message = answer.json()["message"]
    assert answer.status == 400
    for part in ("PUT /pets/{id}", "application/json", "line 2", "random"):
        assert part in message
    assert client("GET", f"/restapis/{api}/deployments")["item"] == []


def test_a_restart_brings_everything_back(client: Client) -> None:
    api = put(client, FULL)
    deployed(client, api)
    stored = json.loads(json.dumps(client.store.dump()))
    again = Client(RestApis("123456789012", now=lambda: NOW))
    again.store.load(stored)
    assert again("GET", f"/restapis/{api}") == client("GET", f"/restapis/{api}")
    assert status(again.store.deployed(api, "prod"), "PUT", "/pets/1", b'{"kind": "dog"}') == 200
    assert status(again.store.deployed(api, "prod"), "PUT", "/pets/1", b'{"kind": "cow"}') == 400


def test_what_is_gone_is_served_no_more(client: Client) -> None:
    api = put(client, FULL)
    assert status(deployed(client, api), "PUT", "/pets/1", b'{"kind": "dog"}') == 200
    client("DELETE", f"/restapis/{api}/stages/prod")
    assert client.store.deployed(api, "prod") is None
    deployed(client, api)
    assert client.send("DELETE", f"/restapis/{api}").status == 202
    assert client.store.deployed(api, "prod") is None
    assert client.send("DELETE", f"/restapis/{api}").status == 404


def test_apis_are_listed_by_region_and_page(client: Client) -> None:
    names = [client("POST", "/restapis", {"name": f"api{number}"})["name"] for number in range(7)]
    Client(client.store, "us-east-1")("POST", "/restapis", {"name": "elsewhere"})
    found, position = [], ""
    while True:
        page = client("GET", f"/restapis?limit=3{position}")
        found += [item["name"] for item in page["item"]]
        if "position" not in page:
            break
        position = f"&position={page['position']}"
    assert found == names
    assert {api["region"] for api in client.store.apis()} == {"eu-west-1", "us-east-1"}


def test_an_api_of_another_region_is_not_found(client: Client) -> None:
    api = client("POST", "/restapis", {"name": "api"})["id"]
    assert Client(client.store, "us-east-1").send("GET", f"/restapis/{api}").status == 404


def test_what_is_not_about_rest_apis_is_left_to_others(client: Client) -> None:
    for path in ("/apikeys", "/domainnames", "/v2/apis", "/tags/arn:aws:apigateway:eu-west-1::/apikeys/x"):
        assert client.store.handle(Request("GET", path, "", client.headers)) is None


PATCHES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "a description": (("replace", "/description", "new"), {"description": "new"}),
    "the endpoint's type": (
        ("replace", "/endpointConfiguration/types/EDGE", "REGIONAL"),
        {"endpointConfiguration": {"types": ["REGIONAL"], "ipAddressType": "ipv4"}},
    ),
    "a binary media type, whose slash is encoded": (
        ("add", "/binaryMediaTypes/image~1png"),
        {"binaryMediaTypes": ["image/png"]},
    ),
    "a truth": (("replace", "/disableExecuteApiEndpoint", "true"), {"disableExecuteApiEndpoint": True}),
    "a number": (("replace", "/minimumCompressionSize", "10"), {"minimumCompressionSize": 10}),
}


@pytest.mark.parametrize(("operation", "changed"), PATCHES.values(), ids=PATCHES.keys())
def test_a_patch_changes_an_api(client: Client, operation: tuple[str, ...], changed: dict[str, Any]) -> None:
    api = client("POST", "/restapis", {"name": "api"})["id"]
    answer = client.patch(f"/restapis/{api}", operation)
    assert {key: answer[key] for key in changed} == changed
    assert client("GET", f"/restapis/{api}") == answer


def test_an_empty_compression_size_ends_compression(client: Client) -> None:
    api = client("POST", "/restapis", {"name": "api", "minimumCompressionSize": 10})["id"]
    answer = client.patch(f"/restapis/{api}", ("replace", "/minimumCompressionSize", ""))
    assert "minimumCompressionSize" not in answer


@pytest.mark.parametrize(
    "operation",
    [{"op": "replace", "path": "/nothing", "value": "x"}, {"op": "test", "path": "/name", "value": "x"}],
    ids=["an unknown path", "an unknown operation"],
)
def test_a_patch_that_makes_no_sense_is_refused(client: Client, operation: dict[str, str]) -> None:
    api = client("POST", "/restapis", {"name": "api"})["id"]
    assert client.send("PATCH", f"/restapis/{api}", {"patchOperations": [operation]}).status == 400
    assert client("GET", f"/restapis/{api}")["name"] == "api"


def test_a_stages_patch_is_served_without_a_new_deployment(client: Client) -> None:
    api = put(client, FULL)
    deployed(client, api)
    path = f"/restapis/{api}/stages/prod"
    client.patch(
        path, ("replace", "/variables/colour", "blue"), ("replace", "/*/*/throttling/burstLimit", "0")
    )
    served = client.store.deployed(api, "prod")
    assert served is not None
    assert served.stage.variables == {"colour": "blue"}
    assert status(served, "PUT", "/pets/1", b'{"kind": "dog"}') == 429
    client.patch(path, ("remove", "/variables/colour"), ("remove", "/*/*"))
    assert status(client.store.deployed(api, "prod"), "PUT", "/pets/1", b'{"kind": "dog"}') == 200


def test_access_logs_lose_the_star_of_their_groups_arn(client: Client) -> None:
    api = put(client, FULL)
    deployed(client, api)
    arn = "arn:aws:logs:eu-west-1:123456789012:log-group:api"
    operations = (
        ("replace", "/accessLogSettings/destinationArn", f"{arn}:*"),
        ("replace", "/accessLogSettings/format", "$context.requestId"),
    )
    answer = client.patch(f"/restapis/{api}/stages/prod", *operations)
    assert answer["accessLogSettings"] == {"destinationArn": arn, "format": "$context.requestId"}


def test_many_threads_may_create_and_list_at_once(client: Client) -> None:
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for _ in range(10):
                api = put(client, {**FULL, "info": {"title": f"api{number}", "version": "1"}})
                assert status(deployed(client, api), "PUT", "/pets/1", b'{"kind": "dog"}') == 200
                client("GET", "/restapis?limit=500")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(client.store.apis()) == 60


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("resources/<a>", {"op": "remove", "path": "/pathPart"}),
        ("resources/<a>", {"op": "replace", "path": "/pathPart"}),
        ("resources/<a>", {"op": "replace", "path": "/pathPart", "value": "b"}),
        ("resources/<a>", {"op": "replace", "path": "/pathPart", "value": "a b"}),
        ("resources/<a>", {"op": "replace", "path": "/parentId", "value": "<child>"}),
        ("resources/<a>", {"op": "replace", "path": "/parentId", "value": "<a>"}),
        ("resources/<a>", {"op": "replace", "path": "/parentId", "value": "none"}),
        ("resources/<root>", {"op": "replace", "path": "/pathPart", "value": "c"}),
        ("", {"op": "replace", "path": "/minimumCompressionSize", "value": "big"}),
        ("", {"op": "replace", "path": "/minimumCompressionSize", "value": "10485761"}),
        ("", {"op": "remove", "path": "/name"}),
        ("", {"op": "copy", "path": "/name"}),
    ],
)
def test_a_refused_patch_leaves_the_api_as_it_was(
    client: Client, path: str, operation: dict[str, str]
) -> None:
    api = client("POST", "/restapis", {"name": "api"})
    base, root = f"/restapis/{api['id']}", api["rootResourceId"]
    ids = {"<root>": root}
    for part, parent in (("a", "<root>"), ("b", "<root>"), ("child", "<a>")):
        ids[f"<{part}>"] = client("POST", f"{base}/resources/{ids[parent]}", {"pathPart": part})["id"]
    before = client("GET", f"{base}/resources"), client("GET", base)
    for name, identifier in ids.items():
        path = path.replace(name, identifier)
        operation = {key: value.replace(name, identifier) for key, value in operation.items()}

    answer = client.send("PATCH", f"{base}/{path}", {"patchOperations": [operation]})
    assert answer.status in (400, 404, 409), answer.body
    assert (client("GET", f"{base}/resources"), client("GET", base)) == before
    client("POST", f"{base}/resources/{root}", {"pathPart": "another"})


@pytest.mark.parametrize(
    ("method", "path", "document", "message"),
    [
        ("POST", "/restapis", {"name": "x", "apiKeySource": "wrong"}, "'createRestApiInput.apiKeySource'"),
        ("GET", "/restapis/none/gatewayresponses/WRONG", None, "Value 'WRONG' at 'responseType'"),
        ("PATCH", "/restapis/none", {"patchOperations": [{"op": "wrong"}]}, "patchOperations.1.member.op'"),
        ("PUT", "/restapis/none?mode=wrong", None, "Value 'wrong' at 'mode'"),
    ],
)
def test_members_are_validated_before_anything_is_looked_up(
    client: Client, method: str, path: str, document: Any, message: str
) -> None:
    answer = client.send(method, path, document)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "ValidationException")
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "Invalid API identifier specified 123456789012:none"),
        ("/resources", "Invalid API identifier specified 123456789012:none"),
        ("/resources/r", "Invalid Resource identifier specified"),
        ("/resources/r/methods/GET/integration", "Invalid Resource identifier specified"),
        ("/stages/s", "Invalid stage identifier specified"),
        ("/deployments/d", "Invalid Deployment identifier specified"),
        ("/requestvalidators/v", "Invalid Request Validator identifier specified"),
        ("/models/M", "Invalid model name specified: M"),
    ],
)
def test_a_missing_api_is_told_as_its_missing_part(client: Client, path: str, message: str) -> None:
    answer = client.send("GET", f"/restapis/none{path}")
    assert (answer.status, answer.json()) == (404, {"message": message})
