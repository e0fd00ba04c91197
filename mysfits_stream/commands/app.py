"""What every command shares: the global options, the configuration and the output.

The global options stand before or after the command's name; the one nearest to the command wins, then
``MYSFITS_STREAM_*``, then ``config.yaml``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from mysfits_stream.errors import ConfigError, StateError

if TYPE_CHECKING:
    from pathlib import Path

    from mysfits_stream.config import Config
    from mysfits_stream.output.console import Output
    from mysfits_stream.target import Target

F = TypeVar("F", bound=Callable[..., Any])

ENVIRONMENT = "MYSFITS_STREAM_"
DIRECTORY = ".mysfits-stream"
"""Holds the state files, the lock and the local cloud's files; next to the configuration."""


def path(text: str) -> Path:
    """The path that an option names; only a command that has one needs pathlib, which takes its time."""
    from pathlib import Path

    return Path(text)


class App:
    """One run of the command line: its settings, and what they lead to, made when first asked for."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.variables: dict[str, str] = {"local.access": f"{ENVIRONMENT}LOCAL_ACCESS"}
        """Setting -> the environment variable of its value, for error messages."""

    @cached_property
    def config(self) -> Config:
        """The configuration, with options and environment applied; raises ConfigError."""
        from mysfits_stream import config

        file = path(self.settings["config"]) if self.settings.get("config") else None
        loaded = config.load(file, warn=lambda text: self.out.note(f"warning: {text}"))
        given = {name: self.settings.get(name) for name in ("stack", "target", "region", "profile")}
        given["local.access"] = os.environ.get(self.variables["local.access"]) or None
        for name, value in given.items():
            try:
                loaded = config.override(loaded, {name: value})
            except ConfigError as error:
                variable = self.variables.get(name)
                raise ConfigError(f"{variable}: {error}" if variable else str(error)) from None
        return loaded

    @cached_property
    def directory(self) -> Path:
        """Where this configuration's files are kept; raises StateError if there is no such place."""
        config = self.settings.get("config")
        try:
            return (path(config).parent if config else path("")).absolute() / DIRECTORY
        except FileNotFoundError:
            raise StateError("the working directory is gone; change to another one") from None

    @cached_property
    def out(self) -> Output:
        """Where results go, and how."""
        from mysfits_stream.output.console import Output

        return Output(
            as_json=bool(self.settings.get("json")),
            quiet=bool(self.settings.get("quiet")),
            verbose=bool(self.settings.get("verbose")),
        )

    @cached_property
    def target(self) -> Target:
        """The target, connected; says which account and region it is."""
        from mysfits_stream.target import connect

        target = connect(self.config, self.directory)
        account = target.account
        self.out.note(
            f"stack {self.config.stack} on {target.name}, account {account.id}, region {account.region}"
        )
        return target


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep a global option; one from the environment does not undo one that was typed before the command."""
    app = context.ensure_object(App)
    name = parameter.name or ""
    source = context.get_parameter_source(name)
    if source is ParameterSource.COMMANDLINE or not app.settings.get(name):
        app.settings[name] = value
        app.variables.pop(name, None)
        if source is ParameterSource.ENVIRONMENT:
            app.variables[name] = f"{ENVIRONMENT}{name.upper()}"


def _option(*names: str, **attributes: Any) -> Callable[[F], F]:
    long = names[0].removeprefix("--")
    return click.option(
        *names,
        envvar=f"{ENVIRONMENT}{long.upper()}",
        callback=_remember,
        expose_value=False,
        **attributes,
    )


GLOBAL_OPTIONS = (
    _option("--config", metavar="FILE", help="Read this file instead of config.yaml."),
    _option("--stack", metavar="NAME", help="The stack's name; all names in AWS begin with it."),
    _option("--target", metavar="local|aws", help="Where the stack lives.  [default: local]"),
    _option("--region", metavar="REGION", help="The AWS region."),
    _option("--profile", metavar="PROFILE", help="The profile of your AWS configuration."),
    _option("--json", is_flag=True, default=None, help="Print one JSON document and nothing else."),
    _option("--quiet", "-q", is_flag=True, default=None, help="Print errors only."),
    _option("--verbose", "-v", is_flag=True, default=None, help="Say more about what happens."),
)


def global_options(command: F) -> F:
    """Give a command the global options, too."""
    for option in reversed(GLOBAL_OPTIONS):
        command = option(command)
    return command


pass_app = click.make_pass_decorator(App, ensure=True)
