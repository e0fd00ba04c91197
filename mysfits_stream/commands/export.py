"""``export`` and ``publish-code``: the stack for AWS's own tools, its code in CodeCommit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mysfits_stream.commands.app import DIRECTORY, App, global_options, pass_app
from mysfits_stream.commands.help import command

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("cloudformation", "sam", "import")


@command(
    section="Project",
    examples=(
        "mysfits-stream export > template.yaml",
        "mysfits-stream export --format sam --out build/sam",
    ),
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default="cloudformation",
    show_default=True,
    help="import is for CloudFormation's resource import of the deployed stack.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=DIRECTORY,
    help="Write the template and the function's code to this directory.",
)
@global_options
@pass_app
def export(app: App, kind: str, out: Path | None) -> int:
    """Export the stack as a CloudFormation or SAM template.

    Without --out, prints the template as YAML, or with --json as JSON.
    """
    from mysfits_stream.operations import export

    if kind == "import" and not out and not app.out.as_json:
        raise click.UsageError("--format import writes several files: name a directory with --out DIR")
    if kind == "import":
        exported = export.export_import(app.project)
    elif kind == "sam":
        exported = export.export_sam(app.config, app.directory)
    else:
        exported = export.export_cloudformation(app.config, app.directory)
    if out:
        app.out.written(export.write(exported, out))
    else:
        app.out.exported(exported)
    return 0


@command(
    "publish-code",
    section="Project",
    examples=("mysfits-stream publish-code --repository clicks",),
)
@click.option(
    "--repository",
    metavar="NAME",
    help="Name of the CodeCommit repository.  [default: code_repository of the configuration]",
)
@global_options
@pass_app
def publish_code(app: App, repository: str | None) -> int:
    """Commit code and template to CodeCommit.

    Creates the repository if necessary. Unchanged files make no commit.
    """
    from mysfits_stream.operations.publish_code import publish_code

    app.out.published(publish_code(app.project, repository))
    return 0


COMMANDS = (export, publish_code)
