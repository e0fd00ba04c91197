"""CodeCommit: repositories with commits through the API.

moto supports repositories without content. Repositories are stored in moto's backend and described by moto;
branches, commits, folders and files are handled here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.http.messages import Handler, Request, Response

MOST_IN_FILE = 6 * 1024 * 1024
MOST_IN_COMMIT = 7 * 1024 * 1024
MOST_FILES = 100
REQUIRED = {
    "branchName": ("BranchNameRequiredException", "A branch name"),
    "commitId": ("CommitIdRequiredException", "A commit ID"),
    "fileContent": ("SourceFileOrContentRequiredException", "A source file or file content"),
    "filePath": ("PathRequiredException", "A file path"),
    "folderPath": ("PathRequiredException", "A folder path"),
    "repositoryName": ("RepositoryNameRequiredException", "A repository name"),
    "resourceArn": ("ResourceArnRequiredException", "A resource ARN"),
}
"""Member -> code of the error for its absence, and the noun of the message; the messages are not recorded."""


class ServiceError(Exception):
    """A rejected request; ``code`` is AWS's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Commit:
    """The files of a branch after a commit."""

    id: str
    parent: str | None
    message: str
    author: str
    date: float
    files: Mapping[str, bytes]


@dataclass
class Repository:
    """A stored repository; moto's GetRepository reads the first field."""

    repository_metadata: dict[str, Any]
    tags: dict[str, str]
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)


