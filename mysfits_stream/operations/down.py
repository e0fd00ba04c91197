"""``down``: delete the stack, and verify the deletion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mysfits_stream import codecommit
from mysfits_stream.errors import MysfitsStreamError
from mysfits_stream.operations.changes import StackChanges
from mysfits_stream.operations.left_behind import find_earlier_buckets
from mysfits_stream.operations.project import Project, Reporter, prefix_errors
from mysfits_stream.provision.engine import Change, Goal, converge, translated
from mysfits_stream.provision.left_behind import EarlierBuckets
from mysfits_stream.provision.resource import Resource
from mysfits_stream.provision.resources.emptying import Contents, contents
from mysfits_stream.provision.stack import Stack
from mysfits_stream.provision.verify_deleted import verify_deleted
from mysfits_stream.query import cache

CLICKS_BUCKET = "clicks-bucket"
BUCKET_TYPE = "AWS::S3::Bucket"


@dataclass(frozen=True)
class Removal:
    """The resources that ``down`` would delete, and the clicks among the data."""

    changes: StackChanges
    keep_data: bool
    contents: Contents | None
    """The contents of the clicks bucket; None if the bucket stays, or if they were not counted."""
    repository: str | None
    """The CodeCommit repository that would be deleted, too."""

    @property
    def holds_clicks(self) -> bool:
        """Whether clicks would be deleted, as far as counted."""
        return bool(self.contents and self.contents.versions)

    @property
    def is_empty(self) -> bool:
        """Whether no resource exists."""
        return not any(resource.arn for resource in self.changes.resources)

    def document(self) -> dict[str, Any]:
        """The removal as JSON."""
        return self.changes.document()


@dataclass(frozen=True)
class Removed:
    """The stack after ``down``."""

    changes: StackChanges
    kept_data: bool

    def document(self) -> dict[str, Any]:
        """The stack as JSON."""
        return self.changes.document()


def plan_removal(project: Project, *, keep_data: bool, delete_repository: bool, count: bool) -> Removal:
    """The plan of ``down``; ``count`` lists the whole clicks bucket to count the clicks."""
    repository = project.config.code_repository if delete_repository else None
    if delete_repository and not repository:
        raise MysfitsStreamError(
            "--delete-repository needs code_repository in the configuration: the name of the repository"
        )
    with project.locked():
        stack = project.build(needs_service=False)
        state = project.open_state()
        going = [*_without_bucket(stack, keep_data), *project.retired(state)]
        plan = converge(going, state, goal=Goal.ABSENT, dry_run=True)
        earlier = _earlier_buckets(project, stack, keep_data)
        plan += converge(earlier, state, goal=Goal.ABSENT, dry_run=True)
    counted = _contents(project, plan) if count else None
    return Removal(StackChanges.of(project, plan), keep_data, counted, repository)


def down(project: Project, removal: Removal, reporter: Reporter, *, delete_data: bool) -> Removed:
    """Carry out a removal.

    ``delete_data`` allows to delete clicks. Raises DataProtectedError otherwise.

    A local cloud ends with its last stack, unless the bucket with its data is kept.
    """
    keep_data, target, stack = removal.keep_data, project.target, project.config.stack
    expected = removal.contents.versions if removal.contents else 0
    with project.locked(), project.interruptible():
        built = project.build(
            reporter.waiting,
            needs_service=False,
            delete_data=delete_data,
            drain=keep_data,
            expected_versions=expected,
        )
        earlier = find_earlier_buckets(project, built)
        state = project.open_state()
        retired = project.retired(state, reporter.waiting)
        going = [*_without_bucket(built, keep_data), *retired]
        changes = converge(going, state, goal=Goal.ABSENT, notify=reporter.notify)
        if not keep_data:
            # After the stream, which may still write to a bucket of an earlier name.
            changes += converge(earlier, state, goal=Goal.ABSENT, notify=reporter.notify)
        verify_deleted(
            [*project.build(needs_service=False), *retired, *earlier],
            stack,
            target.client("resourcegroupstaggingapi"),
            target.client("apigateway"),
            replace(target.pace, report=partial(reporter.waiting, "stack")),
            kept=[CLICKS_BUCKET, *(bucket.name for bucket in earlier)] if keep_data else [],
            whole=all(change.observed for change in changes),
        )
    cache.remove(project.cache_directory)
    if removal.repository:
        with prefix_errors(f"the stack is gone, but repository {removal.repository} is not"):
            codecommit.remove(target.client("codecommit"), removal.repository, stack=stack)
    if target.name == "local" and not keep_data:
        from mysfits_stream.local_site import daemon

        if others := project.other_local_stacks():
            project.note(f"The local cloud keeps running: it holds stack {', '.join(others)}.")
        else:
            daemon.stop(project.directory, report=project.note)
    return Removed(StackChanges.of(project, changes, status="missing"), keep_data)


def _without_bucket(stack: Stack, keep_data: bool) -> list[Resource]:
    return [resource for resource in stack if not (keep_data and resource is stack.clicks_bucket)]


def _earlier_buckets(project: Project, stack: Stack, keep_data: bool) -> EarlierBuckets:
    return [] if keep_data else find_earlier_buckets(project, stack)


def _contents(project: Project, plan: Sequence[Change]) -> Contents | None:
    """The contents of the buckets in the plan's deletions; None without a bucket."""
    found = []
    for change in plan:
        if change.resource.type == BUCKET_TYPE and change.observed:
            with translated(change.resource.name, "count the clicks"):
                found.append(contents(project.target.clients.s3, change.observed.id))
    if not found:
        return None
    return Contents(
        sum(each.objects for each in found),
        sum(each.versions for each in found),
        sum(each.bytes for each in found),
    )
