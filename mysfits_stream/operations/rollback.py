"""``rollback``: point the alias that Firehose invokes to an earlier version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mysfits_stream.errors import ProvisionError
from mysfits_stream.operations.project import Project
from mysfits_stream.provision.engine import Goal, survey, translated

LATEST = "$LATEST"


@dataclass(frozen=True)
class RolledBack:
    """The alias before and after.

    ``changed_at`` is the time of the version's last change, as of Lambda.
    """

    function: str
    left: str
    version: str
    changed_at: str

    def document(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "function": self.function,
            "left": self.left,
            "version": self.version,
            "changedAt": self.changed_at,
        }


def rollback(project: Project, version: str | None = None) -> RolledBack:
    """Point the alias to a version, by default to the one before the alias's.

    The version has to have the same definition of a click, and to pass the smoke test. Raises
    ProvisionError.
    """
    with project.locked(), project.interruptible():
        live = project.build(needs_service=False).processor_live
        # Compares nothing with this directory's code, whose source may be broken just now.
        [change] = survey([live], Goal.ABSENT, project.config.stack)
        if change.refusal:
            raise change.refusal
        with translated(live.name, "rollback"):
            alias = live.find()
            if alias is None:
                raise _refused(f"there is no alias {live.alias_name} yet; run: mysfits-stream up")
            current, versions = str(alias["FunctionVersion"]), list(live.versions())
            latest = live.configuration(LATEST) if current == LATEST else None
            chosen = choose(versions, current, version, live.alias_name, latest)
            live.test(str(chosen["Version"]))
            # Weights would go on to send clicks to the version that is left.
            live.point_to(str(chosen["Version"]), whole=bool(alias.get("RoutingConfig")))
        return RolledBack(
            live.function.function_name, current, str(chosen["Version"]), str(chosen.get("LastModified", ""))
        )


def choose(
    versions: Sequence[Mapping[str, Any]],
    current: str,
    wanted: str | None,
    alias: str,
    latest: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """The configuration of the version to go back to, among ``versions``, the oldest first.

    ``latest`` is the configuration of ``$LATEST``, if the alias names ``$LATEST``.
    Raises ProvisionError for a version that does not exist, is the alias's own, or has another definition.
    """
    by_number = {str(each["Version"]): each for each in versions}
    earlier = [number for number in by_number if current == LATEST or int(number) < int(current)]
    number = wanted or (earlier[-1] if earlier else "")
    listed = ", ".join(by_number) or "none"
    if not number:
        raise _refused(f"there is no version before version {current}; versions: {listed}")
    if number == current:
        raise _refused(f"alias {alias} names version {current} already; versions: {listed}")
    if number not in by_number:
        raise _refused(f"there is no version {number}; versions: {listed}")
    running = by_number.get(current, latest)
    if running and _definition(by_number[number]) != _definition(running):
        same = [each for each in by_number if _definition(by_number[each]) == _definition(running)]
        others = ", ".join(each for each in same if each != current) or "none"
        raise _refused(
            f"version {number} has another definition of a click than version {current}, and would fail the "
            f"clicks that the API accepts. Versions with the same definition: {others}"
        )
    return by_number[number]


def _definition(version: Mapping[str, Any]) -> Any:
    return version.get("Environment", {}).get("Variables", {}).get("CLICK")


def _refused(reason: str) -> ProvisionError:
    return ProvisionError("processor-live", "rollback", reason)
