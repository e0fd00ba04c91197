"""Rows of a query as a table, CSV or JSON, and the tables that SQL sees. Makes no call."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from mysfits_stream.output.layout import cell, hanging, widths
from mysfits_stream.output.line import Line
from mysfits_stream.output.text import cell_len, many, printable

if TYPE_CHECKING:
    from mysfits_stream.operations.query import Answer, Tables
    from mysfits_stream.query.engine import Rows

GAP = "  "
MOST_ROWS = 1_000
"""Rows of a table; CSV and JSON have all rows."""

FORMULA = ("=", "+", "-", "@")
"""Beginnings of cells that spreadsheets run as formulas."""


def table(answer: Answer, width: int | None, most: int | None = MOST_ROWS) -> Iterator[Line]:
    """The first rows as an aligned table, and their number; ``most`` None for all rows."""
    rows = answer.rows
    if rows is None:
        return
    shown = list(islice(rows.values, most))
    more = sum(1 for _ in rows.values)
    cells = [[printable(text(value)) for value in row] for row in shown]
    titles = [printable(name) for name in rows.names]
    natural = [max(map(cell_len, column)) for column in zip(titles, *cells, strict=True)]
    columns = widths(natural, len(GAP), width)
    numeric = [
        all(value is None or _is_number(value) for value in column) for column in zip(*shown, strict=True)
    ]
    yield Line((_line(titles, columns, numeric), "bold"))
    for row in cells:
        yield Line(_line(row, columns, numeric))
    count = many(len(shown) + more, "row")
    if more:
        count = f"the first {len(shown)} of {count}; --format csv or json prints all"
    yield hanging(Line(), f"{count}, clicks from {answer.range}", width).styled("dim")


def write(answer: Answer, form: str, file: BinaryIO) -> None:
    """Write the whole result to a file: a table without a limit, CSV, JSON or Parquet."""
    if answer.parquet:
        with answer.parquet.open("rb") as made:
            shutil.copyfileobj(made, file)
        return
    words = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="\n")
    if form == "table":
        words.writelines(f"{line}\n" for line in table(answer, None, most=None))
    elif answer.rows:
        (write_csv if form == "csv" else write_json)(answer.rows, words)
    words.detach()  # flushes; the file is closed by the caller


def write_csv(rows: Rows, file: TextIO, clean: Callable[[str], str] = str) -> None:
    """Write rows as CSV with a heading.

    No text begins like a formula: such a text gets an apostrophe. ``clean`` makes the text of a cell fit the
    destination.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([clean(_harmless(name)) for name in rows.names])
    for row in rows.values:
        writer.writerow([clean(_csv_cell(value)) for value in row])


def write_json(rows: Rows, file: TextIO) -> None:
    """Write rows as a JSON array of objects, a line each; numbers that JSON lacks are null."""
    separator = "[\n"
    for row in rows.values:
        file.write(separator + _json(dict(zip(rows.names, row, strict=True))))
        separator = ",\n"
    file.write("[]\n" if separator == "[\n" else "\n]\n")


def tables(found: Tables, width: int | None) -> Iterator[Line]:
    """The tables with their columns, and examples to copy."""
    for each in found.tables:
        yield hanging(Line((each.name, "bold"), GAP), each.meaning, width)
        longest = max(len(column.name) for column in each.columns)
        for column in each.columns:
            yield Line(f"  {column.name:<{longest}}  {column.type}")
    yield Line(("\nexamples", "bold"))
    for sql in found.examples:
        yield hanging(Line("  mysfits-stream query "), _for_shell(sql), width)


def _for_shell(sql: str) -> str:
    """A query as one word of a shell, with the quotes that are easier to read."""
    if "'" not in sql:
        return f"'{sql}'" if '"' in sql else f'"{sql}"'
    escaped = sql.replace('"', r"\"")
    return f'"{escaped}"'


def text(value: Any) -> str:
    """A value for a table: "-" for NULL, texts and numbers as they are, others as JSON."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return _number(value) if _is_number(value) else _json(value)


def _line(values: Sequence[str], columns: Sequence[int], numeric: Sequence[bool]) -> str:
    right = [*numeric, *([False] * (len(values) - len(numeric)))]
    return GAP.join(
        value.rjust(width) if is_number and cell_len(value) <= width else cell(value, width)
        for value, width, is_number in zip(values, columns, right, strict=True)
    ).rstrip()


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _harmless(value)
    return _number(value) if _is_number(value) else _json(value)


def _number(value: float | Decimal) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _json(value: Any) -> str:
    """JSON; an exact decimal number that no float holds is a text."""
    return json.dumps(_finite(value), allow_nan=False, default=_number)


def _harmless(value: str) -> str:
    """The text with an apostrophe in front, where a spreadsheet would run it."""
    return f"'{value}" if value.lstrip().startswith(FORMULA) or value.startswith(("\t", "\r")) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _finite(value: Any) -> Any:
    """The value with null for each number that JSON lacks."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
