"""The stack for a terminal: plans, results, statuses and removals. Makes no call."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mysfits_stream import prices
from mysfits_stream.output.differences import differences
from mysfits_stream.output.layout import hanging
from mysfits_stream.output.line import Line
from mysfits_stream.output.local import environment
from mysfits_stream.output.progress import DONE
from mysfits_stream.output.text import many, size

if TYPE_CHECKING:
    from mysfits_stream.codecommit import Published
    from mysfits_stream.cost import Breakdown
    from mysfits_stream.cost_ceiling import Ceiling
    from mysfits_stream.operations.adopt import Adoption
    from mysfits_stream.operations.changes import ResourceChange, StackChanges
    from mysfits_stream.operations.down import Removal, Removed
    from mysfits_stream.operations.expiring import Expiring
    from mysfits_stream.operations.plan import Plan
    from mysfits_stream.operations.rollback import RolledBack
    from mysfits_stream.operations.up import Up
    from mysfits_stream.provision.resources.emptying import Contents

Lines = Iterator[str | Line]
"""Lines of a result; text is printed as it is, without markup."""

TO_DO = {"create": "to create", "update": "to update", "delete": "to delete"}
PLANNED = {"create": "+ create", "update": "~ update", "delete": "- delete", "none": "  none"}
ACTION_STYLES = {"create": "green", "update": "yellow", "delete": "red", "none": "dim"}
STATUS_STYLES = {"in-sync": "green", "drifted": "yellow", "missing": "red", "not-ours": "bold red"}
MOST_DIFFERENCES = 20
"""Differences of one resource that are shown without --verbose."""

UNCHANGED = "Nothing to do: every resource is as configured."


def plan(plan: Plan, width: int | None, *, verbose: bool) -> Lines:
    """The planned changes of each resource, a summary, and the cost."""
    yield from _changes(plan.changes, PLANNED, width, verbose=verbose)
    yield _summary(plan.changes, TO_DO) or UNCHANGED
    for each in plan.expiring:
        yield hanging(Line(), expiring(each), width)
    yield from _ceiling(plan.ceiling, width)
    if plan.cost:
        yield hanging(Line(), cost(plan.cost), width)


def expiring(found: Expiring) -> str:
    """A warning of a lifetime that deletes data."""
    deletion, days = found.deletion, many(found.deletion.days, "day")
    if not deletion.current:
        return f"Warning: S3 deletes each old version {days} after the version is replaced, earlier than now."
    return (
        f"Warning: S3 deletes objects below {deletion.prefix} {days} after their creation: "
        f"{many(found.objects or 0, 'object')} ({size(found.bytes or 0)}) within a day or two after `up`, "
        "the others as they reach that age. Old versions follow after bucket.expire_old_versions_days."
    )


def cost(bill: Breakdown) -> str:
    """The monthly cost of a volume of clicks, in one line."""
    parts = ", ".join(f"{line.item} ${line.dollars:,.2f}" for line in bill.lines if line.dollars >= 0.005)
    total = f"cost ${bill.total:,.2f}: {parts}" if parts else "cost less than a cent"
    return (
        f"{many(round(bill.clicks), 'click')} a month {total} "
        f"(prices of {bill.prices_of}; {prices.OTHER_REGIONS})"
    )


def up(done: Up, width: int | None, *, verbose: bool) -> Lines:
    """The change of each resource, a summary with the time, and the commit."""
    yield from _changes(done.changes, DONE, width, verbose=verbose)
    summary = _summary(done.changes, DONE)
    yield f"{summary} in {max(done.seconds, 1):.0f} s" if summary else UNCHANGED
    yield from _ceiling(done.ceiling, width)
    if done.code:
        yield code(done.code)


def _ceiling(ceiling: Ceiling | None, width: int | None) -> Lines:
    if ceiling:
        yield hanging(Line("cost  "), ceiling.sentence(), width)


def rolled_back(done: RolledBack) -> Lines:
    """The version that clicks run through now, and what the next ``up`` does."""
    changed = f", last changed at {done.changed_at}" if done.changed_at else ""
    yield f"{done.function}: version {done.left} -> {done.version}{changed}"
    yield "The next mysfits-stream up publishes this directory's code again."


def code(published: Published) -> str:
    """The commit with the stack's code."""
    verb = "committed" if published.changed else "unchanged since"
    return f"code  {published.repository}, branch {published.branch}: {verb} {published.commit_id}"


