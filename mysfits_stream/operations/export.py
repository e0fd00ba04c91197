"""``export``: the stack as a template for CloudFormation, SAM, or a resource import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mysfits_stream.config import Config
from mysfits_stream.export import cloudformation, files, importing, sam
from mysfits_stream.operations.project import Project, package_for_aws
from mysfits_stream.provision.engine import Goal, survey
from mysfits_stream.target import mysfits_api


@dataclass(frozen=True)
class Export:
    """A template with its files."""

    kind: str
    template: dict[str, Any]
    files: Mapping[str, bytes]
    to_import: list[dict[str, Any]] | None = None
    """The running resource of each logical id, for an import."""

    def document(self) -> dict[str, Any]:
        """The template as JSON, for an import with its resources."""
        if self.to_import is None:
            return self.template
        return {"template": self.template, "resourcesToImport": self.to_import}

    def yaml(self) -> str:
        """The template as YAML."""
        return files.as_yaml(self.template)


@dataclass(frozen=True)
class Written:
    """The files of an export in a directory."""

    kind: str
    directory: Path
    paths: tuple[Path, ...]

    def document(self) -> dict[str, Any]:
        """The files as JSON."""
        return {"format": self.kind, "files": [str(path) for path in self.paths]}


def export_sam(config: Config, directory: Path) -> Export:
    """The configured stack for SAM; ``directory`` holds the cache of packages."""
    package = package_for_aws(config, directory)
    template = sam.template(config, package)
    return Export("sam", template, files.sam_files(template, package))


def export_cloudformation(config: Config, directory: Path) -> Export:
    """The configured stack for CloudFormation; ``directory`` holds the cache of packages."""
    package = package_for_aws(config, directory)
    template = cloudformation.template(config, package)
    return Export("cloudformation", template, files.cloudformation_files(template, package))


def export_import(project: Project) -> Export:
    """The running stack for CloudFormation's resource import."""
    # The template's defaults are the values of the running stack.
    config = replace(project.config, mysfits_api=mysfits_api(project.target))
    package = project.package_for_aws()
    template = importing.template(config, package)
    changes = survey(project.build(), Goal.PRESENT, config.stack)
    to_import = importing.resources_to_import(changes, template, project.target.clients)
    written = files.cloudformation_files(template, package)
    written[files.TO_IMPORT] = files.as_json(to_import).encode()
    return Export("import", template, written, to_import)


def write(export: Export, directory: Path) -> Written:
    """Write an export's files; raises ExportError."""
    return Written(export.kind, directory, tuple(files.write(export.files, directory)))
