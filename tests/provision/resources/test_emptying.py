"""A versioned bucket is emptied: all versions and delete markers of any key (F49)."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from types_boto3_s3 import S3Client

from mysfits_stream.provision.resources.emptying import AT_ONCE, BATCH, MOST_PARTS, Contents, contents, empty


class Bucket:
    """An S3 that holds versions in one bucket, and refuses as S3 does."""

    def __init__(
        self, keys: list[str], *, sizes: int = 10, markers: tuple[str, ...] = (), page: int = 1000
    ) -> None:
        self.versions = {(key, f"v{number}"): sizes for number, key in enumerate(keys)}
        self.markers = {(key, f"m{number}") for number, key in enumerate(markers)}
        self.page = page
        self.refusals: dict[str, dict[str, str]] = {}
        self.batches: list[int] = []
        self.singly: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    @property
    def client(self) -> S3Client:
        return cast(S3Client, self)

    def list_object_versions(
        self,
        *,
        Bucket: str,
        Prefix: str = "",
        Delimiter: str = "",
        KeyMarker: str = "",
        VersionIdMarker: str = "",
    ) -> Any:
        """One page of what the bucket holds by now, as S3 goes from marker to marker."""
        with self._lock:
            held = sorted([*self.versions, *self.markers])
            sizes = dict(self.versions)
        page: dict[str, Any] = {"IsTruncated": False}
        prefixes: set[str] = set()
        count = 0
        for key, version in held:
            if not key.startswith(Prefix) or (key, version) <= (KeyMarker, VersionIdMarker):
                continue
            folder, slash, _ = key.removeprefix(Prefix).partition(Delimiter) if Delimiter else (key, "", "")
            if slash and Prefix + folder + slash in prefixes:
                continue
            if count == self.page:
                return {**page, "IsTruncated": True}
            count += 1
            page |= {"NextKeyMarker": key, "NextVersionIdMarker": version}
            if slash:
                prefixes.add(Prefix + folder + slash)
                page.setdefault("CommonPrefixes", []).append({"Prefix": Prefix + folder + slash})
                continue
            item: dict[str, Any] = {"Key": key, "VersionId": version, "IsLatest": True}
            if (key, version) in sizes:
                item["Size"] = sizes[key, version]
            page.setdefault("Versions" if "Size" in item else "DeleteMarkers", []).append(item)
        return page

    def get_paginator(self, operation: str) -> Bucket:
        assert operation == "list_object_versions"
        return self

    def paginate(self, *, Bucket: str, Prefix: str = "") -> Any:
        """Page after page."""
        markers: dict[str, str] = {}
        while True:
            page = self.list_object_versions(Bucket=Bucket, Prefix=Prefix, **markers)
            yield page
            if not page["IsTruncated"]:
                return
            markers = {
                "KeyMarker": page["NextKeyMarker"],
                "VersionIdMarker": page["NextVersionIdMarker"],
            }

    def delete_objects(self, *, Bucket: str, Delete: Any) -> Any:
        assert Delete["Quiet"] and len(Delete["Objects"]) <= 1000
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.batches.append(len(Delete["Objects"]))
        errors = []
        for item in Delete["Objects"]:
            # A control character would make the request's XML malformed as a whole.
            assert all(character >= " " for character in item["Key"])
            if item["Key"] in self.refusals:
                errors.append({**item, **self.refusals[item["Key"]]})
            else:
                self._remove(item["Key"], item["VersionId"])
        with self._lock:
            self._at_once -= 1
        return {"Errors": errors} if errors else {}

    def delete_object(self, *, Bucket: str, Key: str, VersionId: str) -> None:
        self.singly.append(Key)
        self._remove(Key, VersionId)

    def _remove(self, key: str, version: str) -> None:
        with self._lock:
            self.versions.pop((key, version), None)
            self.markers.discard((key, version))

    @property
    def is_empty(self) -> bool:
        return not self.versions and not self.markers


def test_versions_and_delete_markers_go() -> None:
    bucket = Bucket(["a", "a", "b"], markers=("a", "c"))
    assert empty(bucket.client, "bucket") == 5
    assert bucket.is_empty


def test_batches_are_full_whatever_the_pages_hold() -> None:
    bucket = Bucket([f"k{number}" for number in range(2300)], markers=("m",) * 200, page=700)
    reports: list[str] = []
    assert empty(bucket.client, "bucket", reports.append) == 2500
    assert sorted(bucket.batches) == [500, BATCH, BATCH]
    assert bucket.is_empty
    assert reports[-1] == "emptying bucket, 2500 versions deleted"


def test_reports_have_a_bar_when_it_is_known_how_much_there_is() -> None:
    bucket = Bucket([f"k{number}" for number in range(2500)])
    reports: list[str] = []
    assert empty(bucket.client, "bucket", reports.append, expected=5000) == 2500
    assert reports[-1] == f"emptying bucket, {'█' * 10}{'░' * 10} 2,500 of 5,000 versions"


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param([f"a/b/{n % 12:02d}/{n}" for n in range(60)], id="in folders below one folder"),
        pytest.param([f"{n}" for n in range(60)], id="in no folder"),
        pytest.param([f"{n % 3}/{n}" for n in range(60)] + ["x", "y"], id="in few folders and beside them"),
        pytest.param([f"{n % 2}//{n}" for n in range(60)] + ["/", "0/"], id="in folders without a name"),
        pytest.param([f"{n:03d}/x" for n in range(MOST_PARTS + 20)], id="in more folders than are worth it"),
    ],
)
def test_a_bucket_of_many_pages_is_counted_and_emptied_once_however_its_keys_divide(keys: list[str]) -> None:
    bucket = Bucket(keys, markers=tuple(keys[::3]), page=7)
    everything = len(bucket.versions) + len(bucket.markers)
    assert contents(bucket.client, "bucket").versions == everything
    assert empty(bucket.client, "bucket") == everything
    assert bucket.is_empty


def test_no_more_batches_are_under_way_than_allowed() -> None:
    bucket = Bucket([str(number) for number in range(3 * AT_ONCE)], page=1)
    empty(bucket.client, "bucket")
    assert bucket.most_at_once <= AT_ONCE


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("bell\x07", id="a control character"),
        pytest.param("null\x00", id="a null"),
        pytest.param("line\nbreak", id="a line break, which XML may change"),
        pytest.param("return\r", id="a carriage return, which XML does change"),
        pytest.param("\ufffe", id="a character that is none"),
    ],
)
def test_a_key_that_xml_cannot_carry_is_deleted_by_itself(key: str) -> None:
    bucket = Bucket(["before", key, "after"])
    assert empty(bucket.client, "bucket") == 3
    assert (bucket.singly, bucket.batches, bucket.is_empty) == ([key], [2], True)


def test_a_batch_of_such_keys_only_sends_no_empty_request() -> None:
    bucket = Bucket(["\x01", "\x02"])
    empty(bucket.client, "bucket")
    assert (bucket.batches, bucket.is_empty) == ([], True)


KEYS = st.lists(
    st.text(st.characters(codec="utf-8") | st.sampled_from("/ab"), min_size=1, max_size=8), max_size=30
)


@settings(deadline=None, max_examples=50)
@given(KEYS, st.integers(1, 7))
def test_any_keys_go(keys: list[str], page: int) -> None:
    """However the keys divide into folders, and however short the pages are."""
    bucket = Bucket(keys, page=page)
    assert contents(bucket.client, "bucket").versions == len(keys)
    assert empty(bucket.client, "bucket") == len(keys)
    assert bucket.is_empty


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion"])
def test_a_key_that_is_gone_already_is_fine(code: str) -> None:
    bucket = Bucket(["a", "b"])
    bucket.refusals["a"] = {"Code": code, "Message": "gone"}
    assert empty(bucket.client, "bucket") == 2


def test_a_refusal_inside_a_success_is_an_error_that_names_the_key() -> None:
    bucket = Bucket(["a", "b"])
    bucket.refusals["b"] = {"Code": "AccessDenied", "Message": "Access Denied"}
    with pytest.raises(ClientError, match=r"AccessDenied.*Access Denied \(b, version v1\)"):
        empty(bucket.client, "bucket")
    assert [key for key, _ in bucket.versions] == ["b"]


def test_contents_counts_objects_versions_and_bytes() -> None:
    bucket = Bucket(["a", "b"], sizes=7, markers=("c",))
    assert contents(bucket.client, "bucket") == Contents(objects=2, versions=3, bytes=14)


def test_a_bucket_that_does_not_exist_holds_nothing() -> None:
    class Nowhere(Bucket):
        def list_object_versions(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": ""}}, "ListObjectVersions")

    assert contents(Nowhere([]).client, "bucket") == Contents(0, 0, 0)
