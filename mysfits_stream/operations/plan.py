"""``plan``: the changes that ``up`` would make, and on request the cost of clicks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mysfits_stream import codecommit, cost, cost_ceiling
from mysfits_stream.config import Config
from mysfits_stream.cost_ceiling import Ceiling
from mysfits_stream.operations.changes import StackChanges
from mysfits_stream.operations.expiring import Expiring, expiring
from mysfits_stream.operations.left_behind import work_and_note_consequences
from mysfits_stream.operations.project import Project
from mysfits_stream.provision.engine import Change, Goal, converge


@dataclass(frozen=True)
class Plan:
    """The changes that ``up`` would make, and the monthly cost of a volume of clicks."""

    changes: StackChanges
    cost: cost.Breakdown | None = None
    expiring: tuple[Expiring, ...] = ()
    """What S3 will delete because of changed lifetimes."""
    ceiling: Ceiling | None = None
    """The most that a day costs; None where no stack is planned."""

    def document(self) -> dict[str, Any]:
        """The plan as JSON."""
        deletes = {"deletes": [each.document() for each in self.expiring]} if self.expiring else {}
        ceiling = {"costCeiling": self.ceiling.document()} if self.ceiling else {}
        bill = {"cost": _cost(self.cost)} if self.cost else {}
        return {**self.changes.document(), **deletes, **ceiling, **bill}


def plan(project: Project, volume: str | None = None) -> Plan:
    """Compare the stack with the configuration.

    ``volume`` is a number of clicks, e.g. ``1M/month``. Raises ExportError as ``up`` does.
    """
    if project.config.code_repository:
        codecommit.check_region(project.target.account.region)
    clicks = cost.parse_volume(volume) if volume is not None else None
    state = project.open_state()
    stack, retired = project.build(), project.retired(state)

    def compare() -> list[Change]:
        changes = converge(stack, state, goal=Goal.PRESENT, dry_run=True)
        if retired:
            changes += converge(retired, state, goal=Goal.ABSENT, dry_run=True)
        return changes

    changes = work_and_note_consequences(project, compare)
    config = project.config
    if clicks and (warning := throttle_warning(config, clicks)):
        project.note(warning)
    return Plan(
        StackChanges.of(project, changes),
        cost.monthly(config, clicks) if clicks else None,
        expiring(project, changes),
        cost_ceiling.of(config),
    )


def throttle_warning(config: Config, clicks: float) -> str | None:
    """A warning of a volume beyond the stage's throttle, with one click in a request."""
    rate, limit = clicks / cost.MONTH, cost_ceiling.rate_limit(config)
    if rate <= limit:
        return None
    return (
        f"warning: the volume is {rate:,.0f} clicks a second, and the throttle allows {limit:,g} requests a "
        "second and rejects the rest: raise api.rate_limit or api.max_cost_per_day, or send several clicks "
        "in a request (docs/scale.md)"
    )


def _cost(bill: cost.Breakdown) -> dict[str, Any]:
    return {
        "clicksPerMonth": bill.clicks,
        "dollarsPerMonth": round(bill.total, 2),
        "pricesOf": bill.prices_of,
        "lines": [
            {
                "item": line.item,
                "quantity": line.quantity,
                "unit": line.unit,
                "dollars": round(line.dollars, 4),
            }
            for line in bill.lines
        ],
    }
