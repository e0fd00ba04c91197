"""The local cloud is a library of its own."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
import importlib, json, pkgutil, sys
from mysfits_stream import localcloud
for module in pkgutil.walk_packages(localcloud.__path__, "mysfits_stream.localcloud."):
    importlib.import_module(module.name)
print(json.dumps([name for name in sys.modules if name.split(".")[0] == "mysfits_stream"]))
"""


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_no_module_imports_another_part_of_the_tool() -> None:
    loaded = json.loads(run(CODE))
    assert "mysfits_stream.localcloud.control_plane.control_plane" in loaded
    others = [name for name in loaded if not f"{name}.".startswith("mysfits_stream.localcloud.")]
    assert others == ["mysfits_stream"], "the parent package, which holds the version only"


def test_the_public_face_is_loaded_at_first_use() -> None:
    code = "import sys; from mysfits_stream import localcloud; print('moto' in sys.modules);"
    code += (
        "from mysfits_stream.localcloud import FaultRule, LocalCloud, Settings; print('moto' in sys.modules)"
    )
    assert run(code).split() == ["False", "True"]


def test_the_process_listens_before_anything_slow_is_imported() -> None:
    code = "import sys; import mysfits_stream.local_site.__main__; print(*sys.modules)"
    slow = {
        "moto",
        "botocore",
        "boto3",
        "flask",
        "jsonschema",
        "airspeed",
        "requests",
        "urllib3",
        "yaml",
        "rich",
    }
    assert slow & set(run(code).split()) == set()


def test_certificates_are_not_loaded_with_moto() -> None:
    code = "import sys; from mysfits_stream.localcloud.control_plane import moto_state;"
    code += "print(moto_state.VERSION, type(sys.modules['cryptography.x509']).__name__);"
    code += "from cryptography.x509 import Certificate; print(Certificate.__name__)"
    assert run(code).split()[1:] == ["_LazyModule", "Certificate"]
