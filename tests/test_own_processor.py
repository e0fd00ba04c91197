"""The user's processor: deployed, changed, run, exported and committed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mysfits_stream.errors import ConfigError
from tests.commands.test_export import Commands
from tests.support.deployment import Deployment

pytestmark = pytest.mark.slow

SHOUT = """
import base64
import json

from words import shout


def handler(event, context):
    records = []
    for record in event["records"]:
        try:
            click = json.loads(base64.b64decode(record["data"]))["clicks"]
        except ValueError:
            records.append({"recordId": record["recordId"], "result": "ProcessingFailed"})
            continue
        line = json.dumps({"shouted": shout(click["userId"]), "clickedAt": "2026-11-26T00:00:00.000Z"})
        data = base64.b64encode((line + "\\n").encode()).decode()
        records.append({"recordId": record["recordId"], "result": "Ok", "data": data})
    return {"records": records}
"""
CLICK = {"userId": "ada", "mysfitId": "m-1"}
READS = ("Get", "List", "Head", "Describe", "Lookup")


@pytest.fixture
def own(deployment: Deployment, tmp_path: Path) -> Deployment:
    source = tmp_path / "own"
    source.mkdir()
    (source / "shop.py").write_text(SHOUT)
    (source / "words.py").write_text("def shout(text):\n    return text.upper() + '!'\n")
    processor = replace(deployment.config.processor, source=str(source), handler="shop.handler")
    deployment.config = replace(deployment.config, processor=processor)
    return deployment


def test_it_is_deployed_and_the_local_cloud_runs_it_as_it_is(own: Deployment) -> None:
    own.up()
    assert set(own.statuses().values()) == {"in-sync"}
    assert own.put(CLICK).status_code == 200
    own.pass_buffers()
    assert [click["shouted"] for click in own.delivered()] == ["ADA!"]


def test_a_change_of_its_code_touches_only_the_function_and_its_alias(
    own: Deployment, tmp_path: Path
) -> None:
    own.up()
    own.calls.clear()
    (tmp_path / "own" / "words.py").write_text("def shout(text):\n    return text.upper() + '?'\n")
    changes = own.up()
    assert {change.resource.name: list(change.diff) for change in changes if change.diff} == {
        "processor": ["CodeSha256"],
        "processor-live": ["CodeSha256"],
    }
    changing = [call for call in own.calls if not call.startswith(READS)]
    assert changing == ["UpdateFunctionCode", "PublishVersion", "Invoke", "UpdateAlias"]
    own.put(CLICK)
    own.pass_buffers()
    assert [click["shouted"] for click in own.delivered()] == ["ADA?"]


def test_down_works_without_the_source(own: Deployment, tmp_path: Path) -> None:
    own.up()
    (tmp_path / "own" / "shop.py").unlink()
    with pytest.raises(ConfigError, match=r"no module shop\.py"):
        own.statuses()
    own.down()
    assert [resource.name for resource in own.resources() if resource.read()] == []


@pytest.fixture
def commands(own: Deployment, tmp_path: Path) -> Commands:
    return Commands(own, tmp_path, processor={"source": "own", "handler": "shop.handler"})


def test_the_exports_hold_the_same_code_as_the_deployed_function(commands: Commands, own: Deployment) -> None:
    own.up()
    deployed = own.resource("processor").read().properties
    written = commands.json("export", "--out", str(commands.path.parent / "cfn"))["files"]
    [archive] = [path for path in written if path.endswith(".zip")]
    assert own.resource("processor").package().zip_bytes == Path(archive).read_bytes()
    template = json.loads(commands.run("export", "--json").stdout)
    function = template["Resources"]["Processor"]["Properties"]
    assert function["Handler"] == deployed["Handler"] == "shop.handler"
    assert template["Parameters"]["CodeKey"]["Default"] == Path(archive).name
    assert not {"ProcessorSource", "ProcessorHandler"} & template["Parameters"].keys()
    sam = commands.json("export", "--format", "sam", "--out", str(commands.path.parent / "sam"))["files"]
    assert [path for path in sam if path.endswith(".py")] == [
        str(commands.path.parent / "sam" / "processor" / name) for name in ("shop.py", "words.py")
    ]


def test_publish_code_commits_its_files(commands: Commands) -> None:
    done = commands.json("publish-code", "--repository", "clicks-code")
    assert sorted(done["put"]) == ["processor/shop.py", "processor/words.py", "template.yaml"]
    assert commands.file("processor/shop.py").decode() == SHOUT


def test_init_writes_the_tools_processor_and_says_how_to_select_it(own: Deployment, tmp_path: Path) -> None:
    commands = Commands(own, tmp_path)
    done = commands.json("init", "--processor", str(tmp_path / "copy"))
    assert done["files"] == [
        str(tmp_path / "copy" / name) for name in ("stream_processor.py", "requirements.txt")
    ]
    refused = commands.run("init", "--processor", str(tmp_path / "copy"))
    assert isinstance(refused.exception, ConfigError)
    text = commands.run("init", "--processor", str(tmp_path / "another")).stdout
    assert text.endswith(f"processor:\n  source: {tmp_path / 'another'}\n")
