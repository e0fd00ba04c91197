"""``erase`` on a stack of the local cloud: from the buffers to the receipt and its check."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mysfits_stream.books import receipt
from mysfits_stream.books.person import Person
from mysfits_stream.config import ClickConfig
from mysfits_stream.errors import ClickError, MysfitsStreamError, StateError
from mysfits_stream.operations.erase import erase, find_person, preview, verify
from mysfits_stream.operations.options import CACHE
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.replay import replay
from mysfits_stream.operations.up import up
from mysfits_stream.output import books
from tests.books.versions import every_version
from tests.support.deployment import Deployment

RECEIPT: dict[str, Any] = {
    "format": 1,
    "bucket": "b",
    "field": "f",
    "salt": "0" * 32,
    "hash": "0" * 64,
    "cutOff": "2026-01-01T00:00:00Z",
    "objects": [],
    "complete": True,
    "counts": {},
}
ANN = "ann-9d1c7c52-9c0e-4f7e-8d5e-0a4f3b1f2c6d"


@pytest.fixture
def project(deployment: Deployment) -> Iterator[Project]:
    """A stack whose bucket alone exists, so that no buffers have to be waited for."""
    deployment.resource("clicks-bucket").create()
    yield Project(deployment.config, deployment.directory, deployment.target)


def put(project: Project, key: str, *users: str) -> None:
    lines = [json.dumps({"userId": user, "mysfitId": "m", "clickId": f"{user}:{key}"}) for user in users]
    body = "\n".join([*lines, ""]).encode()
    project.target.clients.s3.put_object(Bucket=project.names.bucket, Key=key, Body=body)


def contents(project: Project) -> bytes:
    found = every_version(project.target.clients.s3, project.names.bucket)
    return b"".join(body for _, body in found)


def test_a_receipt_names_no_value_and_holds(project: Project, tmp_path: Path) -> None:
    put(project, "firehose/1", "bob", ANN)
    put(project, "firehose/2", ANN)
    person, path = Person("userId", ANN), tmp_path / "receipt.json"
    seen = preview(project, person)
    assert (seen.counts.current.clicks, seen.counts.rewritten) == (2, 0)
    assert any("Would erase userId=ann" in line for line in books.erased(seen))

    done = erase(project, person, receipt_path=path)
    assert done.document() | {"cutOff": ""} == {
        "dryRun": False,
        "field": "userId",
        "cutOff": "",
        "complete": True,
        "clicks": 2,
        "failedClicks": 0,
        "replayedClicks": 0,
        "rawRecords": 0,
        "inOldVersions": 0,
        "objectsRead": 2,
        "versionsRead": 2,
        "objectsRewritten": 1,
        "versionsDeleted": 1,
        "othersClicksDeleted": 0,
        "keptAfterCutOff": 0,
        "athenaResults": 0,
        "unreadableObjects": {},
        "queryCacheFiles": 0,
        "receipt": str(path),
    }
    text = path.read_text("utf-8")
    said = json.loads(text)
    assert ANN not in text
    assert said["complete"] and len(said["objects"]) == 2
    assert (said["field"], said["counts"]["clicks"]) == ("userId", 2)

    for known in (None, person):
        checked = verify(project, path, known)
        assert checked.holds
        assert (checked.unchanged, checked.changed_since) == (1, 0)
        assert checked.searched_raw is (known is not None)
        assert any("Nothing is left" in line for line in books.verified(checked))
    with pytest.raises(MysfitsStreamError, match="not of this value of userId"):
        verify(project, path, Person("userId", "bob"))


def test_a_click_that_comes_back_is_found_by_the_receipt(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    erase(project, Person("userId", ANN), receipt_path=path)
    put(project, "firehose/9", ANN)
    checked = verify(project, path, None)
    assert not checked.holds
    assert checked.found.current.clicks == 1
    assert any("Clicks are left" in line for line in books.verified(checked))


def test_a_stopped_run_leaves_an_unfinished_receipt_which_the_next_run_completes(
    project: Project, tmp_path: Path
) -> None:
    put(project, "firehose/1", "bob", ANN)
    person, path = Person("userId", ANN), tmp_path / "receipt.json"

    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase(project, person, receipt_path=path, report=stop)
    said = json.loads(path.read_text("utf-8"))
    assert (said["complete"], len(said["objects"])) == (False, 1)
    assert not verify(project, path, person).holds
    put(project, "firehose/2", ANN)
    erase(project, person, receipt_path=path)
    said = json.loads(path.read_text("utf-8"))
    assert (said["complete"], said["earlierRuns"]) == (True, 1)
    assert [each["key"] for each in said["objects"]] == ["firehose/1", "firehose/2"]
    with pytest.raises(ClickError, match=r"this erasure is complete: .*--verify"):
        erase(project, person, receipt_path=path)
    with pytest.raises(ClickError, match="exists with another receipt"):
        erase(project, Person("userId", "bob"), receipt_path=path)


def test_a_receipt_that_is_no_file_is_not_read(project: Project) -> None:
    with pytest.raises(ClickError, match=f"{os.devnull}: cannot be read: no regular file"):
        erase(project, Person("userId", ANN), receipt_path=Path(os.devnull))


def test_a_run_that_was_killed_while_it_waited_is_completed_by_the_same_command(
    project: Project, tmp_path: Path
) -> None:
    put(project, "firehose/1", "bob", ANN)
    person, path = Person("userId", ANN), tmp_path / "receipt.json"
    # All that two runs have written before the first object.
    for _ in range(2):
        receipt.begin(path, project.names.bucket, person, datetime.now(UTC))
    unfinished = verify(project, path, person)
    assert not unfinished.holds
    assert any("run the same erase again" in line for line in books.verified(unfinished))
    assert erase(project, person, receipt_path=path).is_complete
    assert verify(project, path, person).holds
    assert json.loads(path.read_text("utf-8"))["earlierRuns"] == 2


def test_what_happened_after_the_cut_off_is_said_beside_the_result(project: Project, tmp_path: Path) -> None:
    put(project, "firehose/1", "bob", "eve", ANN)
    path = tmp_path / "receipt.json"
    erase(project, Person("userId", ANN), receipt_path=path)
    erase(project, Person("userId", "eve"))
    later = {"userId": ANN, "mysfitId": "m", "clickedAt": "2099-01-01T00:00:00.000Z"}
    body = json.dumps(later).encode()
    project.target.clients.s3.put_object(Bucket=project.names.bucket, Key="firehose/2", Body=body)
    checked = verify(project, path, None)
    assert checked.holds
    shown = " ".join(books.verified(checked))
    assert "1 click of this value, accepted after the cut-off" in shown
    assert "1 rewritten object changed or went since, as after another erasure" in shown


def test_a_receipt_needs_its_directory(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "receipt.json"
    with pytest.raises(ClickError, match="missing is no directory"):
        erase(project, Person("userId", ANN), receipt_path=path)
    assert not path.parent.exists()


OBJECT = {
    "key": "k",
    "versionId": "v",
    "sha256Before": "0" * 64,
    "sha256After": None,
    "newVersionId": None,
    "clicks": 1,
}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "the document is not an object"),
        ("{}", "format is missing"),
        (RECEIPT | {"format": 2}, "format is not 1"),
        (RECEIPT | {"format": True}, "format is not 1"),
        (RECEIPT | {"bucket": 1}, "bucket is not a text"),
        (RECEIPT | {"field": "\udcff"}, "field is not a text"),
        (RECEIPT | {"cutOff": "2026-01-01T00:00:00"}, "cutOff is not a time with its zone"),
        (RECEIPT | {"cutOff": "0001-01-01T00:00:00+23:59"}, "cutOff is not a time with its zone"),
        (RECEIPT | {"hash": "z" * 64}, "hash is not 64 hex digits"),
        (RECEIPT | {"salt": ""}, "salt is not 32 hex digits"),
        (RECEIPT | {"complete": "yes"}, "complete is not true or false"),
        (RECEIPT | {"counts": [1]}, "counts is not an object or null"),
        (RECEIPT | {"counts": None}, "complete, and counts is null"),
        (RECEIPT | {"earlierRuns": -1}, "earlierRuns is not a count"),
        (RECEIPT | {"objects": None}, "objects is not a list"),
        (RECEIPT | {"objects": ["x"]}, "objects[0] is not an object"),
        (RECEIPT | {"objects": [OBJECT, {"key": "k"}]}, "objects[1].versionId is missing"),
        (RECEIPT | {"objects": [OBJECT | {"key": ""}]}, "objects[0].key is not a text"),
        (RECEIPT | {"objects": [OBJECT | {"clicks": 1.5}]}, "objects[0].clicks is not a count"),
    ],
)
def test_a_file_that_is_no_receipt_is_named(tmp_path: Path, text: Any, reason: str) -> None:
    path = tmp_path / "receipt.json"
    path.write_text(text if isinstance(text, str) else json.dumps(text), "utf-8")
    with pytest.raises(ClickError) as raised:
        receipt.load(path)
    assert str(raised.value) == f"{path}: not a receipt of `mysfits-stream erase` ({reason})"


def test_a_receipt_that_cannot_be_read_is_named(project: Project, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.json"):
        with pytest.raises(ClickError, match="cannot be read"):
            verify(project, path, None)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ClickError, match="not JSON"):
        verify(project, tmp_path / "binary.json", None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("2026-01-01T00:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*RECEIPT, *OBJECT]), inner),
    max_leaves=6,
)
CHANGED = st.dictionaries(st.sampled_from(sorted(RECEIPT)), JSON, max_size=3).map(lambda new: RECEIPT | new)
OBJECTS = st.dictionaries(st.sampled_from(sorted(OBJECT)), JSON, max_size=2).map(
    lambda new: RECEIPT | {"objects": [OBJECT | new]}
)


@given(JSON | CHANGED | OBJECTS)
def test_any_json_is_a_receipt_or_named_in_one_plain_line(
    tmp_path_factory: pytest.TempPathFactory, document: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document), "utf-8")
    try:
        found = receipt.load(path)
    except ClickError as error:
        reason = str(error).removeprefix(f"{path}: not a receipt of `mysfits-stream erase` ")
        assert re.fullmatch(
            r"\((not JSON|complete, and counts is null|[\w\[\]. ]+ is (missing|not [\w ]+))\)", reason
        )
    else:
        assert receipt.Receipt(**vars(found)).document()["objects"] == list(found.versions)


def test_the_receipt_of_a_killed_run_has_what_it_changed(project: Project, tmp_path: Path) -> None:
    for number in range(30):
        put(project, f"firehose/{number:02}", "bob", ANN)
    person, path = Person("userId", ANN), tmp_path / "receipt.json"
    written: list[int] = []

    def killed(counts: Any) -> None:
        # What a process that is killed now leaves.
        left = receipt.load(path)
        assert not left.complete
        assert len(left.versions) >= counts.objects * 8 // 9
        written.append(len(left.versions))

    erase(project, person, receipt_path=path, report=killed)
    assert written == sorted(written)
    assert len(set(written)) < 25
    assert (receipt.load(path).complete, len(receipt.load(path).versions)) == (True, 30)


def test_the_query_cache_goes_with_the_clicks(project: Project) -> None:
    cache = project.directory / CACHE
    (cache / "a").mkdir(parents=True)
    (cache / "a" / "1.parquet").write_bytes(ANN.encode())
    person = Person("userId", ANN)
    assert preview(project, person).cached == 1
    assert erase(project, person).cached == 1
    assert not cache.exists()


def test_a_link_in_place_of_the_cache_leads_to_no_deletion(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x")
    project.directory.mkdir(exist_ok=True)
    (project.directory / CACHE).symlink_to(elsewhere)
    assert erase(project, Person("userId", ANN)).cached == 0
    assert (elsewhere / "precious").exists()


def test_another_run_on_the_stack_is_locked_out(project: Project) -> None:
    with project.locked(), pytest.raises(StateError, match="another mysfits-stream is changing this stack"):
        erase(project, Person("userId", ANN))


def test_replay_up_and_a_second_erasure_are_locked_out_meanwhile(project: Project) -> None:
    put(project, "firehose/1", "bob", ANN)
    person, tried = Person("userId", ANN), []
    reporter: Any = None  # nothing is reported before the lock

    def others(_: Any) -> None:
        calls: tuple[Callable[[], Any], ...] = (
            lambda: replay(project, since=None, limit=None, dry_run=False, report=lambda _: None),
            lambda: up(project, reporter),
            lambda: erase(project, person),
        )
        for call in calls:
            with pytest.raises(StateError, match="another mysfits-stream is changing this stack"):
                call()
            tried.append(call)

    assert erase(project, person, report=others).is_complete
    assert len(tried) == 3


def test_clicks_in_the_buffers_go_too(deployment: Deployment) -> None:
    deployment.deploy()
    for user in (ANN, "bob"):
        assert deployment.put({"userId": user, "mysfitId": "4e53920c-505a-4a90-a694-b9300791f0ae"}).ok
    waited: list[str] = []

    def note(text: str) -> None:
        waited.append(text)
        deployment.pass_buffers()

    project = Project(deployment.config, deployment.directory, deployment.target, note)
    done = erase(project, Person("userId", ANN))
    assert "until the stream's buffers are delivered" in waited[0]
    assert done.counts.current.clicks == 1
    assert ANN.encode() not in contents(project)
    assert b"bob" in contents(project)


def test_a_person_is_named_in_one_way(project: Project) -> None:
    assert find_person(project, "a=b", None) == Person("userId", "a=b")
    assert find_person(project, None, "visitorId=a=b") == Person("visitorId", "a=b")
    notes: list[str] = []
    noting = replace(project, note=notes.append)
    assert find_person(noting, None, "userid=a") == Person("userid", "a")
    for known in ("userId", "species", "clickedAt", "test"):
        assert find_person(noting, None, f"{known}=a") == Person(known, "a")
    assert notes == ["note: clicks have no field userid (fields: userId, mysfitId); did you mean userId?"]
    for user, where, message in (
        (None, None, "give either --user ID or --where FIELD=VALUE"),
        ("a", "b=c", "give either"),
        (None, "visitorId", "expected FIELD=VALUE"),
        ("", None, "an empty value would erase clicks of many people"),
        ("\udcff", None, "not valid UTF-8"),
    ):
        with pytest.raises(MysfitsStreamError, match=message):
            find_person(project, user, where)
    nobody = replace(project, config=replace(project.config, click=ClickConfig(user=None)))
    with pytest.raises(MysfitsStreamError, match="name the field: --where FIELD=VALUE"):
        find_person(nobody, "ann", None)


def test_records_that_firehose_still_holds_make_the_erasure_incomplete(deployment: Deployment) -> None:
    deployment.deploy()
    project = Project(deployment.config, deployment.directory, deployment.target)
    # S3 and the cut-off follow the machine's clock, and metrics the clock of the test.
    clock = deployment.cloud.clock
    clock.now = time.time() - 200
    assert deployment.put({"userId": ANN, "mysfitId": "4e53920c-505a-4a90-a694-b9300791f0ae"}).ok
    clock.now = time.time()
    done = erase(project, Person("userId", ANN))
    assert done.held
    assert not done.is_complete
    assert any("Firehose still holds records" in line for line in books.erased(done))
