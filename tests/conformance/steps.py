"""Runs the steps of a case and holds the answers against what was recorded."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from botocore import xform_name
from botocore.exceptions import ClientError

from tests.conformance.cloud import Cloud

FUNCTIONS = Path(__file__).parent / "functions"
PLACEHOLDER = re.compile(r"<([A-Za-z][A-Za-z_-]*(?::\d+)?)>")


class Run:
    """One case being run: the results of its steps so far, by number."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.results: list[Any] = []
        self.names: dict[str, str] = {"account": cloud.account}

    def step(self, step: Mapping[str, Any]) -> None:
        """Do one step; its result is kept."""
        service, _, operation = step["op"].partition(".")
        parameters = self.filled(step["params"])
        if service == "http":
            self.results.append(self._http(**parameters))
            return
        if service == "wait":
            service, _, waiter = operation.partition(".")
            self.cloud.client(service).get_waiter(waiter).wait(**parameters)
            self.results.append(None)
            return
        code = parameters.get("Code", parameters) if service == "lambda" else {}
        if isinstance(code.get("ZipFile"), dict):
            handler = parameters.get("Handler", "handler.handler")
            code["ZipFile"] = _packed(code["ZipFile"]["$zip"], handler, len(self.results))
        call = getattr(self.cloud.client(service), xform_name(operation))
        try:
            self.results.append(call(**parameters))
        except ClientError as error:
            if not step.get("expect_error"):
                raise
            self.results.append(error.response)

    def filled(self, value: Any) -> Any:
        """``value`` with its references to earlier results filled in."""
        if isinstance(value, Mapping):
            if "$bytes" in value:
                return value["$bytes"].encode()
            return {key: self.filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        if isinstance(value, str):
            return re.sub(r"\$\{((?:s\d+[^}]*|uid\d*|account))\}", lambda m: str(self._named(m[1])), value)
        return value

    def _named(self, name: str) -> Any:
        if re.match(r"s\d", name):
            return self.look(name)
        return self.names.setdefault(name, uuid.uuid4().hex[:8])

    def _http(self, method: str, url: str, **parts: Any) -> Any:
        target = urlsplit(url)
        stage, _, path = target.path.lstrip("/").partition("/")
        query = f"?{target.query}" if target.query else ""
        return self.cloud.invoke(target.netloc, stage, f"/{path}{query}", method, **parts)

    def look(self, reference: str) -> Any:
        """What ``s3.items[1].id``, ``s7.json["()"].message`` or ``s7.headers|@all@@`` refers to."""
        reference, _, form = reference.partition("|")
        head, *parts = re.findall(r"\[\"[^\"]+\"\]|\[\d+\]|[^.\[\]]+", reference)
        value: Any = self.results[int(head[1:])]
        for part in parts:
            if part == '["()"]':
                value = value()
            elif part.startswith('["'):
                value = value[part[2:-2]]
            elif part.startswith("["):
                value = value[int(part[1:-1])]
            elif isinstance(value, Mapping):
                # A member that the answer lacks is None.
                value = value.get(part)
            else:
                value = getattr(value, part)
        if form == "xml":
            root = ElementTree.fromstring(value)  # noqa: S314, it comes from the emulator under test
            return {root.tag: {child.tag: child.text for child in root}}
        if form == "len":
            return len(value)
        return json.loads(value) if form == "json" else value

    def check_expectation(self, expectation: Mapping[str, Any]) -> None:
        """Hold a result against a recording."""
        actual = self._expression(expectation["expr"])
        problem = difference(expectation["recorded"], actual, {})
        assert not problem, f"{expectation['key']}: {problem}"

    def _expression(self, expression: Any) -> Any:
        if isinstance(expression, Mapping):
            if "$ref" in expression:
                return self.look(expression["$ref"])
            return {key: self._expression(each) for key, each in expression.items()}
        return expression

    def check_assertion(self, assertion: Mapping[str, Any]) -> None:
        """Hold a result against a statement about it."""
        actual, wanted = self.look(assertion["ref"]), self.filled(assertion["value"])
        match assertion["op"]:
            case "==":
                assert actual == wanted, f"{assertion['ref']}: {actual!r}, not {wanted!r}"
            case "contains":
                assert wanted in actual, f"{assertion['ref']}: {actual!r} without {wanted!r}"
            case "matches":
                assert re.search(wanted, actual), f"{assertion['ref']}: {actual!r} is not {wanted!r}"
            case other:
                raise AssertionError(f"unknown kind of assertion: {other}")


def _packed(source: str, handler: str, step: int) -> bytes:
    """A zip of a function under its handler's name; each step of a case has another zip."""
    code = FUNCTIONS / source
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        # Else two zips of the same second are the same code, of which Lambda publishes one version.
        archive.comment = str(step).encode()
        archive.writestr(handler.rpartition(".")[0] + code.suffix, code.read_text(encoding="utf-8"))
    return packed.getvalue()


def difference(recorded: Any, actual: Any, bound: dict[str, Any], where: str = "") -> str | None:
    """The place where ``actual`` differs from the recording, or None.

    ``<id:1>`` stands for the same value everywhere.
    """
    if isinstance(recorded, str):
        return _text_difference(recorded, actual, bound, where)
    if isinstance(actual, str | bytes) and isinstance(recorded, dict | list):
        # Recordings show JSON text as what it says.
        actual = json.loads(actual)
    if isinstance(recorded, dict):
        if not isinstance(actual, Mapping):
            return f"{where}: recorded an object, got {actual!r}"
        recorded = {key: value for key, value in recorded.items() if key != "HTTPHeaders"}
        if "HTTPStatusCode" in recorded:
            actual = {"HTTPStatusCode": actual.get("HTTPStatusCode")}
        if set(recorded) != set(actual):
            missing, extra = set(recorded) - set(actual), set(actual) - set(recorded)
            return f"{where or 'the answer'}: lacks {sorted(missing)}, has {sorted(extra)} besides"
        pairs = [(f"{where}.{key}", value, actual[key]) for key, value in recorded.items()]
    elif isinstance(recorded, list):
        if not isinstance(actual, list) or len(recorded) != len(actual):
            return f"{where}: recorded {recorded!r}, got {actual!r}"
        pairs = [(f"{where}[{i}]", *pair) for i, pair in enumerate(zip(recorded, actual, strict=True))]
    else:
        return None if recorded == actual else f"{where}: recorded {recorded!r}, got {actual!r}"
    return next((found for at, r, a in pairs if (found := difference(r, a, bound, at))), None)


def _text_difference(recorded: str, actual: Any, bound: dict[str, Any], where: str) -> str | None:
    if recorded in ("datetime", "timestamp"):
        return None if isinstance(actual, dt.datetime) else f"{where}: not a time: {actual!r}"
    if isinstance(actual, bytes):
        actual = str(actual) if recorded.startswith("b'") else actual.decode()
    if not PLACEHOLDER.search(recorded):
        return None if recorded == actual else f"{where}: recorded {recorded!r}, got {actual!r}"
    names = [re.sub(r"\W", "_", name) for name in PLACEHOLDER.findall(recorded)]
    parts = [re.escape(part) for part in PLACEHOLDER.split(recorded)[::2]]
    groups = [re.escape(bound[name]) if name in bound else f"(?P<{name}>.+)" for name in names]
    pattern = "".join(part + group for part, group in zip(parts, [*groups, ""], strict=True))
    found = re.fullmatch(pattern, str(actual), re.DOTALL)
    if not found:
        return f"{where}: recorded {recorded!r} with {bound}, got {actual!r}"
    bound.update(found.groupdict())
    return None
