"""``snippet`` and ``publish-site`` in this process, on the tests' local cloud."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click
import pytest

from mysfits_stream.cli import cli
from mysfits_stream.commands.app import App
from mysfits_stream.errors import ClickError, SiteError
from tests.support.cloud import CloudUnderTest
from tests.support.deployment import Deployment


@pytest.fixture
def deployment(local_cloud: CloudUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.chdir(tmp_path)
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
    deployment.deploy()
    run(deployment, "snippet", "--script", "/js/clicks.js")
    assert capsys.readouterr().out.splitlines() == [
        f'<meta name="clicks-endpoint" content="{base(deployment)}">',
        '<script type="module" src="/js/clicks.js"></script>',
    ]


def test_our_site_goes_to_a_directory_or_to_a_bucket(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.deploy()
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
    deployment.deploy()
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


def test_files_of_the_user_are_overwritten_only_with_yes(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.deploy()
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("of the user")
    run(deployment, "publish-site", "--out", str(site), "--dry-run", "--json")
    changes = {change["file"]: change["action"] for change in json.loads(capsys.readouterr().out)["changes"]}
    assert changes[str(site / "index.html")] == "overwrite"
    assert changes[str(site / "clicks.js")] == "create"
    with pytest.raises(SiteError, match=r"index\.html: exists with other content, .* Add --yes to overwrite"):
        run(deployment, "publish-site", "--out", str(site))
    assert [path.name for path in site.iterdir()] == ["index.html"]
    run(deployment, "publish-site", "--out", str(site), "--yes")
    # What was written once may be written again, with other endpoints too.
    deployment.target = replace(deployment.target, mysfits_api="https://other.example.com")
    run(deployment, "publish-site", "--out", str(site))
    assert "https://other.example.com" in (site / "index.html").read_text()


def test_variables_that_are_left_are_named_and_filled_with_set(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.deploy()
    source = tmp_path / "page.html"
    source.write_text("var streamingApiEndpoint = 'REPLACE_ME';\nvar awsRegion = 'REPLACE_ME';")
    options = ("--source", str(source), "--out", str(tmp_path / "site"))
    run(deployment, "publish-site", *options)
    left = f"{source}: awsRegion: still REPLACE_ME; fill it in with --set awsRegion=VALUE"
    assert left in capsys.readouterr().out.splitlines()
    run(deployment, "publish-site", *options, "--set", "awsRegion=eu-west-1", "--json")
    assert json.loads(capsys.readouterr().out)["leftOver"] == []
    assert "var awsRegion = 'eu-west-1';" in (tmp_path / "site" / "page.html").read_text()
    with pytest.raises(SiteError, match="--set fills variables of your page: name the page with --source"):
        run(deployment, "publish-site", "--out", str(tmp_path / "site"), "--set", "awsRegion=eu-west-1")


def test_snippet_writes_clicks_js_alone(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.deploy()
    run(deployment, "snippet", "--out", str(tmp_path / "js"), "--json")
    script = tmp_path / "js" / "clicks.js"
    assert json.loads(capsys.readouterr().out)["files"] == [str(script)]
    assert [path.name for path in (tmp_path / "js").iterdir()] == ["clicks.js"]
    script.write_text("of the user")
    with pytest.raises(SiteError, match=r"clicks\.js: exists with other content"):
        run(deployment, "snippet", "--out", str(tmp_path / "js"))
    run(deployment, "snippet", "--out", str(tmp_path / "js"), "--yes")
    assert "recordClick" in script.read_text()


def test_the_clicks_bucket_is_refused(deployment: Deployment) -> None:
    deployment.deploy()
    with pytest.raises(SiteError, match="is the clicks bucket, which stays private"):
        run(deployment, "publish-site", "--bucket", deployment.names.bucket)
    assert deployment.objects() == {}


@pytest.mark.parametrize("options", [(), ("--bucket", "b", "--out", "site")], ids=["nowhere", "two places"])
def test_where_the_page_goes_must_be_said_once(deployment: Deployment, options: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError, match="say where the page goes: --bucket NAME or --out DIR"):
        run(deployment, "publish-site", *options)
    assert deployment.calls == []
