"""Writes the table of docs/local-cloud.md from pytest's reports, one for each emulator:

python -m tests.conformance.table "local cloud=ours.xml" "another=another.xml"
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from tests.conformance.cloud import load

CONTROL_PLANE = {case["id"] for case in load("control_plane.json")}
GROUPS = {
    "test_a_template_renders_as_recorded": "mapping templates",
    "test_a_deployed_api_answers_as_documented": "requests and their answers",
    "test_a_rest_api_answers_as_recorded": "REST APIs from definition to answer",
    "control plane": "control plane of REST APIs",
    "test_a_delivery_stream_answers_as_recorded": "delivery streams",
    "test_a_processors_answer_has_its_outcome": "outcomes of the processor",
    "test_objects_have_the_names_and_contents_of_their_destination": "names and contents of objects",
    "test_a_query_answers_as_documented": "queries of Athena",
    "test_a_configuration_is_refused_as_on_aws": "refused configurations",
    "test_an_invocation_answers_as_on_aws": "invocations of functions",
    "test_the_log_tail_tells_the_invocation_from_start_to_report": "invocations of functions",
    "test_a_dry_run_and_an_event_answer_without_a_result": "invocations of functions",
    "test_an_invocation_is_refused_as_on_aws": "invocations of functions",
}


def cases(report: Path) -> Iterator[tuple[str, str]]:
    """The group and the outcome (passed, failed, not run) of every case in a report."""
    for test in ElementTree.parse(report).getroot().iter("testcase"):  # noqa: S314, pytest wrote it
        function, _, case = test.get("name", "").removesuffix("]").partition("[")
        if function not in GROUPS:
            continue
        skipped = test.find("skipped")
        if skipped is not None and skipped.get("type") != "pytest.xfail":
            outcome = "not run"
        else:
            outcome = "passed" if len(test.findall("*")) == 0 else "failed"
        yield GROUPS["control plane" if case in CONTROL_PLANE else function], outcome


def table(reports: dict[str, Path]) -> str:
    """Groups of cases in rows, emulators in columns: how many passed of those that were run."""
    counted = {name: Counter(cases(report)) for name, report in reports.items()}
    rows = [["", "cases", *counted]]
    groups = list(dict.fromkeys(GROUPS.values()))
    for group in [*groups, "all"]:
        of = {name: _sum(counts, groups if group == "all" else [group]) for name, counts in counted.items()}
        number = max(sum(found.values()) for found in of.values())
        rows.append([group, str(number), *(_score(found) for found in of.values())])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---|" + "---:|" * (len(rows[0]) - 1), *lines[1:]])


def _sum(counts: Counter[tuple[str, str]], groups: list[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (group, outcome), number in counts.items():
        if group in groups:
            found[outcome] += number
    return found


def _score(found: Counter[str]) -> str:
    return f"{found['passed']} / {found['passed'] + found['failed']}"


if __name__ == "__main__":
    named = (argument.partition("=") for argument in sys.argv[1:])
    print(table({name: Path(report) for name, _, report in named}))
