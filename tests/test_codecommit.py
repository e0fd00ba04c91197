"""Publishing to CodeCommit: one commit for a change, and foreign files stay."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from mysfits_stream import codecommit
from mysfits_stream.errors import ExportError
from tests.support.cloud import CloudUnderTest

FILES = {
    "template.yaml": b"Resources: {}\n",
    "processor/requirements.txt": b"requests==2.32.5\n",
    "processor/stream_processor.py": b"def handler(event, context): ...\n",
}


@pytest.fixture
def client(local_cloud: CloudUnderTest) -> Any:
    return local_cloud.client("codecommit")


def publish(client: Any, files: Mapping[str, bytes] = FILES, stack: str = "mysfits") -> codecommit.Published:
    return codecommit.publish(client, "clicks-code", files, stack=stack, folder="processor")


def tree(client: Any, folder: str = "/") -> dict[str, bytes]:
    listing = client.get_folder(repositoryName="clicks-code", folderPath=folder)
    found = {
        file["absolutePath"]: client.get_file(repositoryName="clicks-code", filePath=file["absolutePath"])[
            "fileContent"
        ]
        for file in listing["files"]
    }
    for below in listing["subFolders"]:
        found |= tree(client, below["absolutePath"])
    return found


def commit(client: Any, **changes: Any) -> str:
    """Somebody else's commit, on top of whatever there is."""
    tip = client.get_branch(repositoryName="clicks-code", branchName="main")["branch"]["commitId"]
    made: str = client.create_commit(
        repositoryName="clicks-code", branchName="main", parentCommitId=tip, **changes
    )["commitId"]
    return made


def test_the_first_run_makes_the_repository_with_its_stack_and_commits_every_file(client: Any) -> None:
    published = publish(client)
    assert published.changed
    assert set(published.put) == set(FILES)
    assert tree(client) == FILES
    metadata = client.get_repository(repositoryName="clicks-code")["repositoryMetadata"]
    assert metadata["defaultBranch"] == published.branch == "main"
    assert client.list_tags_for_resource(resourceArn=metadata["Arn"])["tags"] == {
        codecommit.CODE_TAG: "mysfits"
    }


def test_a_second_run_without_a_change_makes_no_commit_and_names_the_one_there_is(client: Any) -> None:
    first = publish(client)
    second = publish(client)
    assert not second.changed
    assert second.commit_id == first.commit_id
    assert (
        client.get_commit(repositoryName="clicks-code", commitId=first.commit_id)["commit"]["parents"] == []
    )


def test_a_changed_file_alone_is_put_on_top_of_the_earlier_commit(client: Any) -> None:
    first = publish(client)
    changed = {**FILES, "template.yaml": b"Resources: {}\nOutputs: {}\n"}
    second = publish(client, changed)
    assert second.put == ("template.yaml",)
    assert second.deleted == ()
    assert tree(client) == changed
    found = client.get_commit(repositoryName="clicks-code", commitId=second.commit_id)["commit"]
    assert found["parents"] == [first.commit_id]


def test_what_vanished_from_our_folder_goes_and_what_others_put_beside_it_stays(client: Any) -> None:
    publish(client, {**FILES, "processor/helper/old.py": b"pass\n"})
    theirs = {"README.md": b"ours\n", "docs/how.md": b"too\n"}
    commit(client, putFiles=[{"filePath": path, "fileContent": text} for path, text in theirs.items()])
    published = publish(client)
    assert published.deleted == ("processor/helper/old.py",)
    assert tree(client) == {**FILES, **theirs}


def test_a_repository_made_by_somebody_else_is_used_on_its_own_default_branch(client: Any) -> None:
    client.create_repository(repositoryName="clicks-code")
    client.create_commit(
        repositoryName="clicks-code",
        branchName="trunk",
        putFiles=[{"filePath": "README.md", "fileContent": b"theirs\n"}],
    )
    published = publish(client)
    assert published.branch == "trunk"
    assert tree(client) == {**FILES, "README.md": b"theirs\n"}


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1", "ap-south-2"])
def test_codecommit_is_offered_in_regions_of_each_partition(region: str) -> None:
    codecommit.check_region(region)


@pytest.mark.parametrize("region", ["ap-southeast-4", "eu-central-2", "mx-central-1", "us-iso-east-1"])
def test_a_region_without_codecommit_is_refused_by_name(region: str) -> None:
    with pytest.raises(ExportError, match=f"CodeCommit is not offered in {region}"):
        codecommit.check_region(region)


def test_a_blob_is_named_as_git_names_it() -> None:
    # `printf 'hello\n' | git hash-object --stdin`
    assert codecommit.blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


