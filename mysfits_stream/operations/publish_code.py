"""``publish-code``: the processor's code and the template as a commit in CodeCommit."""

from __future__ import annotations

from mysfits_stream import codecommit
from mysfits_stream.errors import ConfigError
from mysfits_stream.export import files, sam
from mysfits_stream.operations.project import Project


def publish_code(project: Project, repository: str | None = None) -> codecommit.Published:
    """Commit the stack's code to ``repository`` or the configured repository.

    Raises ConfigError, and ExportError, e.g. for a region without CodeCommit.
    """
    name = repository or project.config.code_repository
    if not name:
        raise ConfigError("code_repository: not set; name the repository with --repository NAME")
    codecommit.check_region(project.target.account.region)
    package = project.package_for_aws()
    return codecommit.publish(
        project.target.client("codecommit"),
        name,
        files.source_files(sam.template(project.config, package), package),
        stack=project.config.stack,
        folder=sam.CODE,
    )
