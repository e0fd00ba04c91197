"""What is kept over a restart: everything that the pipeline is made of."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import requests

from mysfits_stream.localcloud.control_plane import persistence
from mysfits_stream.localcloud.files import KeepingError
from tests.localcloud.test_server import CLICK, body, click_pipeline, objects
from tests.support.cloud import CloudUnderTest


def test_a_restarted_pipeline_goes_on_delivering(local_cloud: CloudUnderTest, tmp_path: Path) -> None:
    url = click_pipeline(local_cloud)
    bucket = {"Bucket": "clicks"}
    local_cloud.client("s3").put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
    local_cloud.client("s3").put_object(**bucket, Key="before", Body=b"the restart")
    policy = '{"Version": "2012-10-17", "Statement": []}'
    local_cloud.client("s3").put_bucket_policy(**bucket, Policy=policy)
    local_cloud.cloud.control_plane.save(tmp_path)
    local_cloud.cloud.reset()
    assert local_cloud.client("s3").list_buckets()["Buckets"] == []

    local_cloud.cloud.control_plane.load(tmp_path)
    assert body(local_cloud, "before") == b"the restart"
    assert local_cloud.client("s3").get_bucket_policy(**bucket)["Policy"] == policy
    assert requests.put(url, json=CLICK, timeout=10).ok
    local_cloud.advance(60)
    local_cloud.advance(60)
    [_, key] = objects(local_cloud)
    assert body(local_cloud, key) == b'{"userId": "guest", "mysfitId": "m-1", "species": "Griffin"}\n'


def test_nothing_kept_is_a_new_account(local_cloud: CloudUnderTest, tmp_path: Path) -> None:
    local_cloud.cloud.control_plane.load(tmp_path / "none")
    assert local_cloud.client("s3").list_buckets()["Buckets"] == []


def test_a_failing_save_leaves_the_last_one(local_cloud: CloudUnderTest, tmp_path: Path) -> None:
    persistence.save(tmp_path, {"what": "before"})
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        persistence.save(tmp_path, {"what": lambda: "cannot be pickled"})
    assert persistence.load(tmp_path) == {"what": "before"}


def test_what_other_versions_wrote_is_refused(tmp_path: Path) -> None:
    (tmp_path / persistence.FILE).write_bytes(
        pickle.dumps(("mysfits-stream 0.0.1 with moto 4.0", {}, {}, {}))
    )
    with pytest.raises(KeepingError, match=r"was written by mysfits-stream 0\.0\.1 with moto 4\.0"):
        persistence.load(tmp_path)
