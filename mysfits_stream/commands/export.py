"""``export`` and ``publish-code``: the stack for AWS's own tools, and its code under source control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mysfits_stream.commands.app import App, global_options, pass_app, path

if TYPE_CHECKING:
    from pathlib import Path

    from mysfits_stream.export.files import Files

FORMATS = ("cloudformation", "sam", "import")


@click.command()
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default="cloudformation",
    show_default=True,
    help="import: what CloudFormation needs to take over the running stack.",
)
@click.option("--out", metavar="DIR", type=path, help="Write the template and the function's code here.")
@global_options
@pass_app
def export(app: App, kind: str, out: Path | None) -> int:
    """Show the stack as a template for CloudFormation or SAM.

    Without --out the template is printed, as YAML or, with --json, as JSON.
    """
    from mysfits_stream.export import cloudformation, files, sam

    if kind == "import" and not out and not app.out.as_json:
        raise click.UsageError("an import is several files: say where to write them with --out DIR")
    written: Files
    if kind == "import":
        template, to_import = _import(app)
        written = files.cloudformation_files(template)
        written[files.TO_IMPORT] = files.as_json(to_import).encode()
        document: Any = {"template": template, "resourcesToImport": to_import}
    elif kind == "sam":
        document = template = sam.template(app.config)
        written = files.sam_files(template)
    else:
        document = template = cloudformation.template(app.config)
        written = files.cloudformation_files(template)

    if out:
        paths = [str(path) for path in files.write(written, out)]
        if app.out.as_json:
            app.out.json({"format": kind, "files": paths})
        for path in paths if app.out.verbose else paths[:1]:
            app.out.line(f"wrote {path}")
        if len(paths) > 1 and not app.out.verbose:
            app.out.line(f"and {len(paths) - 1} more files in {out}")
    elif app.out.as_json:
        app.out.json(document)
    else:
        click.echo(files.as_yaml(template), nl=False)
    return 0


@click.command("publish-code")
@click.option("--repository", metavar="NAME", help="The CodeCommit repository.  [default: code_repository]")
@global_options
@pass_app
def publish_code(app: App, repository: str | None) -> int:
    """Commit the processor's code and the template to CodeCommit.

    The repository is made if there is none. Without a change there is no commit.
    """
    from mysfits_stream.operations import publish_code

    app.out.published(publish_code.publish_code(app.project, repository))
    return 0


COMMANDS = (export, publish_code)


def _import(app: App) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The template of the running stack, and which of its resources is which."""
    from dataclasses import replace

    from mysfits_stream.export import importing
    from mysfits_stream.provision.engine import Goal, survey
    from mysfits_stream.target import mysfits_api

    # The template's defaults are to be what runs.
    config = replace(app.config, mysfits_api=mysfits_api(app.target))
    template = importing.template(config)
    changes = survey(app.project.build(), Goal.PRESENT, config.stack)
    return template, importing.resources_to_import(changes, template, app.target.client("apigateway"))
