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
from mysfits_stream.provision.processor_zip import REQUIREMENTS, Package, processor_package

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


def cloudformation_files(template: cloudformation.Template, package: Package | None = None) -> Files:
    """The template, and the zip as ``up`` deploys it; without ``package`` the tool's processor."""
    package = package or processor_package()
    return {TEMPLATE: as_yaml(template).encode(), cloudformation.code_key(package): package.zip_bytes}


def sam_files(template: cloudformation.Template, package: Package | None = None) -> Files:
    """The template, the requirements and the function's folder: the deployed zip, unpacked."""
    package = package or processor_package()
    with zipfile.ZipFile(io.BytesIO(package.zip_bytes)) as archive:
        unpacked = {f"{sam.CODE}/{name}": archive.read(name) for name in archive.namelist()}
    return {TEMPLATE: as_yaml(template).encode(), **unpacked, **_requirements(package)}


def source_files(template: cloudformation.Template, package: Package | None = None) -> Files:
    """The template, and the function's source and requirements without its packages."""
    package = package or processor_package()
    source = {f"{sam.CODE}/{name}": content for name, content in package.code}
    return {TEMPLATE: as_yaml(template).encode(), **source, **_requirements(package)}


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


def _requirements(package: Package) -> Files:
    """The pinned versions of the packed distributions, for reproducible builds."""
    return {f"{sam.CODE}/{REQUIREMENTS}": package.requirements} if package.requirements else {}
