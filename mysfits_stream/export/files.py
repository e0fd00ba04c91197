"""The files of an export: the template, and the processor's code where that template looks for it."""

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
    """A template as YAML, in its own order, no line broken."""
    import yaml

    return yaml.safe_dump(template, sort_keys=False, allow_unicode=True, width=10**6)


def as_json(document: Any) -> str:
    """A document as JSON to be read."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def cloudformation_files(template: cloudformation.Template) -> Files:
    """The template and the very zip that ``up`` deploys."""
    return {
        TEMPLATE: as_yaml(template).encode(),
        cloudformation.code_key(): processor_package().zip_bytes,
    }


def sam_files(template: cloudformation.Template) -> Files:
    """The template and the function's folder: what ``up`` deploys, unpacked, and the requirements."""
    with zipfile.ZipFile(io.BytesIO(processor_package().zip_bytes)) as package:
        unpacked = {f"{sam.CODE}/{name}": package.read(name) for name in package.namelist()}
    return {TEMPLATE: as_yaml(template).encode(), **unpacked, **_requirements()}


def source_files(template: cloudformation.Template) -> Files:
    """The template and what is ours of the function: its source and its requirements."""
    with zipfile.ZipFile(io.BytesIO(processor_package().zip_bytes)) as package:
        source = package.read(HANDLER)
    return {TEMPLATE: as_yaml(template).encode(), f"{sam.CODE}/{HANDLER}": source, **_requirements()}


def write(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write the files, and return their paths; raises ExportError if that cannot be done."""
    paths = [folder / name for name in files]
    try:
        for path, content in zip(paths, files.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise ExportError(f"{error.filename}: cannot be written: {error.strerror}") from error
    return paths


def _requirements() -> Files:
    """The distributions in the package, pinned, so that a build elsewhere packs the same."""
    pinned = "".join(f"{source}\n" for source in processor_package().sources)
    return {f"{sam.CODE}/{REQUIREMENTS}": pinned.encode()}
