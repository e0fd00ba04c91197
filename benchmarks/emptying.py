"""How fast a versioned bucket is emptied, 20 ms a call; beside it boto3's own way.

Both run against the same stand-in for S3, which is a process of its own.
"""

from __future__ import annotations

import boto3

from benchmarks.measure import Comparison, Target, as_command, compare, compare_figures, peak_memory
from benchmarks.slow_s3 import BUCKET, SlowS3, key, slow_s3
from mysfits_stream.provision.resources.emptying import contents, empty

VERSIONS = 20_000
CALL_SECONDS = 0.02
THEIRS, OURS = "boto3's bucket.object_versions.delete()", "ours"
COUNTED = "ours, counted first"


def run(rounds: int = 5) -> list[Comparison]:
    """The time that it takes, and the memory that four times as many versions take."""
    with slow_s3(CALL_SECONDS) as s3:
        times = compare(
            f"Emptying a bucket of {VERSIONS:,} versions and markers, {CALL_SECONDS * 1000:g} ms a call",
            {
                THEIRS: lambda: boto3s_way(s3),
                OURS: lambda: our_way(s3),
                COUNTED: lambda: our_way(s3, counted=True),
            },
            rounds=rounds,
            prepare=lambda: fill(s3, VERSIONS),
            targets=(Target(THEIRS, OURS, 4), Target(THEIRS, COUNTED, 1)),
            notes=(
                "`down` counts first where it asks somebody, who is told how much would go; "
                "`down --yes --delete-data` does not.",
            ),
        )
        one_folder = compare(
            f"Emptying one folder of {VERSIONS:,} versions and markers, {CALL_SECONDS * 1000:g} ms a call",
            {THEIRS: lambda: boto3s_way(s3), OURS: lambda: our_way(s3)},
            rounds=rounds,
            prepare=lambda: fill(s3, VERSIONS, hours=1),
            targets=(Target(THEIRS, OURS, 1),),
            notes=(
                "A listing goes from page to page: with nothing to divide it by, only deleting overlaps.",
            ),
        )
    many, few = f"{4 * VERSIONS:,} versions", f"{VERSIONS:,} versions"
    with slow_s3(0.0) as s3:
        memory = compare_figures(
            "Emptying: memory at its peak",
            {many: lambda: peak(s3, 4 * VERSIONS), few: lambda: peak(s3, VERSIONS)},
            unit="MB",
            rounds=3,
            targets=(Target(many, few, most=1.5),),
            notes=("Bounded by the pages and batches under way.",),
        )
    return [times, one_folder, memory]


def fill(s3: SlowS3, versions: int, hours: int = 24) -> None:
    """As many deleted objects as Firehose writes in so many hours: a version and a marker each."""
    numbers = range(versions // 2)
    s3.fill({key(number % hours, number): "" for number in numbers}, markers=True)


def boto3s_way(s3: SlowS3) -> None:
    """What boto3 documents for this."""
    target = s3.target()
    session = boto3.Session(botocore_session=target.session)
    resource = session.resource("s3", region_name=target.account.region, endpoint_url=s3.address)
    resource.Bucket(BUCKET).object_versions.delete()
    check(s3)


def our_way(s3: SlowS3, *, counted: bool = False) -> None:
    """What ``down`` does, in a process set up like the command line's."""
    with as_command():
        client = s3.target().client("s3")
        expected = contents(client, BUCKET).versions if counted else 0
        empty(client, BUCKET, expected=expected)
    check(s3)


def check(s3: SlowS3) -> None:
    """Hold the side to its task."""
    if left := s3.versions():
        raise AssertionError(f"{left} versions are left")


def peak(s3: SlowS3, versions: int) -> float:
    """The most memory that our way holds at once, in MB; the client's own included."""
    fill(s3, versions)
    return peak_memory(lambda: our_way(s3))


def main() -> None:
    """Print the comparisons."""
    print(*run(), sep="\n\n")


if __name__ == "__main__":
    main()
