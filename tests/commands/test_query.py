"""``query`` as it is run, on a bucket in memory."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.errors import MysfitsStreamError, QueryError
from mysfits_stream.operations import query as operation
from tests.commands.test_clicks import Operator
from tests.support.clicks_bucket import NOON, Clock, MemoryS3, enriched, failed_line, key, lines

MINUTE = timedelta(minutes=1)
ERROR_KEY = key(NOON, prefix="processing-failed/")
BY_USER = 'SELECT "userId", count(*) AS n, min("clickedAt") AS first FROM clicks GROUP BY 1 ORDER BY 1'


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.chdir(tmp_path)
    s3 = MemoryS3(Clock(NOON + timedelta(hours=1)))
    s3.objects[key(NOON)] = lines(
        enriched(NOON, "ann", clickId="c" * 8),
        enriched(NOON + MINUTE, "ann", clickId="c" * 8),
        enriched(NOON + MINUTE, "=cmd|' /C calc'!A0"),
        enriched(NOON + MINUTE, "\x1b[2J", clickId="d" * 8),
    )
    return Operator(s3)


@pytest.fixture
def ask(operator: Operator, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> str:
        assert operator.run(*arguments, command="query") == 0
        return capsys.readouterr().out

    return run


def test_json_is_an_array_of_rows(ask: Any) -> None:
    expected = [
        {"userId": "\x1b[2J", "n": 1, "first": "2026-11-23T12:01:00.000Z"},
        {"userId": "=cmd|' /C calc'!A0", "n": 1, "first": "2026-11-23T12:01:00.000Z"},
        {"userId": "ann", "n": 1, "first": "2026-11-23T12:00:00.000Z"},
    ]
    assert json.loads(ask(BY_USER, "--json")) == expected
    assert json.loads(ask(BY_USER, "--format", "json")) == expected
    assert json.loads(ask("SELECT 1 AS x WHERE false", "--json")) == []
    assert json.loads(ask("SELECT 'nan'::DOUBLE AS x", "--json")) == [{"x": None}]


def test_no_cell_of_csv_begins_a_formula(ask: Any) -> None:
    rows = list(csv.reader(io.StringIO(ask(BY_USER, "--format", "csv"))))
    assert rows[0] == ["userId", "n", "first"]
    assert [row[0] for row in rows[1:]] == ["\x1b[2J", "'=cmd|' /C calc'!A0", "ann"]
    hostile = "SELECT '+1' AS a, '@x' AS \"=h\", ' -2' AS c, -2 AS d, '\t=1' AS e, NULL AS f, true AS g"
    assert ask(hostile, "--format", "csv") == "a,'=h,c,d,e,f,g\n'+1,'@x,' -2,-2,'\t=1,,true\n"


@pytest.mark.parametrize(
    ("sql", "csv_text", "document"),
    [
        pytest.param("SELECT '' AS a", 'a\n""\n', {"a": ""}, id="an empty text"),
        pytest.param(
            "SELECT list(x) AS a FROM (VALUES (0.1), (0.2)) t(x)",
            'a\n"[0.1, 0.2]"\n',
            {"a": [0.1, 0.2]},
            id="a list of decimals",
        ),
        pytest.param(
            "SELECT ['nan'::DOUBLE, {'x': 'inf'::DOUBLE}.x] AS a",
            'a\n"[null, null]"\n',
            {"a": [None, None]},
            id="numbers in a list that JSON lacks",
        ),
        pytest.param(
            "SELECT -99999999999999999.99::DECIMAL(19,2) AS a, 1.50 AS b",
            "a,b\n-99999999999999999.99,1.5\n",
            {"a": "-99999999999999999.99", "b": 1.5},
            id="a decimal that no float holds",
        ),
        pytest.param(
            "SELECT row(1, 'b') AS a, {'x': 1} AS b, '{\"\": 1}'::JSON AS c",
            'a,b,c\n"[1, ""b""]","{""x"": 1}","{"""": 1}"\n',
            {"a": [1, "b"], "b": {"x": 1}, "c": {"": 1}},
            id="a struct without names",
        ),
        pytest.param(
            "SELECT ('[' || repeat('9', 5000) || ']')::JSON AS a",
            f'a\n"[""{"9" * 5000}""]"\n',
            {"a": ["9" * 5000]},
            id="an integer of more digits than Python writes",
        ),
        pytest.param("SELECT 0.1::FLOAT AS a", "a\n0.1\n", {"a": 0.1}, id="a float of four bytes"),
    ],
)
def test_values_are_exact_in_csv_and_valid_in_json(
    ask: Any, sql: str, csv_text: str, document: dict[str, Any]
) -> None:
    assert ask(sql, "--format", "csv") == csv_text

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    assert json.loads(ask(sql, "--format", "json"), parse_constant=refuse) == [document]
    assert ask(sql, "--format", "table")


