"""Files are written and uploaded whole; a user's own files are never overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from types_boto3_s3 import S3Client

from mysfits_stream.errors import SiteError
from mysfits_stream.website import pages, publishing
from mysfits_stream.website.pages import Endpoints

CLICKS = "https://abc123.execute-api.eu-west-1.amazonaws.com/prod"
MYSFITS = "https://mysfits.example.com/api"
ENDPOINTS = Endpoints(clicks=CLICKS, mysfits=MYSFITS)


def test_writing_makes_the_directory_and_reports_what_it_cannot_do(tmp_path: Path) -> None:
    files = pages.own_page(ENDPOINTS)
    paths = publishing.write(files, tmp_path / "new" / "site", tmp_path / "record.json")
    assert {path.name: path.read_bytes() for path in paths} == {file.name: file.body for file in files}
    with pytest.raises(SiteError, match="cannot be written"):
        publishing.write(files, paths[0], tmp_path / "record.json")


class Bucket:
    """An S3 client that remembers what was put, or fails in the way it was told to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.put: list[dict[str, Any]] = []

    def put_object(self, **request: Any) -> dict[str, Any]:
        if self.failure:
            raise self.failure
        self.put.append(request)
        return {}

    @property
    def client(self) -> S3Client:
        return cast("S3Client", self)


def test_publishing_uploads_pages_last_and_changes_nothing_about_the_bucket() -> None:
    bucket = Bucket()
    keys = publishing.publish(pages.own_page(ENDPOINTS), "my-site", "clicks-bucket", bucket.client)
    assert keys == [request["Key"] for request in bucket.put]
    assert keys[-1] == "index.html"
    assert {request["Bucket"] for request in bucket.put} == {"my-site"}
    assert bucket.put[-1]["ContentType"] == "text/html; charset=utf-8"
    assert bucket.put[-1]["CacheControl"] == "no-cache"
    assert all(
        set(request) == {"Bucket", "Key", "Body", "ContentType", "CacheControl", "Metadata"}
        for request in bucket.put
    )


def test_the_clicks_bucket_is_never_a_website() -> None:
    bucket = Bucket()
    with pytest.raises(SiteError, match="clicks-bucket is the clicks bucket, which stays private"):
        publishing.publish(pages.own_page(ENDPOINTS), "clicks-bucket", "clicks-bucket", bucket.client)
    assert not bucket.put


def refusal(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PutObject")


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        pytest.param(
            refusal("NoSuchBucket"),
            "s3://my-site/clicks.js: PutObject: NoSuchBucket: no message. "
            "Create the bucket first, or choose another bucket with --bucket",
            id="no such bucket",
        ),
        pytest.param(
            refusal("AccessDenied"),
            "s3://my-site/clicks.js: PutObject: AccessDenied: no message. "
            "Your IAM user or role is missing this permission; `mysfits-stream operator-policy` prints the "
            "required policy. The upload needs s3:PutObject on the website's bucket, which that policy does "
            "not grant",
            id="access denied",
        ),
        pytest.param(
            refusal("SlowDown", "Please reduce your request rate."),
            "s3://my-site/clicks.js: PutObject: SlowDown: Please reduce your request rate. "
            "AWS throttles or fails; run the same command again in a few minutes",
            id="anything else that S3 says",
        ),
        pytest.param(
            EndpointConnectionError(endpoint_url="https://s3"),
            's3://my-site/clicks.js: PutObject: Could not connect to the endpoint URL: "https://s3". '
            "Check the region's name, your connection and proxies, and AWS_ENDPOINT_URL",
            id="no connection",
        ),
    ],
)
def test_a_refused_upload_is_one_clear_line(failure: Exception, line: str) -> None:
    with pytest.raises(SiteError) as caught:
        publishing.publish(pages.own_page(ENDPOINTS), "my-site", "clicks-bucket", Bucket(failure).client)
    assert str(caught.value) == line


def test_a_bucket_has_our_page_after_publishing(local_cloud: Any) -> None:
    s3 = local_cloud.client("s3", "us-east-1")
    s3.create_bucket(Bucket="my-site")
    publishing.publish(pages.own_page(ENDPOINTS), "my-site", "clicks-bucket", s3)

    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket="my-site")["Contents"]]
    assert listed == [file.name for file in pages.own_page(ENDPOINTS)]
    own = {file.name: file.body for file in pages.own_page(ENDPOINTS)}
    page = s3.get_object(Bucket="my-site", Key="index.html")
    assert (page["ContentType"], page["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")
    assert page["Body"].read() == own["index.html"]

    with pytest.raises(
        SiteError, match=r"s3://missing/clicks\.js: PutObject: NoSuchBucket: .* Create the bucket"
    ):
        publishing.publish(pages.own_page(ENDPOINTS), "missing", "clicks-bucket", s3)


def actions(changes: list[publishing.FileChange]) -> dict[str, str]:
    return {change.file.name: change.action for change in changes}


def test_what_writing_would_do_is_known_before(tmp_path: Path) -> None:
    site, record = tmp_path / "site", tmp_path / "published.json"
    files = pages.own_page(ENDPOINTS)
    assert set(actions(publishing.changes_in_directory(files, site, record)).values()) == {"create"}
    publishing.write(files, site, record)
    assert set(actions(publishing.changes_in_directory(files, site, record)).values()) == {"keep"}
    (site / "style.css").write_text("of the user")
    others = pages.own_page(Endpoints(CLICKS, "https://other.example.com"))
    found = actions(publishing.changes_in_directory(others, site, record))
    assert (found["index.html"], found["style.css"], found["clicks.js"]) == ("replace", "overwrite", "keep")
    record.write_text("damaged")
    assert actions(publishing.changes_in_directory(others, site, record))["index.html"] == "overwrite"
    with pytest.raises(SiteError, match="cannot be read"):
        publishing.changes_in_directory(files, tmp_path / "site" / "style.css", record)


def test_what_uploading_would_do_is_known_before(local_cloud: Any) -> None:
    s3 = local_cloud.client("s3", "us-east-1")
    s3.create_bucket(Bucket="my-site")
    files = pages.own_page(ENDPOINTS)
    assert set(actions(publishing.changes_in_bucket(files, "my-site", s3)).values()) == {"create"}
    publishing.publish(files, "my-site", "clicks-bucket", s3)
    assert set(actions(publishing.changes_in_bucket(files, "my-site", s3)).values()) == {"keep"}
    s3.put_object(Bucket="my-site", Key="style.css", Body=b"of the user")
    others = pages.own_page(Endpoints(CLICKS, "https://other.example.com"))
    found = actions(publishing.changes_in_bucket(others, "my-site", s3))
    assert (found["index.html"], found["style.css"], found["clicks.js"]) == ("replace", "overwrite", "keep")
    with pytest.raises(SiteError, match=r"NoSuchBucket: .* Create the bucket first"):
        publishing.changes_in_bucket(files, "missing", s3)
