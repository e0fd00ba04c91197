"""``snippet`` and ``publish-site``, run in this process against a stack on the tests' local cloud."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from mysfits_stream.cli import cli
from mysfits_stream.commands.app import App
from mysfits_stream.errors import ClickError, SiteError
from tests.support.cloud import CloudUnderTest
from tests.support.deployment import Deployment


@pytest.fixture
def deployment(local_cloud: CloudUnderTest, tmp_path: Path) -> Deployment:
    return Deployment(local_cloud, tmp_path)


def run(deployment: Deployment, *arguments: str) -> None:
    app = App()
    app.target = deployment.target
    cli.main(list(arguments), prog_name="mysfits-stream", standalone_mode=False, obj=app)


def base(deployment: Deployment) -> str:
    return deployment.clicks_url.removesuffix("/clicks")


def test_before_up_there_is_nothing_to_fill_in(deployment: Deployment) -> None:
    for command in ("snippet", "publish-site --out site"):
        with pytest.raises(
            ClickError, match="stack mysfits-clicks has no clicks API yet; run: mysfits-stream up"
        ):
            run(deployment, *command.split())


def test_the_snippet_has_the_stacks_endpoint(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.up()
    run(deployment, "snippet", "--script", "/js/clicks.js")
    assert capsys.readouterr().out.splitlines() == [
        f'<meta name="clicks-endpoint" content="{base(deployment)}">',
        '<script type="module" src="/js/clicks.js"></script>',
    ]


def test_our_site_goes_to_a_directory_or_to_a_bucket(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.up()
    s3 = deployment.target.clients.s3
    s3.create_bucket(Bucket="my-site", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    before = s3.get_public_access_block(Bucket="my-site")["PublicAccessBlockConfiguration"]

    run(deployment, "publish-site", "--out", str(tmp_path / "site"))
    assert f'content="{base(deployment)}"' in (tmp_path / "site" / "index.html").read_text()
    assert f"wrote {tmp_path / 'site' / 'clicks.js'}" in capsys.readouterr().out

    run(deployment, "publish-site", "--bucket", "my-site", "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["files"][-1] == "s3://my-site/index.html"
    assert document["endpoints"]["streamingApiEndpoint"] == base(deployment)
    uploaded = {entry["Key"] for entry in s3.list_objects_v2(Bucket="my-site")["Contents"]}
    assert uploaded == {path.name for path in (tmp_path / "site").iterdir()}
    assert s3.get_public_access_block(Bucket="my-site")["PublicAccessBlockConfiguration"] == before


def test_a_page_as_source_is_filled_in_and_what_changed_is_said(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.up()
    source = tmp_path / "index.html"
    source.write_bytes(b"<script>\r\nvar streamingApiEndpoint = 'REPLACE_ME';</script>\xff")
    run(deployment, "publish-site", "--source", str(source), "--out", str(tmp_path / "site"))
    assert capsys.readouterr().out.splitlines() == [
        f"{source}:2: streamingApiEndpoint: 'REPLACE_ME' -> '{base(deployment)}'",
        f"{source}: mysfitsApiEndpoint: not in this page",
        f"wrote {tmp_path / 'site' / 'index.html'}",
    ]
    assert (tmp_path / "site" / "index.html").read_bytes() == (
        b"<script>\r\nvar streamingApiEndpoint = '" + base(deployment).encode() + b"';</script>\xff"
    )


def test_the_clicks_bucket_is_refused(deployment: Deployment) -> None:
    deployment.up()
    with pytest.raises(SiteError, match="is the clicks bucket, which stays private"):
        run(deployment, "publish-site", "--bucket", deployment.names.bucket)
    assert deployment.objects() == {}


@pytest.mark.parametrize("options", [(), ("--bucket", "b", "--out", "site")], ids=["nowhere", "two places"])
def test_where_the_page_goes_must_be_said_once(deployment: Deployment, options: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError, match="say where the page goes: --bucket NAME or --out DIR"):
        run(deployment, "publish-site", *options)
    assert deployment.calls == []
