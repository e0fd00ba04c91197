"""The files of an export: the template, and the code at the path in the template."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mysfits_stream.errors import ExportError
from mysfits_stream.export import cloudformation, sam
from mysfits_stream.provision.processor_zip import HANDLER, REQUIREMENTS, processor_package

TEMPLATE = "template.yaml"
TO_IMPORT = "resources-to-import.json"

Files = dict[str, bytes]
"""Path below the export's folder -> content."""


def as_yaml(template: cloudformation.Template) -> str:
    """A template as YAML, in the template's order, without line wrapping."""
    import yaml

    return yaml.safe_dump(template, sort_keys=False, allow_unicode=True, width=10**6)


def as_json(document: Any) -> str:
    """A document as JSON to be read."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def cloudformation_files(template: cloudformation.Template) -> Files:
    """The template and the same zip as deployed by ``up``."""
    return {
        TEMPLATE: as_yaml(template).encode(),
        cloudformation.code_key(): processor_package().zip_bytes,
    }


def sam_files(template: cloudformation.Template) -> Files:
    """The template, the requirements and the function's folder: the deployed zip, unpacked."""
    with zipfile.ZipFile(io.BytesIO(processor_package().zip_bytes)) as package:
        unpacked = {f"{sam.CODE}/{name}": package.read(name) for name in package.namelist()}
    return {TEMPLATE: as_yaml(template).encode(), **unpacked, **_requirements()}


def source_files(template: cloudformation.Template) -> Files:
    """The template, and the function's source and requirements without its packages."""
    with zipfile.ZipFile(io.BytesIO(processor_package().zip_bytes)) as package:
        source = package.read(HANDLER)
    return {TEMPLATE: as_yaml(template).encode(), f"{sam.CODE}/{HANDLER}": source, **_requirements()}


def write(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write the files and return their paths; raises ExportError if a file cannot be written."""
    paths = [folder / name for name in files]
    try:
        for path, content in zip(paths, files.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise ExportError(f"{error.filename}: cannot be written: {error.strerror}") from error
    return paths


def _requirements() -> Files:
    """The pinned versions of the packed distributions, for reproducible builds."""
    pinned = "".join(f"{source}\n" for source in processor_package().sources)
    return {f"{sam.CODE}/{REQUIREMENTS}": pinned.encode()}