def test_a_table_spells_numbers_that_json_lacks(ask: Any) -> None:
    assert ask("SELECT 'nan'::DOUBLE AS a, '-inf'::DOUBLE AS b, NULL AS c").split()[3:6] == [
        "nan",
        "-inf",
        "-",
    ]


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1 AS a; -- c", "SELECT 1 AS a /* é */ ; /* d */", ";;SELECT 1 AS a;;", "SELECT 1 AS a -- ;"],
)
def test_semicolons_and_comments_end_a_single_select(ask: Any, sql: str) -> None:
    assert json.loads(ask(sql, "--json")) == [{"a": 1}]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT '\udcff'", "the SQL is not UTF-8"),
        ("PIVOT clicks ON species USING count(*)", "2 statements; write one SELECT; PIVOT needs the values"),
        ("SHOW TABLES", "SHOW tables is not possible"),
    ],
)
def test_sql_that_is_no_single_select_is_refused_with_its_reason(
    operator: Operator, sql: str, message: str
) -> None:
    with pytest.raises(QueryError, match=message):
        operator.run(sql, command="query")


@pytest.mark.parametrize(
    ("name", "begin"),
    [("r.csv", b"i\n0\n"), ("r.json", b"[\n{"), ("r.parquet", b"PAR1"), ("r.txt", b"   i\n   0\n")],
)
def test_a_file_has_all_rows_in_the_form_of_its_ending(ask: Any, name: str, begin: bytes) -> None:
    ask("SELECT i FROM range(1500) t(i)", "--out", name)
    content = Path(name).read_bytes()
    assert content.startswith(begin)
    if not name.endswith("parquet"):
        assert content.count(b"\n") >= 1500


