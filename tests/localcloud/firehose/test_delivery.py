"""Records through a delivery stream on the test's clock: buffers, objects, metrics."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

import cramjam
import pytest

from mysfits_stream.localcloud.firehose.delivery import Firehose, FirehoseError
from mysfits_stream.localcloud.firehose.services import S3Error
from mysfits_stream.localcloud.firehose.stream import Destination, Processor
from mysfits_stream.localcloud.iam import Verdict
from tests.support.delivery import (
    ARN,
    DESTINATION,
    FUNCTION,
    MB,
    PROCESSED,
    REGION,
    START,
    STREAM,
    Cloud,
    answering,
)


def test_records_are_glued_together_and_written_after_the_interval() -> None:
    cloud = Cloud(STREAM)
    cloud.put(b"abc", b"abc")
    cloud.run(30)
    cloud.put(b"abc")
    cloud.run(29.9)
    assert cloud.objects == {}

    cloud.run(0.2)
    assert cloud.only() == b"abcabcabc"
    ((key, at),) = cloud.put_at.items()
    assert at == 60
    assert re.fullmatch(r"firehose/2026/11/23/12/clicks-1-2026-11-23-12-00-00-[0-9a-f-]{36}", key)
    assert cloud.headers[key] == {"Content-Type": "application/octet-stream"}
    assert cloud.firehose.due_at() is None
    assert cloud.firehose.pending() == 0


def test_a_full_buffer_is_written_at_once() -> None:
    cloud = Cloud(replace(STREAM, destination=replace(DESTINATION, buffer_bytes=1 * MB)))
    cloud.put(b"x" * 600_000)
    assert cloud.firehose.due_at() == START + 60

    cloud.put(b"y" * 600_000)
    assert cloud.firehose.due_at() == START
    cloud.run(0)
    assert len(cloud.only()) == 1_200_000


def test_both_buffers_are_waited_for_one_after_the_other() -> None:
    cloud = Cloud(PROCESSED)
    cloud.put(b"a", b"b")
    cloud.run(59)
    assert cloud.invoked == []

    cloud.run(1)
    assert cloud.invoked == [(60.0, FUNCTION)]
    assert cloud.objects == {}

    cloud.run(60)
    assert cloud.only() == b"A\nB\n"
    ((key, at),) = cloud.put_at.items()
    assert at == 120
    assert "2026-11-23-12-00-00" in key, "the arrival of the oldest record names the object"


def test_zero_buffering_delivers_without_waiting() -> None:
    destination = replace(DESTINATION, buffer_seconds=0)
    cloud = Cloud(replace(STREAM, destination=destination, processor=Processor(FUNCTION, buffer_seconds=0)))
    cloud.put(b"a")
    cloud.run(0)

    assert cloud.only() == b"A\n"


def test_the_processors_buffer_is_closed_by_size_before_it_overflows() -> None:
    cloud = Cloud(replace(STREAM, processor=Processor(FUNCTION, buffer_bytes=1000)))
    cloud.put(b"x" * 600, b"y" * 600)
    cloud.run(0)
    assert [len(event["records"]) for event in cloud.events] == [1]

    cloud.put(b"z" * 400)
    cloud.run(0)
    assert [len(event["records"]) for event in cloud.events] == [1, 2]


def test_the_error_log_gets_a_line_for_what_failed() -> None:
    cloud = Cloud(PROCESSED)
    cloud.handler = answering(bad=lambda ok: [{**ok, "result": "ProcessingFailed"}])
    cloud.put(b"bad", b"bad")
    cloud.run(60)

    assert cloud.logged == [
        (
            "/aws/kinesisfirehose/clicks",
            "S3Delivery",
            {
                "deliveryStreamARN": ARN,
                "destination": "arn:aws:s3:::clicks-bucket",
                "deliveryStreamVersionId": 1,
                "message": "ProcessingFailed status set for record",
                "errorCode": "Lambda.ProcessingFailedStatus",
                "processor": f"{FUNCTION}:$LATEST",
            },
        )
    ]


@pytest.mark.parametrize(
    ("destination", "denied"),
    [
        pytest.param(replace(DESTINATION, log_group=None, log_stream=None), {}, id="logging is off"),
        pytest.param(DESTINATION, {"logs:PutLogEvents": Verdict.DENIED}, id="the role may not log"),
    ],
)
def test_the_error_log_may_stay_empty(destination: Destination, denied: dict[str, Verdict]) -> None:
    cloud = Cloud(replace(PROCESSED, destination=destination))
    cloud.denied = denied
    cloud.handler = lambda event: None
    cloud.put(b"a")
    cloud.run(120)

    assert len(cloud.errors()) == 1
    assert cloud.logged == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(Verdict.DENIED, "S3.AccessDenied", id="the role may not put objects"),
        pytest.param(Verdict.CANNOT_ASSUME, "S3.AccessDenied", id="the role cannot be assumed"),
        pytest.param(S3Error("S3.NoSuchBucket", "gone"), "S3.NoSuchBucket", id="the bucket is missing"),
        pytest.param(OSError("disk"), "InternalError", id="a fault of the local cloud itself"),
    ],
)
def test_an_object_that_s3_refuses_is_tried_again_until_it_arrives(
    fault: Verdict | Exception, code: str
) -> None:
    cloud = Cloud(STREAM)
    if isinstance(fault, Verdict):
        cloud.denied["s3:PutObject"] = fault
    else:
        cloud.s3_failure = fault
    cloud.put(b"a")
    cloud.run(12 * 3600)
    assert cloud.objects == {}
    assert {line["errorCode"] for _, _, line in cloud.logged} == {code}

    cloud.denied, cloud.s3_failure = {}, None
    cloud.run(300)
    assert cloud.only() == b"a"


def test_after_a_day_of_refusals_the_object_is_lost() -> None:
    cloud = Cloud(STREAM)
    cloud.s3_failure = S3Error("S3.NoSuchBucket", "gone")
    cloud.put(b"a")
    cloud.run(25 * 3600)

    assert cloud.firehose.due_at() is None
    assert cloud.firehose.pending() == 0


def test_what_a_deleted_stream_had_buffered_is_gone() -> None:
    cloud = Cloud(STREAM)
    cloud.put(b"a")
    old = cloud.streams.pop((REGION, "clicks"))
    cloud.run(3600)
    assert cloud.objects == {}

    cloud.streams[REGION, "clicks"] = replace(old, created=START + 3600)
    cloud.run(3600)
    assert cloud.objects == {}, "nor does a new stream of that name inherit it"


def test_a_batch_on_its_way_when_the_stream_is_deleted_is_not_delivered() -> None:
    cloud = Cloud(PROCESSED)
    cloud.later = []
    cloud.put(b"a")
    cloud.run(60)
    del cloud.streams[REGION, "clicks"]
    cloud.run(1)
    cloud.firehose.advance()
    cloud.run_later()
    cloud.run(3600)

    assert len(cloud.events) == 1
    assert cloud.objects == {}


def test_an_object_on_its_way_when_the_stream_is_deleted_is_not_written() -> None:
    cloud = Cloud(STREAM)
    cloud.later = []
    cloud.put(b"a")
    cloud.run(60)
    del cloud.streams[REGION, "clicks"]
    cloud.run_later()

    assert cloud.objects == {}


def test_a_changed_destination_is_in_effect_for_what_is_written_next() -> None:
    cloud = Cloud(STREAM)
    cloud.put(b"a")
    cloud.change(version=2, destination=replace(DESTINATION, prefix="b/", buffer_seconds=10))
    cloud.run(10)

    (key,) = cloud.objects
    assert key.startswith("b/2026/11/23/12/clicks-2-")


def test_a_processor_taken_away_leaves_its_records_to_be_delivered() -> None:
    cloud = Cloud(PROCESSED)
    cloud.put(b"a")
    cloud.change(processor=None)
    cloud.run(120)

    assert cloud.only() == b"a"
    assert cloud.events == []


def test_at_most_five_invocations_are_outstanding() -> None:
    cloud = Cloud(replace(STREAM, processor=Processor(FUNCTION, buffer_bytes=1)))
    cloud.later = []
    cloud.put(*[b"%d" % number for number in range(8)])
    cloud.firehose.advance()
    assert len(cloud.later) == 5
    assert cloud.firehose.due_at() is None, "nothing can begin before one of them ends"

    cloud.run_later()
    cloud.firehose.advance()
    assert len(cloud.later) == 3
    cloud.run_later()
    cloud.later = None
    cloud.run(60)
    assert cloud.only() == b"".join(b"%d\n" % number for number in range(8))


def test_records_put_from_many_threads_are_all_delivered_once() -> None:
    cloud = Cloud(replace(STREAM, processor=Processor(FUNCTION, buffer_bytes=2000)))
    with ThreadPoolExecutor(8) as pool:
        jobs: list[Future[None]] = []
        firehose = Firehose(cloud, submit=lambda job: jobs.append(pool.submit(job)), wake=cloud.wake)

        def put(worker: int) -> None:
            for number in range(300):
                firehose.put_record(REGION, "clicks", b"%d-%d" % (worker, number))
                if number % 50 == 0:
                    firehose.advance()

        wait([pool.submit(put, worker) for worker in range(4)])
        for _ in range(100):
            cloud.time += 60
            firehose.advance()
            wait(jobs)
            if not firehose.pending():
                break
    delivered = b"".join(cloud.objects.values()).split()

    assert sorted(delivered) == sorted(
        b"%d-%d" % (worker, number) for worker in range(4) for number in range(300)
    )


def test_puts_wake_whoever_waits_only_when_something_is_due_earlier() -> None:
    cloud = Cloud(STREAM)
    cloud.put(b"a")
    assert cloud.woken == 1
    cloud.put(b"b", b"c")
    assert cloud.woken == 1
    cloud.put(*[b"x" * 1_000_000] * 53)
    assert cloud.woken == 2


@pytest.mark.parametrize(
    ("compression", "extension", "unpack"),
    [
        ("GZIP", ".gz", gzip.decompress),
        ("Snappy", ".snappy", lambda body: bytes(cramjam.snappy.decompress(body))),
        ("ZIP", ".zip", lambda body: zipfile.ZipFile(io.BytesIO(body)).read(_entry(body))),
        ("HADOOP_SNAPPY", ".snappy", lambda body: _unhadoop(body)),
        ("UNCOMPRESSED", "", lambda body: body),
    ],
)
def test_objects_are_compressed(compression: str, extension: str, unpack: Callable[[bytes], bytes]) -> None:
    cloud = Cloud(replace(STREAM, destination=replace(DESTINATION, compression=compression)))
    data = bytes(range(256)) * 2000
    cloud.put(data)
    cloud.run(60)
    ((key, body),) = cloud.objects.items()

    assert unpack(body) == data
    assert re.search(r"-[0-9a-f]{12}" + re.escape(extension) + "$", key)
    assert ("Content-Encoding" in cloud.headers[key]) == (compression == "GZIP")
    if compression == "ZIP":
        assert key.endswith(_entry(body) + ".zip")


def _entry(body: bytes) -> str:
    (name,) = zipfile.ZipFile(io.BytesIO(body)).namelist()
    return name


def _unhadoop(body: bytes) -> bytes:
    data, at = b"", 0
    while at < len(body):
        length, chunk = int.from_bytes(body[at : at + 4], "big"), int.from_bytes(body[at + 4 : at + 8], "big")
        block = bytes(cramjam.snappy.decompress_raw(body[at + 8 : at + 8 + chunk]))
        assert len(block) == length
        data, at = data + block, at + 8 + chunk
    return data


def test_a_file_extension_of_ones_own_replaces_that_of_the_compression() -> None:
    destination = replace(DESTINATION, compression="GZIP", extension=".json.gz")
    cloud = Cloud(replace(STREAM, destination=destination))
    cloud.put(b"a")
    cloud.run(60)

    assert next(iter(cloud.objects)).endswith(".json.gz")


def test_a_delimiter_is_appended_to_each_record() -> None:
    cloud = Cloud(replace(STREAM, delimiter=b"\n"))
    cloud.put(b"a", b"b")
    cloud.run(60)

    assert cloud.only() == b"a\nb\n"


def test_a_backup_keeps_the_records_as_they_were_put() -> None:
    backup = replace(DESTINATION, prefix="raw/", buffer_seconds=30)
    cloud = Cloud(replace(PROCESSED, backup=backup))
    cloud.put(b"a", b"b")
    cloud.run(30)
    ((key, body),) = cloud.objects.items()
    assert key.startswith("raw/2026/11/23/12/clicks-1-")
    assert body == b"ab"

    cloud.run(90)
    assert sorted(cloud.objects.values()) == [b"A\nB\n", b"ab"]


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        pytest.param(
            lambda firehose: firehose.put_record(REGION, "none", b"x"),
            "ResourceNotFoundException",
            "Firehose none under account 123456789012 not found.",
            id="no such stream",
        ),
        pytest.param(
            lambda firehose: firehose.put_record("us-east-1", "clicks", b"x"),
            "ResourceNotFoundException",
            "Firehose clicks under account 123456789012 not found.",
            id="a stream of another region",
        ),
        pytest.param(
            lambda firehose: firehose.put_record(REGION, "clicks", b"x" * (1000 * 1024 + 1)),
            "ValidationException",
            "1 validation error detected: Value at 'record.data' failed to satisfy constraint: "
            "Member must have length less than or equal to 1024000",
            id="a record of more than 1,000 KiB",
        ),
        pytest.param(
            lambda firehose: firehose.put_record_batch(REGION, "clicks", [b"x"] * 501),
            "ValidationException",
            "1 validation error detected: Value at 'records' failed to satisfy constraint: "
            "Member must have length less than or equal to 500",
            id="more than 500 records",
        ),
        pytest.param(
            lambda firehose: firehose.put_record_batch(REGION, "clicks", []),
            "ValidationException",
            "1 validation error detected: Value at 'records' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
            id="no records",
        ),
        pytest.param(
            lambda firehose: firehose.put_record_batch(REGION, "clicks", [b"x" * 1_000_000] * 5),
            "InvalidArgumentException",
            "Records size exceeds 4 MB limit",
            id="more than 4 MiB",
        ),
    ],
)
def test_a_put_is_refused_in_aws_words(call: Callable[[Firehose], object], code: str, message: str) -> None:
    cloud = Cloud(STREAM)
    with pytest.raises(FirehoseError) as caught:
        call(cloud.firehose)

    assert (caught.value.code, str(caught.value)) == (code, message)
    assert cloud.firehose.pending() == 0


@pytest.mark.parametrize("status", ["CREATING", "CREATING_FAILED", "DELETING"])
def test_a_stream_that_is_not_active_takes_no_records(status: str) -> None:
    cloud = Cloud(replace(STREAM, status=status))
    with pytest.raises(FirehoseError, match="not found"):
        cloud.put(b"a")


def test_the_largest_record_and_batch_are_taken() -> None:
    cloud = Cloud(replace(STREAM, encrypted=True))

    record_id, encrypted = cloud.firehose.put_record(REGION, "clicks", b"x" * 1000 * 1024)
    assert (len(record_id), encrypted) == (216, True)
    ids, encrypted = cloud.firehose.put_record_batch(REGION, "clicks", [b"x" * 8388] * 500)
    assert (len(set(ids)), encrypted) == (500, True)


def test_metrics_tell_what_came_in_and_what_arrived() -> None:
    cloud = Cloud(STREAM)
    cloud.put(b"abc", b"d")
    cloud.firehose.put_record_batch(REGION, "clicks", [b"e"])
    cloud.run(60)
    metrics = {metric.name: (metric.value, metric.unit) for metric in cloud.firehose.take_metrics()}

    assert metrics == {
        "PutRecord.Requests": (2, "Count"),
        "PutRecordBatch.Requests": (1, "Count"),
        "IncomingRecords": (3, "Count"),
        "IncomingBytes": (5, "Bytes"),
        "DeliveryToS3.Success": (1.0, "Count"),
        "DeliveryToS3.DataFreshness": (60.0, "Seconds"),
        "DeliveryToS3.Records": (3, "Count"),
        "DeliveryToS3.Bytes": (5, "Bytes"),
    }
    assert cloud.firehose.take_metrics() == []
