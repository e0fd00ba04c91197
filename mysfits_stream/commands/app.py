"""The global options of every command, and the run by the options.

The global options stand before or after the command's name; the option nearest to the command wins, then
``MYSFITS_STREAM_*``, then ``config.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from mysfits_stream.commands.help import global_names
from mysfits_stream.operations.options import ENVIRONMENT, Options, load_config, state_directory

if TYPE_CHECKING:
    from pathlib import Path

    from click.shell_completion import CompletionItem

    from mysfits_stream.config import Config, LocalConfig
    from mysfits_stream.localcloud.daemon import Running
    from mysfits_stream.operations.project import Project
    from mysfits_stream.output.console import Output
    from mysfits_stream.target import Target

F = TypeVar("F", bound=Callable[..., Any])


class PathType(click.ParamType["Path"]):
    """A path, completed by the shell.

    pathlib is slow to import, and only a few commands need a path.
    """

    name = "path"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Path:
        """The value as a Path."""
        from pathlib import Path

        return Path(value)

    def shell_complete(
        self, context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Let the shell list its files or directories."""
        return [_item(incomplete, type=self.kind)]


FILE, DIRECTORY = PathType("file"), PathType("dir")


class App:
    """A run of the command line: its options, and objects made from the options on first use."""

    def __init__(self) -> None:
        self.options = Options()
        self.beside: Callable[[], object] | None = None
        """Prepares a command of the deployer while the target is connected."""

    @cached_property
    def config(self) -> Config:
        """The configuration, with options and environment applied; raises ConfigError."""
        return load_config(self.options, warn=self._warn)

    @cached_property
    def local_config(self) -> LocalConfig:
        """The section ``local`` alone: errors in other sections do not concern the local cloud."""
        return load_config(self.options, warn=self._warn, section="local").local

    def _warn(self, text: str) -> None:
        self.out.note(f"warning: {text}")

    @cached_property
    def directory(self) -> Path:
        """The directory of the configuration's files; raises StateError for a missing place."""
        return state_directory(self.options)

    @cached_property
    def out(self) -> Output:
        """The output of results, progress and errors."""
        from mysfits_stream.output.console import Output

        options = self.options
        return Output(as_json=bool(options.json), quiet=bool(options.quiet), verbose=bool(options.verbose))

    @cached_property
    def target(self) -> Target:
        """The target, connected; prints its account and region."""
        running = self._started_local_cloud()

        from mysfits_stream.target import connect

        def report(text: str) -> None:
            self.out.note(text)

        def beside() -> None:
            if self.beside:
                self.beside()
            _ = self.out  # rich takes as long to import as half a call

        target = connect(self.config, self.directory, report, running, beside if self.beside else None)
        account = target.account
        self.out.note(
            f"stack {self.config.stack} on {target.name}, account {account.id}, region {account.region}"
        )
        return target

    def _started_local_cloud(self) -> Running | None:
        """The local cloud, which loads moto while this command imports the rest; None for AWS.

        A region is checked first, by the rest.
        """
        if self.config.target != "local" or self.config.region:
            return None
        from mysfits_stream.local_site import daemon
        from mysfits_stream.local_site.settings import settings_of

        def meanwhile() -> None:
            if not self.options.quiet:
                # Not by the output, which takes as long to import as this command took until now.
                click.echo(click.style("starting the local cloud", dim=True), err=True)
            from mysfits_stream.aws.session import preload

            preload()

        return daemon.ensure(
            self.directory,
            settings_of(self.config.local),
            report=lambda text: self.out.note(text),
            load=True,
            meanwhile=meanwhile,
        )

    @property
    def has_no_local_cloud(self) -> bool:
        """Whether the target is a stopped local cloud; raises TargetError or StateError."""
        if self.config.target != "local" or "target" in vars(self):  # connected already
            return False
        from mysfits_stream.local_site import daemon

        return daemon.find(self.directory) is None

    @property
    def absent_project(self) -> Project:
        """The configured stack on a stopped local cloud."""
        from mysfits_stream.operations.project import Project
        from mysfits_stream.target import absent_local_cloud

        return Project(self.config, self.directory, absent_local_cloud(self.config), self.out.note)

    @property
    def standing_project(self) -> Project:
        """The configured stack on an existing target: a stopped local cloud is not started.

        Raises TargetError for a stopped local cloud, and as ``project``.
        """
        if self.has_no_local_cloud:
            from mysfits_stream.errors import TargetError

            raise TargetError("no local cloud is running here; mysfits-stream up starts one")
        return self.project

    @cached_property
    def project(self) -> Project:
        """The configured stack on its target; raises ConfigError, StateError or TargetError."""
        target = self.target  # first: a local cloud loads while the rest is imported

        from mysfits_stream.operations.project import Project

        return Project(self.config, self.directory, target, self.out.note)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Store a global option.

    The environment never overrides an option typed before the command.
    """
    app = context.ensure_object(App)
    name = parameter.name or ""
    source = context.get_parameter_source(name)
    if source is ParameterSource.COMMANDLINE or not getattr(app.options, name):
        variables = {key: value for key, value in app.options.variables.items() if key != name}
        if source is ParameterSource.ENVIRONMENT:
            variables[name] = f"{ENVIRONMENT}{name.upper()}"
        given: dict[str, Any] = {name: value}
        app.options = replace(app.options, variables=variables, **given)


def _item(value: str, **attributes: Any) -> CompletionItem:
    from click.shell_completion import CompletionItem

    return CompletionItem(value, **attributes)


def _complete_file(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [_item(incomplete, type="file")]


def _complete_target(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [_item(target) for target in ("local", "aws") if target.startswith(incomplete)]


def _option(*names: str, **attributes: Any) -> Callable[[F], F]:
    long = names[0].removeprefix("--").replace("-", "_")
    global_names.add(long)
    return click.option(
        *names,
        envvar=f"{ENVIRONMENT}{long.upper()}",
        callback=_remember,
        expose_value=False,
        **attributes,
    )


JSON_OPTION = _option("--json", is_flag=True, default=None, help="Print the result as JSON.")
GLOBAL_OPTIONS = (
    _option(
        "--config",
        metavar="FILE",
        shell_complete=_complete_file,
        help="Configuration file.  [default: config.yaml]",
    ),
    _option("--stack", metavar="NAME", help="Name of the stack, the prefix of all names in AWS."),
    _option(
        "--target",
        metavar="local|aws",
        shell_complete=_complete_target,
        help="The local cloud, or AWS.  [default: local]",
    ),
    _option("--region", metavar="REGION", help="AWS region, for example eu-west-1."),
    _option("--profile", metavar="PROFILE", help="Profile of your AWS configuration."),
    _option("--mysfits-api", metavar="URL", help="Base URL of the Mysfits service, which serves /mysfits."),
    JSON_OPTION,
    _option(
        "--quiet",
        "-q",
        is_flag=True,
        default=None,
        help="Print only errors, and the data of clicks, failed, logs and query.",
    ),
    _option(
        "--verbose",
        "-v",
        is_flag=True,
        default=None,
        help="Print unchanged resources and all differences, too.",
    ),
)


def global_options(command: F) -> F:
    """Give a command the global options, too."""
    for option in reversed(GLOBAL_OPTIONS):
        command = option(command)
    return command


def read_json_option(app: App, arguments: Sequence[str]) -> None:
    """Read ``--json`` and its variable alone, after the command line failed to parse."""
    command = JSON_OPTION(click.Command("mysfits-stream", add_help_option=False))
    with suppress(click.UsageError):
        command.make_context(
            "mysfits-stream", list(arguments), obj=app, ignore_unknown_options=True, allow_extra_args=True
        )


pass_app = click.make_pass_decorator(App, ensure=True)

since_option = click.option(
    "--since",
    default="1h",
    show_default=True,
    metavar="WHEN",
    help="Start of the time range: 15m, 1h or 7d ago, or an ISO 8601 time.",
)
