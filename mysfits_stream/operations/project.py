"""A project: a configured stack, the directory of its files, and its target."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, Protocol

from mysfits_stream.config import AlarmsConfig, Config
from mysfits_stream.errors import ConfigError, MysfitsStreamError, StateError
from mysfits_stream.files import make_private, reject_link, state_errors
from mysfits_stream.operations.options import CACHE
from mysfits_stream.provision import alarms, stack
from mysfits_stream.provision.engine import Progress
from mysfits_stream.provision.own_processor import package_of
from mysfits_stream.provision.processor_zip import Package
from mysfits_stream.provision.resource import Resource
from mysfits_stream.provision.stack import DOMAIN, QUERY_RESOURCES, Names, Report, Stack
from mysfits_stream.provision.state import State, file_name, read_document
from mysfits_stream.target import Target, mysfits_api

NO_CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/none"
"""Stands for the certificate of a domain name that is deleted."""

PACKAGES = "packages"
"""The folder of downloaded wheels in the project's directory."""


def package_for_aws(config: Config, directory: Path) -> Package:
    """The configured processor's package for AWS.

    Raises ConfigError for a source that cannot run.
    """
    return package_of(config.processor, directory / PACKAGES)


UNKNOWN_ADDRESS = "nobody@example.com"
"""In a topic that is only deleted."""


class Reporter(Protocol):
    """Receives the progress of a run."""

    def notify(self, progress: Progress) -> None:
        """Handle the next phase of a resource."""

    def waiting(self, name: str, text: str) -> None:
        """A resource waits for something."""