def example(done: Up, click: Mapping[str, Any]) -> Lines:
    """The addresses of page and endpoint, and lines to paste: a click, other AWS clients."""
    endpoint = done.changes.endpoint
    # The Mysfits service chooses the key, and the line is pasted into a shell.
    body = shlex.quote(json.dumps(click))
    url = shlex.quote(f"{endpoint}/clicks")
    yield ""
    if done.page:
        yield f"page      {done.page}"
    yield f"endpoint  {endpoint}"
    yield from _dns(done.changes)
    yield "send a click:"
    yield f"  curl -X PUT {url} -H 'Content-Type: application/json' -d {body}"
    if done.environment:
        yield "use AWS's own CLI here:"
        yield from (f"  {line}" for line in environment(done.environment))


def _dns(changes: StackChanges) -> Iterator[str]:
    """The DNS record to set for a custom domain name."""
    if record := changes.dns:
        zone = f" (Route 53: an alias, hosted zone {record.hosted_zone_id})" if record.hosted_zone_id else ""
        yield f"DNS       set {record.name} CNAME {record.value}{zone}"
        if changes.target == "local":
            yield f"          {record.name} is not served by the local cloud; the endpoint above is"


def status(changes: StackChanges, width: int | None, *, verbose: bool) -> Lines:
    """The status of each resource, the differences, and the endpoint."""
    for resource in changes.resources:
        status = (f"{resource.status:<9}", STATUS_STYLES[resource.status])
        head = Line(f"{resource.name:<16} ", status, " ")
        yield hanging(head, resource.arn or resource.type, width)
        yield from _differences(resource, verbose=verbose)
    if changes.alarms:
        ringing = [state for state in changes.alarms if state.rings]
        yield f"\nalarms    {len(ringing)} of {len(changes.alarms)} ring"
        for state in ringing:
            head = Line("  ", (state.name, "bold red"), " ")
            yield hanging(head, f"{state.kind.meaning}. Next: {state.kind.command}", width)
    if changes.endpoint:
        yield f"\nendpoint  {changes.endpoint}"
    yield from _dns(changes)


def removal(removal: Removal, width: int | None) -> Lines:
    """The resources that ``down`` will delete, and the number of clicks lost by the deletion."""
    for resource in removal.changes.resources:
        if resource.arn:
            yield hanging(Line(("- delete ", "red"), f" {resource.name:<16} "), resource.arn, width)
    if removal.is_empty:
        yield "There is nothing to remove."
    if removal.contents and removal.holds_clicks:
        held = removal.contents
        yield Line(
            (
                f"The bucket holds {many(held.objects, 'object')} "
                f"({many(held.versions, 'version')}, {size(held.bytes)}).",
                "bold",
            )
        )


def removal_warnings(removal: Removal) -> Iterator[str]:
    """The data lost by a removal."""
    if not removal.keep_data and not removal.is_empty:
        yield "Clicks that are not delivered yet will be lost; --keep-data waits for their delivery."
    if removal.repository:
        yield f"The repository {removal.repository} will be deleted with all commits."


def removed(removed: Removed) -> Lines:
    """The number of deleted resources, and the kept resources."""
    count = sum(resource.action.value == "delete" for resource in removed.changes.resources)
    left = "Nothing is left but the bucket with its clicks." if removed.kept_data else "Nothing is left."
    yield f"{many(count, 'resource')} deleted. {left}"


def adoption(adoption: Adoption) -> Iterator[str]:
    """The resources that an adoption would tag."""
    for item in adoption.items:
        yield f"adopt {item.resource.name:<16} {item.arn}"


def contents(contents: Contents) -> str:
    """How much a bucket holds."""
    return f"{many(contents.objects, 'object')} in {many(contents.versions, 'version')}"


def _summary(changes: StackChanges, words: dict[str, str]) -> str:
    """``7 created, 2 updated`` in the given words; empty if nothing changes."""
    counts = Counter(
        resource.action.value for resource in changes.resources if resource.action.value != "none"
    )
    return ", ".join(f"{counts[action]} {word}" for action, word in words.items() if counts[action])


def _changes(changes: StackChanges, words: dict[str, str], width: int | None, *, verbose: bool) -> Lines:
    for resource in changes.resources:
        action = resource.action.value
        if action != "none" or verbose:
            head = Line((f"{words[action]:<10}", ACTION_STYLES[action]), f" {resource.name:<16} ")
            yield hanging(head, resource.arn or resource.type, width)
            yield from _differences(resource, verbose=verbose)


def _differences(resource: ResourceChange, *, verbose: bool) -> Lines:
    if resource.action.value != "update" and not verbose:
        return
    found = [line for key, sides in resource.diff.items() for line in differences(key, *sides)]
    shown = found if verbose else found[:MOST_DIFFERENCES]
    for line in shown:
        yield f"    {line}"
    if len(found) > len(shown):
        yield f"    and {many(len(found) - len(shown), 'other difference')}; --verbose shows all"