TOO_MUCH = [
    pytest.param({"big.bin": 6 * 1024 * 1024 + 1}, "big.bin: 6.0 MB", id="one file over 6 MB"),
    pytest.param({"a": 4 * 1024 * 1024, "b": 4 * 1024 * 1024}, "8.0 MB in all", id="all files over 7 MB"),
    pytest.param({f"f{n}": 1 for n in range(101)}, "101 files", id="more than 100 files"),
]


@pytest.mark.parametrize(("sizes", "complaint"), TOO_MUCH)
def test_what_one_commit_cannot_take_is_refused_before_anything_is_made(
    client: Any, sizes: dict[str, int], complaint: str
) -> None:
    with pytest.raises(ExportError, match=complaint):
        publish(client, {path: bytes(size) for path, size in sizes.items()})
    with pytest.raises(client.exceptions.RepositoryDoesNotExistException):
        client.get_repository(repositoryName="clicks-code")


def test_what_codecommit_refuses_is_said_in_one_line_with_the_operation(client: Any) -> None:
    with pytest.raises(ExportError, match="not a name!: CreateRepository: InvalidRepositoryNameException"):
        codecommit.publish(client, "not a name!", FILES, stack="mysfits", folder="processor")


def test_a_commit_in_between_is_told_with_what_to_do(client: Any) -> None:
    publish(client)
    others: list[str] = []

    def commit_in_between(**_: Any) -> None:
        if not others:
            others.append("under way")
            commit(client, putFiles=[{"filePath": "README.md", "fileContent": b"faster\n"}])

    client.meta.events.register("before-parameter-build.codecommit.CreateCommit", commit_in_between)
    with pytest.raises(ExportError, match=r"ParentCommitIdOutdatedException.*run the same command again"):
        publish(client, {**FILES, "template.yaml": b"changed\n"})
    assert publish(client, {**FILES, "template.yaml": b"changed\n"}).changed
    assert tree(client)["README.md"] == b"faster\n"


def test_removing_deletes_a_repository_that_is_ours_and_no_other(client: Any) -> None:
    assert not codecommit.remove(client, "clicks-code", stack="mysfits")
    publish(client)
    with pytest.raises(ExportError, match="mysfits-stream:code=another, so it is left alone"):
        codecommit.remove(client, "clicks-code", stack="another")
    assert codecommit.remove(client, "clicks-code", stack="mysfits")
    with pytest.raises(client.exceptions.RepositoryDoesNotExistException):
        client.get_repository(repositoryName="clicks-code")


STAND_IN = [
    pytest.param("get_branch", {"branchName": "gone"}, "BranchDoesNotExistException", id="no such branch"),
    pytest.param("get_folder", {"folderPath": "gone"}, "FolderDoesNotExistException", id="no such folder"),
    pytest.param("get_file", {"filePath": "gone"}, "FileDoesNotExistException", id="no such file"),
    pytest.param(
        "get_folder",
        {"folderPath": "/", "commitSpecifier": "gone"},
        "CommitDoesNotExistException",
        id="no such commit",
    ),
    pytest.param("get_commit", {"commitId": "0" * 40}, "CommitIdDoesNotExistException", id="no such id"),
    pytest.param(
        "create_commit",
        {"branchName": "main", "putFiles": [{"filePath": "a", "fileContent": b"a"}]},
        "ParentCommitIdRequiredException",
        id="no parent named",
    ),
]


@pytest.mark.parametrize(("operation", "parameters", "code"), STAND_IN)
def test_the_local_cloud_refuses_what_codecommit_refuses(
    client: Any, operation: str, parameters: dict[str, Any], code: str
) -> None:
    publish(client)
    with pytest.raises(getattr(client.exceptions, code)):
        getattr(client, operation)(repositoryName="clicks-code", **parameters)


def test_the_local_cloud_refuses_a_commit_without_a_change_or_of_a_file_that_is_not_there(
    client: Any,
) -> None:
    published = publish(client)
    on_top = {
        "repositoryName": "clicks-code",
        "branchName": "main",
        "parentCommitId": published.commit_id,
    }
    same = {"filePath": "template.yaml", "fileContent": FILES["template.yaml"]}
    with pytest.raises(client.exceptions.NoChangeException):
        client.create_commit(**on_top, putFiles=[same])
    with pytest.raises(client.exceptions.FileDoesNotExistException):
        client.create_commit(**on_top, deleteFiles=[{"filePath": "gone"}])


def test_the_local_cloud_names_blobs_as_git_does(client: Any) -> None:
    publish(client)
    content = FILES["template.yaml"]
    expected = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    found = client.get_file(repositoryName="clicks-code", filePath="template.yaml")
    assert found["blobId"] == expected