@dataclass(frozen=True)
class Project:
    """A configured stack on a connected target; ``note`` takes progress lines for the user."""

    config: Config
    directory: Path
    target: Target
    note: Callable[[str], None] = lambda _text: None

    @property
    def names(self) -> Names:
        """The physical names of the stack's resources."""
        return Names.of(self.config, self.target.account)

    def build(
        self,
        report: Report = lambda _name, _text: None,
        *,
        needs_service: bool = True,
        **options: Any,
    ) -> Stack:
        """The stack's resources; ``options`` go to ``provision.stack.build``.

        Raises ConfigError if ``needs_service`` and no Mysfits service is configured, or an ARN is of another
        region.
        """
        target = self.target
        if needs_service:
            _reject_other_regions(self.config, target.account.region)
        service = mysfits_api(target) if needs_service else target.mysfits_api or ""
        clients = target.clients
        if self.config.query.athena or options.get("with_query"):
            clients = replace(clients, glue=target.client("glue"), athena=target.client("athena"))
        if self.config.alarms.on or options.get("with_alarms"):
            clients = replace(clients, cloudwatch=target.client("cloudwatch"), sns=target.client("sns"))
        return stack.build(
            self.config,
            target.account,
            clients,
            mysfits_api=service,
            package=self._package,
            **options,
            answers=target.answers,
            pace=target.pace,
            report=report,
            warn=self.note,
        )

    @cached_property
    def _package(self) -> Callable[[], Package]:
        """Packs the processor on first use.

        Compiled modules fit the machine that runs the function.
        """
        here = self.target.name == "local"
        return cache(partial(package_of, self.config.processor, self.directory / PACKAGES, here=here))

    def package_for_aws(self) -> Package:
        """The processor's package for AWS, whichever the target is."""
        return package_for_aws(self.config, self.directory)

    def retired(self, state: State, report: Report = lambda _name, _text: None) -> list[Resource]:
        """Optional resources of the state that the configuration has off or named otherwise."""
        return [*self._retired_options(state, report), *self._retired_domain(state, report)]

    def _retired_options(self, state: State, report: Report) -> list[Resource]:
        with_query = any(name in state.resources for name in QUERY_RESOURCES)
        with_alarms = any(name.startswith(alarms.PREFIX) for name in state.resources)
        if not (with_query or with_alarms):
            return []
        current = {resource.name for resource in self.build(needs_service=False)}
        built = self.build(report, needs_service=False, with_query=with_query, with_alarms=with_alarms)
        found = [each for each in built if each.name in state.resources and each.name not in current]
        if with_alarms and alarms.TOPIC in state.resources and self.config.alarms.topic:
            # The stack made a topic before, and notifies another today.
            config = replace(self.config, alarms=AlarmsConfig(email=UNKNOWN_ADDRESS))
            built = replace(self, config=config).build(report, needs_service=False)
            found += [each for each in built if each.name == alarms.TOPIC]
        return found

    def _retired_domain(self, state: State, report: Report) -> list[Resource]:
        """An earlier configuration's domain name, whose mapping keeps the API from deletion."""
        listed = str(state.resources.get(DOMAIN, {}).get("id") or "")
        if not listed or listed == self.config.api.domain:
            return []
        api = replace(self.config.api, domain=listed, certificate_arn=NO_CERTIFICATE)
        earlier = replace(self, config=replace(self.config, api=api))
        [found] = [each for each in earlier.build(report, needs_service=False) if each.name == DOMAIN]
        # Beside a new domain name, the state's entry is the new one's.
        return [replace(found, name=f"earlier-{DOMAIN}") if self.config.api.domain else found]  # type: ignore[type-var]

    def endpoint(self, api_id: str) -> str:
        """The base URL to which ``/clicks`` is added: the domain's, where AWS serves the domain."""
        api = self.config.api
        if api.domain and self.target.name == "aws":
            return f"https://{api.domain}"
        return self.target.endpoint(api_id, api.stage)

    @property
    def state_path(self) -> Path:
        """The state file of the target, stack, account and region."""
        account = self.target.account
        name = file_name(self.target.name, stack=self.config.stack, account=account.id, region=account.region)
        return self.directory / name

    @property
    def cache_directory(self) -> Path:
        """The directory of this stack's cached clicks."""
        return self.directory / CACHE / self.state_path.stem.removeprefix("state-")

    def open_state(self) -> State:
        """The state of the stack; raises StateError for a damaged file or a later format."""
        return State(
            self.state_path,
            stack=self.config.stack,
            account=self.target.account.id,
            region=self.target.account.region,
            old_path=self.directory / f"state-{self.target.name}.json",
        )

    def other_local_stacks(self) -> list[str]:
        """The other stacks in the directory's local cloud, by their state files."""
        found = []
        for path in sorted(self.directory.glob("state-local*.json")):
            if path != self.state_path:
                try:
                    found.append(str(read_document(path)["stack"]))
                except StateError:
                    found.append(f"of {path.name}")
        return found

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock against concurrent changes of the stack.

        The operating system releases the lock of a process that dies. Raises StateError if another run holds
        the lock.
        """
        from filelock import FileLock, Timeout

        path = self.state_path.with_suffix(".lock")
        with state_errors(self.directory):
            make_private(self.directory)
            reject_link(path)
            try:
                held = FileLock(path).acquire(timeout=0)
            except Timeout:
                raise StateError(
                    f"{path}: another mysfits-stream is changing this stack; wait for it to end"
                ) from None
        with held:
            yield

    @contextmanager
    def interruptible(
        self, advice: str = "The state file records all completed changes; the same command resumes."
    ) -> Iterator[None]:
        """On Ctrl-C, end every wait in all threads and print the advice."""
        try:
            yield
        except KeyboardInterrupt:
            self.target.interrupt.set()
            self.note(advice)
            raise


def _reject_other_regions(config: Config, region: str) -> None:
    """Raise ConfigError for an ARN of another region, which AWS refuses (F290, F346)."""
    for key, arn in (
        ("api.certificate_arn", config.api.certificate_arn),
        ("alarms.topic", config.alarms.topic),
    ):
        of_arn = arn.split(":")[3] if arn else region
        if of_arn != region:
            raise ConfigError(f"{key}: {arn} is in {of_arn}, and the stack in {region}; give one of {region}")


@contextmanager
def prefix_errors(done: str) -> Iterator[None]:
    """Begin the message of an error with the work done before."""
    try:
        yield
    except MysfitsStreamError as error:
        raise MysfitsStreamError(f"{done}: {error}") from error
