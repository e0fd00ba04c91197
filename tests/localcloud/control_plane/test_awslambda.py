"""Functions through AWS's clients: created, described, updated and deleted."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from mysfits_stream.localcloud.awslambda.function import LambdaError
from mysfits_stream.localcloud.control_plane.awslambda.functions import Functions
from mysfits_stream.localcloud.control_plane.control_plane import ControlPlane
from mysfits_stream.localcloud.control_plane.transitions import Transitions
from mysfits_stream.localcloud.http.messages import Request, Response

ACCOUNT = "123456789012"
ARN = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:processor"
START = 1_795_435_200.25


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", text)
    return buffer.getvalue()


CODE, OTHER_CODE = zipped("handler = 1"), zipped("handler = 2")


def sha256(code: bytes) -> str:
    return base64.b64encode(hashlib.sha256(code).digest()).decode()


class Refused(Exception):
    """What a client makes of an error response: code, message, status."""


class Client:
    """Calls the override, with moto behind it, as an AWS client would."""

    def __init__(self) -> None:
        self.plane = ControlPlane()
        self.time = START
        self.assumable = True
        self.durations: dict[str, float] = {}
        transitions = Transitions(
            now=lambda: self.time,
            steady=lambda: self.time,
            settling=lambda transition, arn: self.durations.get(transition, 0.0),
        )
        self.override = Functions(ACCOUNT, lambda role: self.assumable, transitions)
        self._ask("POST", "/", b"Action=CreateRole&RoleName=processor&AssumeRolePolicyDocument=%7B%7D", "iam")
        self.role = f"arn:aws:iam::{ACCOUNT}:role/processor"

    def _request(self, method: str, path: str, body: bytes, service: str, query: str = "") -> Request:
        credential = f"AKID/20261123/eu-west-1/{service}/aws4_request"
        headers = {
            "authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
            "content-type": "application/x-www-form-urlencoded" if service == "iam" else "application/json",
            "host": f"{service}.eu-west-1.amazonaws.com",
        }
        environ = {
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": headers["authorization"],
            "PATH_INFO": path,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
        }
        return Request(method, path, query, headers, body, environ)

    def _ask(self, method: str, path: str, body: bytes, service: str, query: str = "") -> Response:
        return self.plane._ask_moto(self._request(method, path, body, service, query))

    def __call__(self, method: str, path: str, query: str = "", **body: Any) -> Any:
        document = json.dumps(body).encode() if body else b""
        request = self._request(method, path, document, "lambda", query)
        response = self.override(request, self.plane._ask_moto)
        if response.status >= 400:
            headers = {name.lower(): value for name, value in response.headers.items()}
            message = response.json().get("Message") or response.json().get("message")
            raise Refused(headers["x-amzn-errortype"], message, response.status)
        return response.json() if response.body else None

    def create(self, **changes: Any) -> Any:
        spec = {
            "FunctionName": "processor",
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": self.role,
            "Code": {"ZipFile": base64.b64encode(CODE).decode()},
            **changes,
        }
        return self("POST", "/2015-03-31/functions", **{k: v for k, v in spec.items() if v is not None})

    def get(self, query: str = "") -> Any:
        return self("GET", "/2015-03-31/functions/processor", query)

    def configure(self, **changes: Any) -> Any:
        return self("PUT", "/2015-03-31/functions/processor/configuration", **changes)

    def upload(self, code: bytes, **changes: Any) -> Any:
        zip_file = base64.b64encode(code).decode()
        return self("PUT", "/2015-03-31/functions/processor/code", ZipFile=zip_file, **changes)


@pytest.fixture
def client() -> Client:
    return Client()


def test_a_new_function_is_pending_and_complete(client: Client) -> None:
    created = client.create(
        Architectures=["arm64"],
        Environment={"Variables": {"MYSFITS_API": "http://127.0.0.1"}},
        LoggingConfig={"LogFormat": "Text", "LogGroup": "/mine"},
        Tags={"mysfits-stream:stack": "s"},
        Timeout=30,
        MemorySize=256,
    )
    assert re.fullmatch(r"[0-9a-f-]{36}", created.pop("RevisionId"))
    assert created.pop("RuntimeVersionConfig")["RuntimeVersionArn"].startswith(
        "arn:aws:lambda:eu-west-1::runtime:"
    )
    assert created == {
        "FunctionName": "processor",
        "FunctionArn": ARN,
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": client.role,
        "CodeSha256": sha256(CODE),
        "CodeSize": len(CODE),
        "Description": "",
        "Timeout": 30,
        "MemorySize": 256,
        "LastModified": "2026-11-23T12:00:00.250+0000",
        "Version": "$LATEST",
        "Environment": {"Variables": {"MYSFITS_API": "http://127.0.0.1"}},
        "TracingConfig": {"Mode": "PassThrough"},
        "Architectures": ["arm64"],
        "PackageType": "Zip",
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/mine"},
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
    }


def test_a_function_that_was_made_is_active_with_its_tags(client: Client) -> None:
    client.create(Tags={"mysfits-stream:stack": "s"})
    found = client.get()
    configuration = found["Configuration"]

    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReason" not in configuration
    assert configuration["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/processor"}
    assert configuration["Version"] == "$LATEST"
    assert found["Tags"] == {"mysfits-stream:stack": "s"}
    assert found["Code"]["RepositoryType"] == "S3"

    alone = client("GET", "/2015-03-31/functions/processor/configuration")
    assert alone == configuration
    (listed,) = client("GET", "/2015-03-31/functions")["Functions"]
    assert listed["LoggingConfig"] == configuration["LoggingConfig"]


def test_tags_change_on_their_own(client: Client) -> None:
    client.create(Tags={"a": "1"})
    path = f"/2017-03-31/tags/{ARN}"
    revision = client.get()["Configuration"]["RevisionId"]
    client("POST", path, Tags={"b": "2"})
    client("DELETE", path, "tagKeys=a")

    assert client("GET", path) == {"Tags": {"b": "2"}}
    assert client.get()["Configuration"]["RevisionId"] == revision


def test_a_changed_configuration_keeps_what_is_left_out(client: Client) -> None:
    client.create(Environment={"Variables": {"AB": "1"}}, Timeout=30, MemorySize=256)
    before = client.get()["Configuration"]
    client.time += 60
    answer = client.configure(
        Timeout=60,
        LoggingConfig={"LogGroup": "/other"},
        EphemeralStorage={"Size": 1024},
        TracingConfig={"Mode": "Active"},
    )
    assert answer["LastUpdateStatus"] == "InProgress"
    assert answer["LastUpdateStatusReasonCode"] == "Creating"
    after = client.get()["Configuration"]

    assert after["LastUpdateStatus"] == "Successful"
    assert after["Timeout"] == 60
    assert after["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/other"}
    assert (after["EphemeralStorage"], after["TracingConfig"]) == ({"Size": 1024}, {"Mode": "Active"})
    assert (after["MemorySize"], after["Environment"]) == (256, {"Variables": {"AB": "1"}})
    assert after["LastModified"] == "2026-11-23T12:01:00.250+0000"
    assert after["CodeSha256"] == before["CodeSha256"]
    assert after["RevisionId"] != before["RevisionId"]


@pytest.mark.parametrize("environment", [{}, {"Variables": {}}], ids=str)
def test_an_empty_environment_removes_the_variables(client: Client, environment: dict[str, Any]) -> None:
    client.create(Environment={"Variables": {"AB": "1"}})
    client.configure(Environment=environment)

    assert "Environment" not in client.get()["Configuration"]


def test_changed_code_brings_its_architecture(client: Client) -> None:
    client.create()
    answer = client.upload(OTHER_CODE, Architectures=["arm64"])

    assert answer["CodeSha256"] == sha256(OTHER_CODE)
    assert answer["Architectures"] == ["arm64"]
    function = client.override.function(ARN)
    assert function
    assert function.zip_bytes == OTHER_CODE


def test_a_dry_run_changes_no_code(client: Client) -> None:
    client.create()
    client.upload(OTHER_CODE, DryRun=True)

    assert client.get()["Configuration"]["CodeSha256"] == sha256(CODE)


def test_code_that_is_no_zip_is_refused_and_the_old_code_stays(client: Client) -> None:
    client.create()
    with pytest.raises(Refused, match="Could not unzip"):
        client.upload(b"not a zip")

    assert client.get()["Configuration"]["CodeSha256"] == sha256(CODE)


def test_the_data_plane_gets_the_function_as_values(client: Client) -> None:
    client.create(Environment={"Variables": {"AB": "1"}}, Timeout=30, MemorySize=256)
    function = client.override.function(ARN)

    assert function
    assert (function.name, function.arn, function.version) == ("processor", ARN, "$LATEST")
    assert (function.handler, function.runtime) == ("index.handler", "python3.13")
    assert (function.environment, function.timeout, function.memory_mb) == ({"AB": "1"}, 30.0, 256)
    assert (function.role_arn, function.log_group) == (client.role, "/aws/lambda/processor")
    assert (function.zip_bytes, function.code_sha256) == (CODE, sha256(CODE))
    assert client.override.function(f"{ARN}:$LATEST") == function
    assert client.override.function(f"{ARN}-other") is None


def test_a_function_that_moto_made_by_itself_can_be_run_too(client: Client) -> None:
    spec = {
        "FunctionName": "processor",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": client.role,
        "Code": {"ZipFile": base64.b64encode(CODE).decode()},
    }
    client.plane.backend("lambda", "eu-west-1").create_function(spec)
    function = client.override.function(ARN)

    assert function
    assert (function.zip_bytes, function.log_group) == (CODE, "/aws/lambda/processor")
    with pytest.raises(Refused, match="already exist"):
        client.create()


def test_a_published_version_keeps_its_code(client: Client) -> None:
    client.create()
    published = client("POST", "/2015-03-31/functions/processor/versions")
    client.upload(OTHER_CODE)
    client(
        "POST", "/2015-03-31/functions/processor/aliases", Name="live", FunctionVersion=published["Version"]
    )
    version, latest = client.override.function(f"{ARN}:1"), client.override.function(ARN)

    assert published["Version"] == "1"
    assert published["FunctionArn"] == f"{ARN}:1"
    assert version
    assert latest
    assert (version.version, version.arn, version.zip_bytes) == ("1", ARN, CODE)
    assert latest.zip_bytes == OTHER_CODE
    assert client.override.function(f"{ARN}:live") == version


def test_states_take_the_time_they_are_given(client: Client) -> None:
    client.durations = {"create": 2, "update": 3}
    client.create()
    pending = (
        "The operation cannot be performed at this time. "
        "The function is currently in the following state: Pending"
    )
    calls: list[Callable[[], Any]] = [
        lambda: client.configure(Timeout=5),
        lambda: client.upload(OTHER_CODE),
        lambda: client("DELETE", "/2015-03-31/functions/processor"),
    ]
    for call in calls:
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.args == ("ResourceConflictException", pending, 409)
    with pytest.raises(LambdaError, match="Pending"):
        client.override.function(ARN)

    client.time += 2
    client.configure(Timeout=5)
    assert client.get()["Configuration"]["LastUpdateStatus"] == "InProgress"
    with pytest.raises(Refused) as caught:
        client.upload(OTHER_CODE)
    assert caught.value.args == (
        "ResourceConflictException",
        f"The operation cannot be performed at this time. An update is in progress for resource: {ARN}",
        409,
    )
    assert client.override.function(ARN), "it can be invoked meanwhile"

    client.time += 3
    client.upload(OTHER_CODE)
    client("DELETE", "/2015-03-31/functions/processor")
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        client.get()
    assert client.override.function(ARN) is None


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        pytest.param(
            {"Runtime": "python3.6"},
            "InvalidParameterValueException",
            "The runtime parameter of python3.6 is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions.",
            id="the workshop's runtime",
        ),
        pytest.param(
            {"Handler": None},
            "InvalidParameterValueException",
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            id="no handler",
        ),
        pytest.param(
            {"Environment": {"Variables": {"AWS_REGION": "x", "AWS_DEFAULT_REGION": "y"}}},
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you "
            "have provided contains reserved keys that are currently not supported for modification. "
            "Reserved keys used in this request: AWS_DEFAULT_REGION, AWS_REGION",
            id="reserved variables",
        ),
        pytest.param(
            {"Environment": {"Variables": {"AB": "x" * 4096}}},
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you "
            "have provided exceeded the 4KB limit.",
            id="more than 4 KB of variables",
        ),
        pytest.param(
            {"Code": {"ZipFile": base64.b64encode(b"no").decode()}},
            "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
            id="code that is no zip",
        ),
        pytest.param(
            {"MemorySize": 64},
            "ValidationException",
            "1 validation error detected: Value '64' at 'memorySize' failed to satisfy constraint: "
            "Member must have value greater than or equal to 128",
            id="too little memory",
        ),
        pytest.param(
            {"Role": "processor"},
            "ValidationException",
            None,
            id="a role's name for its ARN",
        ),
    ],
)
def test_a_function_is_refused_in_aws_words(
    client: Client, changes: dict[str, Any], code: str, message: str | None
) -> None:
    with pytest.raises(Refused) as caught:
        client.create(**changes)

    assert caught.value.args[0] == code
    assert caught.value.args[2] == 400
    assert message is None or caught.value.args[1] == message
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        client.get()


def test_a_role_that_lambda_cannot_assume_is_refused(client: Client) -> None:
    client.assumable = False
    with pytest.raises(Refused, match="cannot be assumed by Lambda"):
        client.create()
    client.assumable = True
    client.create()
    client.assumable = False
    with pytest.raises(Refused, match="cannot be assumed by Lambda"):
        client.configure(Role=client.role)


def test_a_name_that_is_taken_is_refused(client: Client) -> None:
    client.create()
    with pytest.raises(Refused) as caught:
        client.create()

    assert caught.value.args == ("ResourceConflictException", "Function already exist: processor", 409)


def test_a_stale_revision_is_refused(client: Client) -> None:
    client.create()
    with pytest.raises(Refused, match="PreconditionFailedException"):
        client.configure(Timeout=5, RevisionId="00000000-0000-0000-0000-000000000000")
    revision = client.get()["Configuration"]["RevisionId"]
    client.configure(Timeout=5, RevisionId=revision)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.get(),
        lambda client: client.configure(Timeout=5),
        lambda client: client.upload(CODE),
        lambda client: client("DELETE", "/2015-03-31/functions/processor"),
    ],
    ids=["get", "configure", "upload", "delete"],
)
def test_a_function_that_does_not_exist_is_not_found(client: Client, call: Callable[[Client], Any]) -> None:
    with pytest.raises(Refused) as caught:
        call(client)

    assert caught.value.args == ("ResourceNotFoundException", f"Function not found: {ARN}", 404)


def test_a_function_of_another_language_can_be_kept_but_not_run(client: Client) -> None:
    client.create(Runtime="nodejs22.x")
    with pytest.raises(LambdaError, match="Only Python runtimes"):
        client.override.function(ARN)


@pytest.mark.parametrize(
    "name",
    [ARN, f"{ARN}:$LATEST", f"{ACCOUNT}:function:processor", "function:processor", "processor:$LATEST"],
)
def test_a_function_is_found_by_each_form_of_its_name(client: Client, name: str) -> None:
    client.create()
    path = f"/2015-03-31/functions/{quote(name)}"
    assert client("GET", path)["Configuration"]["FunctionName"] == "processor"
    assert client("GET", f"{path}/configuration")["FunctionName"] == "processor"
    assert client("PUT", f"{path}/configuration", Timeout=7)["Timeout"] == 7


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:none"),
        ("none:5", "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:none:5"),
        (ARN.replace(ACCOUNT, "1" * 12), f"Function not found: {ARN.replace(ACCOUNT, '1' * 12)}"),
        (
            ARN.replace("eu-west-1", "us-east-1"),
            "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')",
        ),
    ],
)
def test_a_missing_function_is_told_by_its_arn(client: Client, name: str, message: str) -> None:
    client.create()
    for method, part in (("GET", ""), ("PUT", "/configuration"), ("DELETE", ""), ("GET", "/policy")):
        with pytest.raises(Refused) as caught:
            client(method, f"/2015-03-31/functions/{quote(name)}{part}")
        assert caught.value.args == ("ResourceNotFoundException", message, 404)


def test_an_update_by_the_arn_of_a_version_changes_the_latest_code(client: Client) -> None:
    published = client.create(Publish=True)["FunctionArn"]
    assert published == f"{ARN}:1"
    path = f"/2015-03-31/functions/{quote(published)}/code"
    zip_file = base64.b64encode(OTHER_CODE).decode()
    assert client("PUT", path, ZipFile=zip_file, Publish=True)["Version"] == "2"
    assert client.get("Qualifier=2")["Configuration"]["CodeSha256"] == sha256(OTHER_CODE)
    assert client.get("Qualifier=1")["Configuration"]["CodeSha256"] == sha256(CODE)
