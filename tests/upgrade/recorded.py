"""A stack as version 0.1.0 makes it, from a recording of its calls."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore import xform_name

from mysfits_stream.provision.processor_zip import HANDLER, processor_package, zipped

HERE = Path(__file__).parent
RECORDING: dict[str, Any] = json.loads((HERE / "stack-0.1.0.json").read_text(encoding="utf-8"))
CODE = (HERE / "stream_processor-0.1.0.txt").read_bytes()

DELIVERED, FAILED = RECORDING["objects"]
"""The keys of an object with lines of 0.1.0 and of one with a failed record."""


def package() -> bytes:
    """The zip of 0.1.0's processor, with the packages that are installed here."""
    with zipfile.ZipFile(io.BytesIO(processor_package().zip_bytes)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return zipped({**entries, HANDLER: CODE})


def deploy(client: Callable[[str], Any], mysfits_api: str) -> str:
    """Make the recorded calls and return the text of the state file."""
    names = {"{mysfits_api}": mysfits_api}

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"$zip"}:
                return package()
            if value.keys() == {"$json"}:
                return json.dumps(filled(value["$json"])).encode()
            return {name: filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return list(map(filled, value))
        if isinstance(value, str):
            for name, text in names.items():
                value = value.replace(name, text)
        return value

    for call in RECORDING["calls"]:
        operation = getattr(client(call["service"]), xform_name(call["operation"]))
        answer = operation(**filled(call["parameters"]))
        if call["operation"] == "CreateRestApi":
            names["{api}"] = answer["id"]
        if call["operation"] == "CreateDeployment":
            names["{deployment}"] = answer["id"]
    return json.dumps(filled(RECORDING["state"]))
