"""Publish files to CodeCommit as a single commit, through the API: no git, no clone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore
from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import ignoring, is_error, translated
from mysfits_stream.aws.session import has_service
from mysfits_stream.errors import ExportError

if TYPE_CHECKING:
    from types_boto3_codecommit import CodeCommitClient

CODE_TAG = "mysfits-stream:code"
"""Names the stack whose code a repository of ours holds. Not the owner tag: it outlives the stack."""

BRANCH = "main"
"""Where the first commit goes in a repository that has none."""

MEGABYTE = 1024 * 1024
MOST_IN_FILE = 6 * MEGABYTE
MOST_IN_COMMIT = 7 * MEGABYTE
MOST_FILES = 100
"""What one CreateCommit takes."""

MISSING = ("RepositoryDoesNotExistException",)


@dataclass(frozen=True)
class Published:
    """Where the code is."""

    repository: str
    branch: str
    commit_id: str
    changed: bool
    """Whether there was anything to commit."""
    put: tuple[str, ...]
    deleted: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The commit as JSON."""
        return {
            "repository": self.repository,
            "branch": self.branch,
            "commitId": self.commit_id,
            "commit_id": self.commit_id,  # the spelling of 0.1, deprecated
            "changed": self.changed,
            "put": list(self.put),
            "deleted": list(self.deleted),
        }


def check_region(region: str) -> None:
    """Raise ExportError for a region without CodeCommit (F158); makes no call."""
    if not has_service("codecommit", region):
        raise ExportError(
            f"CodeCommit is not offered in {region}, as far as botocore {botocore.__version__} knows: remove "
            "code_repository, or commit the files of `mysfits-stream export --out DIR` elsewhere. If AWS "
            "offers CodeCommit there by now, run: pip install --upgrade boto3"
        )


def publish(
    codecommit: CodeCommitClient, repository: str, files: Mapping[str, bytes], *, stack: str, folder: str
) -> Published:
    """Commit ``files`` to the repository's default branch, unless the tip holds the files.

    Creates the repository, tagged with its stack, if missing. ``folder`` is under the tool's control: a file
    in the folder that is not among ``files`` is deleted. All files outside are left alone. Raises
    ExportError.
    """
    _check(files)
    with _translated(repository):
        branch = _default_branch(codecommit, repository, stack)
        parent = _tip(codecommit, repository, branch)
        there = _blobs(codecommit, repository, parent, files, folder) if parent else {}
        put = [path for path, content in files.items() if there.get(path) != blob_id(content)]
        deleted = [path for path in there if path not in files]
        if parent and not put and not deleted:
            return Published(repository, branch, parent, False, (), ())
        on_top: Any = {"parentCommitId": parent} if parent else {}
        commit = codecommit.create_commit(
            repositoryName=repository,
            branchName=branch,
            authorName="mysfits-stream",
            commitMessage=f"Publish the code of stack {stack}",
            putFiles=[{"filePath": path, "fileContent": files[path]} for path in put],
            deleteFiles=[{"filePath": path} for path in deleted],
            **on_top,
        )
    return Published(repository, branch, commit["commitId"], True, tuple(put), tuple(deleted))


def remove(codecommit: CodeCommitClient, repository: str, *, stack: str) -> bool:
    """Delete the repository with all its commits; False if the repository does not exist.

    Raises ExportError if the repository was not created for this stack.
    """
    with _translated(repository):
        try:
            arn = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]["Arn"]
        except ClientError as error:
            if is_error(error, *MISSING):
                return False
            raise
        if codecommit.list_tags_for_resource(resourceArn=arn)["tags"].get(CODE_TAG) != stack:
            raise ExportError(
                f"{arn} does not carry the tag {CODE_TAG}={stack}, so it is left alone; delete it yourself"
            )
        codecommit.delete_repository(repositoryName=repository)
    return True


def blob_id(content: bytes) -> str:
    """The blob id of the content in git and CodeCommit."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _check(files: Mapping[str, bytes]) -> None:
    """Raise ExportError for files beyond the limits of a commit over the API."""
    for path, content in files.items():
        if len(content) > MOST_IN_FILE:
            raise ExportError(f"{path}: {_megabytes(len(content))}, and CodeCommit takes files of up to 6 MB")
    total = sum(map(len, files.values()))
    if total > MOST_IN_COMMIT:
        raise ExportError(f"{_megabytes(total)} in all, and CodeCommit takes up to 7 MB in one commit")
    if len(files) > MOST_FILES:
        raise ExportError(f"{len(files)} files, and CodeCommit takes up to {MOST_FILES} in one commit")


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"


def _default_branch(codecommit: CodeCommitClient, repository: str, stack: str) -> str:
    """The repository's default branch; creates a missing repository."""
    with ignoring("RepositoryNameExistsException"):
        codecommit.create_repository(
            repositoryName=repository,
            repositoryDescription=f"Code of the mysfits-stream stack {stack}",
            tags={CODE_TAG: stack},
        )
    found = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]
    return found.get("defaultBranch") or BRANCH


def _tip(codecommit: CodeCommitClient, repository: str, branch: str) -> str | None:
    try:
        found = codecommit.get_branch(repositoryName=repository, branchName=branch)
    except ClientError as error:
        if is_error(error, "BranchDoesNotExistException"):
            return None
        raise
    return found["branch"]["commitId"]


def _blobs(
    codecommit: CodeCommitClient, repository: str, commit: str, files: Mapping[str, bytes], folder: str
) -> dict[str, str]:
    """Path -> blob id at a commit, of everything in our folder and of ``files`` elsewhere."""
    top = _listing(codecommit, repository, commit, "/")
    found = {file["absolutePath"]: file["blobId"] for file in top["files"] if file["absolutePath"] in files}
    waiting = [sub["absolutePath"] for sub in top["subFolders"] if sub["absolutePath"] == folder]
    while waiting:
        listing = _listing(codecommit, repository, commit, waiting.pop())
        found |= {file["absolutePath"]: file["blobId"] for file in listing["files"]}
        waiting += [sub["absolutePath"] for sub in listing["subFolders"]]
    return found


def _listing(codecommit: CodeCommitClient, repository: str, commit: str, path: str) -> Any:
    return codecommit.get_folder(repositoryName=repository, commitSpecifier=commit, folderPath=path)


def _translated(repository: str) -> AbstractContextManager[None]:
    def become(operation: str, reason: str) -> ExportError:
        return ExportError(f"{repository}: {operation}: {reason}" if operation else f"{repository}: {reason}")

    return translated(become, extra=ADVICE)


ADVICE = {
    "ParentCommitIdOutdatedException": "Another commit was made meanwhile; run the same command again",
    "OperationNotAllowedException": "This account cannot create CodeCommit repositories; use an existing one",
}