def test_a_file_may_be_a_link_a_pipe_or_standard_output(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("real.csv")
    ask("SELECT 1 AS a", "--out", "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "a\n1\n"
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    ask("SELECT 1 AS a", "--out", "pipe", "--format", "csv")
    assert os.read(reader, 100) == b"a\n1\n"
    os.close(reader)
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


def test_a_dash_is_standard_output(operator: Operator, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert operator.run("SELECT 1 AS a", "--out", "-", "--format", "csv", command="query") == 0
    assert capfdbinary.readouterr().out == b"a\n1\n"


@pytest.mark.parametrize("out", ["", "."])
def test_a_file_without_a_name_is_refused(operator: Operator, out: str) -> None:
    with pytest.raises(MysfitsStreamError, match=r"^\.: cannot be written \(Is a directory\)$"):
        operator.run("SELECT 1 AS a", "--out", out, command="query")


def test_the_table_shows_what_a_terminal_would_obey_as_text(ask: Any) -> None:
    shown = ask(BY_USER)
    assert "userId" in shown
    assert "\\x1b[2J" in shown
    assert "3 rows, clicks from the first click to" in shown
    assert all(line.isprintable() for line in shown.split("\n"))
    assert "0 rows" in ask("SELECT * FROM clicks", "--since", "10m")


def test_a_long_table_says_that_it_is_cut(ask: Any) -> None:
    shown = ask("SELECT unnest(range(2500)) AS n")
    assert "the first 1000 of 2500 rows; --format csv or json prints all" in shown
    assert len(ask("SELECT unnest(range(2500)) AS n", "--format", "csv").splitlines()) == 2501


def test_a_result_goes_to_a_file_in_every_form(ask: Any, tmp_path: Path) -> None:
    import duckdb

    for form in ("table", "csv", "json", "parquet"):
        assert ask(BY_USER, "--format", form, "--out", f"r.{form}") == ""
        assert (tmp_path / f"r.{form}").stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "r.json").read_text()) == json.loads(ask(BY_USER, "--json"))
    assert (tmp_path / "r.csv").read_text() == ask(BY_USER, "--format", "csv")
    assert "3 rows" in (tmp_path / "r.table").read_text()
    found = duckdb.read_parquet(str(tmp_path / "r.parquet")).columns
    assert found == ["userId", "n", "first"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".mysfits-stream",
        *("r.csv", "r.json", "r.parquet", "r.table"),
    ]


def test_a_result_that_fails_leaves_the_older_file(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    failing = "SELECT error('broken') FROM clicks"
    with pytest.raises(QueryError, match="broken"):
        operator.run(failing, "--format", "csv", "--out", "out.csv", command="query")
    assert (tmp_path / "out.csv").read_text() == "old"
    with pytest.raises(MysfitsStreamError, match=r"^nowhere/x.csv: cannot be written \(No such file"):
        operator.run("SELECT 1", "--out", "nowhere/x.csv", command="query")
    with pytest.raises(MysfitsStreamError, match=r"cannot be written \(Is a directory"):
        operator.run("SELECT 1", "--out", str(tmp_path), command="query")


def test_the_sql_comes_from_a_file_or_from_standard_input(
    operator: Operator, ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "q.sql").write_text("SELECT 7 AS x;\n")
    assert ask("--file", "q.sql", "--json") == ask("SELECT 7 AS x", "--json")
    with (tmp_path / "q.sql").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert json.loads(ask("--json")) == [{"x": 7}]
    with (tmp_path / "q.sql").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert json.loads(ask("-", "--json")) == [{"x": 7}]
    with pytest.raises(QueryError, match="with --file, not both"):
        operator.run("SELECT 1", "--file", "q.sql", command="query")
    with pytest.raises(QueryError, match=r"--file none.sql: cannot be read \(No such file"):
        operator.run("--file", "none.sql", command="query")


def test_without_sql_tables_columns_and_three_examples_are_shown_and_the_examples_run(
    operator: Operator, ask: Any
) -> None:
    shown = ask()
    assert "clicks_raw" in shown
    assert "clickedAt  TIMESTAMPTZ" in shown
    document = json.loads(ask("--json"))
    assert [table["table"] for table in document["tables"]] == ["clicks", "clicks_raw", "failed_clicks"]
    assert len(document["examples"]) == 3
    operator.s3.calls.clear()
    printed = [shlex.split(line)[2:] for line in shown.splitlines() if "mysfits-stream query" in line]
    assert printed == [[sql] for sql in document["examples"]]
    for sql in document["examples"]:
        ask(sql)


def test_failed_clicks_are_a_table(operator: Operator, ask: Any) -> None:
    operator.s3.objects[ERROR_KEY] = lines(
        failed_line(b'{"userId": "lost"}', NOON), failed_line(b"\xff\x00", NOON + MINUTE), "foreign"
    )
    rows = json.loads(ask("SELECT * FROM failed_clicks ORDER BY arrivedAt", "--json"))
    assert [row["data"] for row in rows] == ['{"userId": "lost"}', "\\xff\x00"]
    assert rows[0] == {
        "errorCode": "Lambda.FunctionError",
        "errorMessage": "it broke",
        "arrivedAt": "2026-11-23T12:00:00.000Z",
        "data": '{"userId": "lost"}',
        "object": ERROR_KEY,
    }
    assert json.loads(ask("SELECT count(*) AS n FROM failed_clicks", "--json", "--until", "59m")) == [
        {"n": 1}
    ]


def test_a_query_that_names_no_table_reads_no_object(operator: Operator, ask: Any) -> None:
    ask("SELECT 1")
    assert [call for call, _ in operator.s3.calls] == ["head_bucket"]


def test_quiet_prints_the_result_all_the_same(ask: Any) -> None:
    assert ask(BY_USER, "--quiet") == ask(BY_USER)
    assert ask("--quiet") == ask()


def test_sql_may_begin_with_a_comment(ask: Any) -> None:
    for sql in ("-- the first\nSELECT 7 AS x", "--\nSELECT 7 AS x", "--top 3\nSELECT 7 AS x"):
        assert json.loads(ask(sql, "--json")) == [{"x": 7}]
        assert json.loads(ask("--json", sql)) == [{"x": 7}]


def test_a_large_fetch_asks_first(
    operator: Operator, ask: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(operation, "LARGE_FETCH", 100)
    with pytest.raises(MysfitsStreamError, match=r"has to fetch 1 object, .* add --yes to fetch it"):
        operator.run(BY_USER, command="query")
    assert not any(call == "get" for call, _ in operator.s3.calls)
    assert ask(BY_USER, "--yes")
    assert ask(BY_USER), "the objects are here"


def test_the_catalog_is_refused_and_the_tables_are_described(operator: Operator, ask: Any) -> None:
    with pytest.raises(
        QueryError, match=r"^duckdb_settings is not possible: SQL can read clicks, clicks_raw, "
    ):
        operator.run("FROM duckdb_settings()", command="query")
    assert "clickedAt" in ask("DESCRIBE clicks")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["SELECT 1", "--json", "--format", "csv"], "--json and --format csv contradict each other"),
        (["SELECT 1", "--format", "parquet"], "--format parquet needs --out FILE"),
        (["SELECT 1", "--format", "xml"], "'xml' is not one of"),
    ],
)
def test_options_that_do_not_fit_are_refused(operator: Operator, arguments: list[str], says: str) -> None:
    import click

    with pytest.raises(click.UsageError) as raised:
        operator.run(*arguments, command="query")
    assert says in raised.value.format_message()


@pytest.mark.slow
def test_without_duckdb_one_line_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.modules['duckdb'] = None\n"
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'duckdb' else find(name, *a)\n"
        "from mysfits_stream.cli import main\nmain(['query', 'SELECT 1'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"MYSFITS_STREAM_TARGET": "local"},
    )
    assert done.returncode == 1
    assert done.stderr == "Error: queries need DuckDB; run: pip install 'mysfits-stream[query]'\n"