class CodeCommit:
    """The override for CodeCommit."""

    def __init__(self, account: str, now: Callable[[], float] = time.time) -> None:
        self._account = account
        self._now = now

    def __call__(self, request: Request, ask_moto: Handler) -> Response:
        """Handle a request to CodeCommit."""
        if request.operation == "CreateRepository":
            return self._create_repository(request, ask_moto)
        operations: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
            "CreateCommit": self._create_commit,
            "GetBranch": self._get_branch,
            "GetCommit": self._get_commit,
            "GetFile": self._get_file,
            "GetFolder": self._get_folder,
            "ListTagsForResource": self._list_tags,
        }
        operation = operations.get(request.operation)
        if operation is None:
            return ask_moto(request)
        try:
            return _response(200, operation(request.region, request.json()))
        except ServiceError as error:
            return _response(400, {"__type": error.code, "message": str(error)})

    def _create_repository(self, request: Request, ask_moto: Handler) -> Response:
        response = ask_moto(request)
        if response.status == 200:
            parameters = request.json()
            stored = self._repositories(request.region)
            made = stored[parameters["repositoryName"]]
            stored[parameters["repositoryName"]] = Repository(
                made.repository_metadata, parameters.get("tags", {})
            )
        return response

    def _create_commit(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        repository = self._repository(region, parameters)
        branch = _given(parameters, "branchName")
        tip = repository.branches.get(branch)
        if repository.commits and tip is None:
            raise ServiceError("BranchDoesNotExistException", f"{branch} does not exist")
        if tip and "parentCommitId" not in parameters:
            raise ServiceError("ParentCommitIdRequiredException", "A parent commit ID is required")
        if parameters.get("parentCommitId") != tip:
            raise ServiceError(
                "ParentCommitIdOutdatedException",
                f"The tip of {branch} is not {parameters['parentCommitId']}",
            )
        before = repository.commits[tip].files if tip else {}
        after = _changed(before, parameters)
        if after == before:
            raise ServiceError("NoChangeException", "The commit would change nothing")
        commit = Commit(
            id=hashlib.sha1(
                repr((tip, sorted(after.items()), self._now())).encode(), usedforsecurity=False
            ).hexdigest(),
            parent=tip,
            message=parameters.get("commitMessage", ""),
            author=parameters.get("authorName", ""),
            date=self._now(),
            files=after,
        )
        repository.commits[commit.id] = commit
        repository.branches[branch] = commit.id
        repository.repository_metadata.setdefault("defaultBranch", branch)
        return {
            "commitId": commit.id,
            "treeId": _tree_id(after),
            "filesAdded": [_metadata(path, after) for path in after if path not in before],
            "filesUpdated": [
                _metadata(path, after) for path in after if path in before and after[path] != before[path]
            ],
            "filesDeleted": [_metadata(path, before) for path in before if path not in after],
        }

    def _get_branch(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        repository, name = self._repository(region, parameters), _given(parameters, "branchName")
        if name not in repository.branches:
            raise ServiceError("BranchDoesNotExistException", f"{name} does not exist")
        return {"branch": {"branchName": name, "commitId": repository.branches[name]}}

    def _get_commit(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        commit = self._repository(region, parameters).commits.get(_given(parameters, "commitId"))
        if commit is None:
            raise ServiceError("CommitIdDoesNotExistException", f"{parameters['commitId']} does not exist")
        person = {"name": commit.author, "email": "", "date": f"{commit.date:.0f} +0000"}
        return {
            "commit": {
                "commitId": commit.id,
                "treeId": _tree_id(commit.files),
                "parents": [commit.parent] if commit.parent else [],
                "message": commit.message,
                "author": person,
                "committer": person,
                "additionalData": "",
            }
        }

    def _get_file(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        commit = self._commit(region, parameters)
        path = _given(parameters, "filePath").strip("/")
        if path not in commit.files:
            raise ServiceError("FileDoesNotExistException", f"{path} does not exist")
        content = commit.files[path]
        return {
            "commitId": commit.id,
            "blobId": _blob_id(content),
            "filePath": path,
            "fileMode": "NORMAL",
            "fileSize": len(content),
            "fileContent": base64.b64encode(content).decode(),
        }

    def _get_folder(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        commit = self._commit(region, parameters)
        folder = _given(parameters, "folderPath").strip("/")
        prefix = f"{folder}/" if folder else ""
        below = {path.removeprefix(prefix): path for path in commit.files if path.startswith(prefix)}
        if not below:
            raise ServiceError("FolderDoesNotExistException", f"{folder} does not exist")
        return {
            "commitId": commit.id,
            "folderPath": folder,
            "treeId": _tree_id(commit.files, prefix),
            "subFolders": [
                {
                    "absolutePath": f"{prefix}{name}",
                    "relativePath": name,
                    "treeId": _tree_id(commit.files, f"{prefix}{name}/"),
                }
                for name in sorted({rest.split("/")[0] for rest in below if "/" in rest})
            ],
            "files": [
                {**_metadata(path, commit.files), "relativePath": name}
                for name, path in sorted(below.items())
                if "/" not in name
            ],
            "symbolicLinks": [],
            "subModules": [],
        }

    def _list_tags(self, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        name = _given(parameters, "resourceArn").rpartition(":")[2]
        return {"tags": self._repository(region, {"repositoryName": name}).tags}

    def _commit(self, region: str, parameters: dict[str, Any]) -> Commit:
        """The commit of a specifier: a commit's id or a branch, by default the default branch."""
        repository = self._repository(region, parameters)
        wanted = parameters.get("commitSpecifier", repository.repository_metadata.get("defaultBranch", ""))
        commit = repository.commits.get(repository.branches.get(wanted, wanted))
        if commit is None:
            raise ServiceError("CommitDoesNotExistException", f"{wanted} does not exist")
        return commit

    def _repository(self, region: str, parameters: dict[str, Any]) -> Repository:
        name = _given(parameters, "repositoryName")
        if name not in self._repositories(region):
            raise ServiceError("RepositoryDoesNotExistException", f"{name} does not exist")
        repository: Repository = self._repositories(region)[name]
        return repository

    def _repositories(self, region: str) -> dict[str, Any]:
        backend = moto_state.backend("codecommit", self._account, region)
        repositories: dict[str, Any] = backend.repositories
        return repositories


def _given(parameters: Mapping[str, Any], name: str) -> Any:
    """A member that the operation needs, and that the model of the operation does not require."""
    if parameters.get(name) is None:
        code, what = REQUIRED[name]
        raise ServiceError(code, f"{what} is required")
    return parameters[name]


def _changed(before: Mapping[str, bytes], parameters: dict[str, Any]) -> dict[str, bytes]:
    """The files after a commit's changes.

    Raises ServiceError for changes invalid in CodeCommit.
    """
    put = {
        entry["filePath"].strip("/"): base64.b64decode(_given(entry, "fileContent"))
        for entry in parameters.get("putFiles", ())
    }
    gone = [entry["filePath"].strip("/") for entry in parameters.get("deleteFiles", ())]
    if len(put) + len(gone) > MOST_FILES:
        raise ServiceError("MaximumFileEntriesExceededException", f"More than {MOST_FILES} files")
    if sum(map(len, put.values())) > MOST_IN_COMMIT or any(len(c) > MOST_IN_FILE for c in put.values()):
        raise ServiceError("FileContentSizeLimitExceededException", "A file, or all of them, are too large")
    for path in gone:
        if path not in before:
            raise ServiceError("FileDoesNotExistException", f"{path} does not exist")
    return {path: content for path, content in before.items() if path not in gone} | put


def _metadata(path: str, files: Mapping[str, bytes]) -> dict[str, str]:
    return {"absolutePath": path, "blobId": _blob_id(files[path]), "fileMode": "NORMAL"}


def _blob_id(content: bytes) -> str:
    """The content's blob id in git; clients compare the id with their own files."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _tree_id(files: Mapping[str, bytes], prefix: str = "") -> str:
    """Names the files below a prefix; not git's own name of a tree."""
    listed = sorted((path, _blob_id(content)) for path, content in files.items() if path.startswith(prefix))
    return hashlib.sha1(repr(listed).encode(), usedforsecurity=False).hexdigest()


def _response(status: int, document: Mapping[str, Any]) -> Response:
    return Response(status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document).encode())
