"""Code changes under clicks: only a tested version gets the alias and clicks."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from mysfits_stream.errors import NotOwnedError, ProvisionError
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.rollback import choose, rollback
from mysfits_stream.provision.engine import Change, Goal, converge
from mysfits_stream.provision.processor_zip import Package
from mysfits_stream.provision.stack import Stack
from tests.support.ledger import Pipeline
from tests.support.packages import package

pytestmark = pytest.mark.slow

CLICK = {"userId": "me", "mysfitId": "m-0"}
NO_IMPORT = "import a_module_that_nobody_has\n"
TOO_SLOW = "import time\ndef handler(event, context):\n    time.sleep(60)\n"
NO_CONTRACT = "def handler(event, context):\n    return {'records': event['records'][:1]}\n"
RAISES = "def handler(event, context):\n    raise KeyError('userId')\n"


def with_package(stack: Stack, packed: Package, **changed: Any) -> Stack:
    processor = replace(stack.processor, package=lambda: packed, **changed)
    live = replace(stack.processor_live, function=processor)
    return replace(
        stack,
        processor=processor,
        processor_live=live,
        delivery_stream=replace(stack.delivery_stream, processor=live),
    )


def up(pipeline: Pipeline, packed: Package, **changed: Any) -> list[Change]:
    stack = with_package(pipeline.resources(), packed, **changed)
    return converge(stack, pipeline.state, goal=Goal.PRESENT)


def live(pipeline: Pipeline) -> str:
    found = pipeline.target.clients.function.get_alias(FunctionName=pipeline.names.function, Name="live")
    return str(found["FunctionVersion"])


def versions(pipeline: Pipeline) -> list[str]:
    return [each["Version"] for each in pipeline.resource("processor-live").versions()]


def users(pipeline: Pipeline) -> list[str]:
    pipeline.pass_buffers()
    assert not pipeline.objects("processing-failed")
    return sorted(line["userId"] for line in pipeline.delivered())


def put(pipeline: Pipeline, *names: str) -> None:
    for name in names:
        assert pipeline.put(CLICK | {"userId": name}).status_code == 200


def test_clicks_run_through_the_version_that_the_alias_names(pipeline: Pipeline) -> None:
    put(pipeline, "a")
    assert users(pipeline) == ["a"]
    assert (live(pipeline), versions(pipeline)) == ("1", ["1"])
    described: Any = pipeline.target.clients.function.get_function_configuration(
        FunctionName=pipeline.names.function, Qualifier="1"
    )
    assert described["Description"] == pipeline.resource("processor-live").description


@pytest.mark.parametrize(
    ("code", "changed", "reason"),
    [
        pytest.param(NO_IMPORT, {}, "Runtime.ImportModuleError: Unable to import module", id="no import"),
        pytest.param(TOO_SLOW, {"timeout_seconds": 1}, "Task timed out after 1.00 seconds", id="too slow"),
        pytest.param(NO_CONTRACT, {}, "returned record has no recordId|no data|result None", id="contract"),
        pytest.param(RAISES, {}, "KeyError: 'userId'", id="raises"),
    ],
)
def test_a_version_that_fails_its_smoke_test_never_gets_a_click(
    pipeline: Pipeline, code: str, changed: dict[str, Any], reason: str
) -> None:
    put(pipeline, "before")
    with pytest.raises(ProvisionError, match=reason) as refused:
        up(pipeline, package(code), **changed)
    assert "\n" not in str(refused.value)
    put(pipeline, "after")
    assert live(pipeline) == "1"
    assert users(pipeline) == ["after", "before"]
    # The repaired code goes on, whatever is left of the attempt.
    pipeline.up()
    assert set(pipeline.statuses().values()) == {"in-sync"}


def test_a_first_up_works_while_the_mysfits_service_is_down(pipeline: Pipeline) -> None:
    pipeline.down()
    pipeline.service.up = False
    warnings: list[str] = []
    # Other code, as the process of the earlier function would still know the smoke test's key.
    stack = with_package(pipeline.resources(warn=warnings.append), package(release="first"))
    changes = converge(stack, pipeline.state, goal=Goal.PRESENT)
    [warning] = warnings
    assert warning.startswith("warning: the smoke test of version 1 could not look a mysfit up: ")
    assert {change.action.value for change in changes} == {"create"}


def test_a_change_of_code_or_settings_is_published_and_five_versions_stay(pipeline: Pipeline) -> None:
    for release in range(6):
        put(pipeline, str(release))
        changes = up(pipeline, package(release=str(release)))
        done = {change.resource.name: change.action.value for change in changes}
        assert (done["processor"], done["processor-live"]) == ("update", "update")
        assert done["delivery-stream"] == "none"
    assert (live(pipeline), versions(pipeline)) == ("7", ["3", "4", "5", "6", "7"])
    # Invocations may reach the version that the alias leaves for a while (F284), so it stays.
    pipeline.resource("processor-live").point_to("3")
    up(pipeline, package(release="another"))
    assert (live(pipeline), versions(pipeline)) == ("8", ["3", "4", "5", "6", "7", "8"])
    assert users(pipeline) == [str(release) for release in range(6)]


def test_a_stack_that_invokes_latest_is_brought_over_without_a_lost_click(pipeline: Pipeline) -> None:
    """As stacks of earlier versions are: no alias, and `$LATEST` in the stream."""
    clients, names = pipeline.target.clients, pipeline.names
    found: Any = clients.firehose.describe_delivery_stream(DeliveryStreamName=names.stream)
    described = found["DeliveryStreamDescription"]
    destination = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    text = json.dumps(destination["ProcessingConfiguration"]).replace(":live", ":$LATEST")
    clients.firehose.update_destination(
        DeliveryStreamName=names.stream,
        CurrentDeliveryStreamVersionId=described["VersionId"],
        DestinationId=described["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"ProcessingConfiguration": json.loads(text)},
    )
    clients.function.delete_alias(FunctionName=names.function, Name="live")
    clients.function.delete_function(FunctionName=names.function, Qualifier="1")
    statuses = {name: status for name, status in pipeline.statuses().items() if status != "in-sync"}
    assert statuses == {"processor-live": "missing", "delivery-stream": "drifted"}

    put(pipeline, "before")
    pipeline.cloud.advance(61)
    put(pipeline, "meanwhile")
    changes = up(pipeline, package(release="new"))
    put(pipeline, "after")
    assert {change.resource.name: change.action.value for change in changes if change.diff} == {
        "processor": "update",
        "delivery-stream": "update",
    }
    assert users(pipeline) == ["after", "before", "meanwhile"]


# rollback


def project(pipeline: Pipeline) -> Project:
    return Project(pipeline.config, pipeline.directory, pipeline.target)


def test_a_rollback_under_load_loses_and_fails_no_click(pipeline: Pipeline) -> None:
    up(pipeline, package(release="2"))
    names = [f"{sender}-{number}" for sender in range(2) for number in range(40)]
    senders = [
        threading.Thread(target=put, args=(pipeline, *names[sender * 40 : sender * 40 + 40]))
        for sender in range(2)
    ]
    for sender in senders:
        sender.start()
    done = rollback(project(pipeline))
    pipeline.cloud.advance(61)
    for version in ("2", "1"):
        rollback(project(pipeline), version)
        pipeline.cloud.advance(61)
    for sender in senders:
        sender.join()
    assert (done.left, done.version) == ("2", "1")
    assert live(pipeline) == "1"
    assert users(pipeline) == sorted(names)


def test_a_rollback_is_one_change_and_the_next_up_publishes_the_code_again(pipeline: Pipeline) -> None:
    up(pipeline, package(release="2"))
    pipeline.calls.clear()
    done = rollback(project(pipeline))
    writes = [call for call in pipeline.calls if not call.startswith(("Get", "List"))]
    assert writes == ["Invoke", "UpdateAlias"]
    assert done.document()["version"] == "1"
    again = up(pipeline, package(release="2"))
    assert [change.resource.name for change in again if change.action.value != "none"] == ["processor-live"]
    assert (live(pipeline), versions(pipeline)) == ("2", ["1", "2"])


def test_a_rollback_ends_weights_that_would_send_clicks_to_the_version_that_is_left(
    pipeline: Pipeline,
) -> None:
    up(pipeline, package(release="2"))
    written: list[Any] = []

    def with_weights(parsed: Any, **_: Any) -> None:
        parsed["RoutingConfig"] = {"AdditionalVersionWeights": {"2": 0.5}}

    def note(params: Any, **_: Any) -> None:
        written.append(params)

    events = pipeline.target.clients.function.meta.events
    events.register("after-call.lambda.GetAlias", with_weights)
    events.register("provide-client-params.lambda.UpdateAlias", note)
    rollback(project(pipeline))
    [update] = written
    assert update["FunctionVersion"] == "1"
    assert update["RoutingConfig"] == {"AdditionalVersionWeights": {}}


def test_a_rollback_tests_the_version_first(pipeline: Pipeline) -> None:
    client, name = pipeline.target.clients.function, pipeline.names.function
    client.update_function_code(FunctionName=name, ZipFile=package(NO_IMPORT).zip_bytes)
    client.publish_version(FunctionName=name)
    with pytest.raises(ProvisionError, match=r"version 2 of .* fails its smoke test.*No module named"):
        rollback(project(pipeline), "2")
    assert live(pipeline) == "1"


def test_a_rollback_leaves_the_function_of_another_stack_alone(pipeline: Pipeline) -> None:
    up(pipeline, package(release="2"))
    arn = pipeline.resource("processor").arn
    pipeline.target.clients.function.tag_resource(Resource=arn, Tags={"mysfits-stream:stack": "another"})
    with pytest.raises(NotOwnedError):
        rollback(project(pipeline))
    assert live(pipeline) == "2"


def test_there_is_nothing_to_roll_back_without_an_alias(pipeline: Pipeline) -> None:
    pipeline.down()
    with pytest.raises(ProvisionError, match="there is no alias live yet; run: mysfits-stream up"):
        rollback(project(pipeline))


VERSIONS = [
    {"Version": number, "Environment": {"Variables": {"CLICK": click}}}
    for number, click in (("3", "old"), ("4", "new"), ("5", "new"), ("6", "new"))
]


@pytest.mark.parametrize(
    ("current", "wanted", "chosen"),
    [("5", None, "4"), ("5", "6", "6"), ("5", "4", "4"), ("$LATEST", None, "6")],
)
def test_the_version_before_is_chosen_or_the_one_that_is_named(
    current: str, wanted: str | None, chosen: str
) -> None:
    assert choose(VERSIONS, current, wanted, "live")["Version"] == chosen


@pytest.mark.parametrize(
    ("current", "wanted", "reason"),
    [
        ("3", None, "there is no version before version 3; versions: 3, 4, 5, 6"),
        ("5", "5", "alias live names version 5 already; versions: 3, 4, 5, 6"),
        ("5", "9", "there is no version 9; versions: 3, 4, 5, 6"),
        ("4", None, r"version 3 has another definition of a click than version 4.*definition: 5, 6"),
    ],
)
def test_a_version_that_cannot_serve_is_refused(current: str, wanted: str | None, reason: str) -> None:
    with pytest.raises(ProvisionError, match=reason):
        choose(VERSIONS, current, wanted, "live")


def test_an_alias_that_names_latest_goes_to_no_version_of_another_definition() -> None:
    latest = {"Version": "$LATEST", "Environment": {"Variables": {"CLICK": "newest"}}}
    with pytest.raises(
        ProvisionError, match=r"version 6 has another definition of a click than version \$LATEST"
    ):
        choose(VERSIONS, "$LATEST", None, "live", latest)
    assert choose(VERSIONS, "$LATEST", "4", "live", VERSIONS[1])["Version"] == "4"
