"""``query``: SQL over the clicks."""

from __future__ import annotations

import re

import click

from mysfits_stream.commands.app import App, global_options, pass_app
from mysfits_stream.commands.help import Command, command

FORMATS = ("table", "csv", "json", "parquet")
BY_ENDING = {"csv": "csv", "json": "json", "parquet": "parquet"}
"""Ending of the name of --out -> form of the result."""

SQL_COMMENT = re.compile(r"--[^=]*\s")
"""The beginning of SQL that is no option: options have no white space before the value."""


class QueryCommand(Command):
    """A command whose argument may begin with a comment of SQL."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; SQL such as ``-- top`` gets a space in front, and so is no option."""
        return super().parse_args(context, [f" {each}" if SQL_COMMENT.match(each) else each for each in args])


@command(
    "query",
    cls=QueryCommand,
    section="Clicks",
    examples=(
        'mysfits-stream query "SELECT species, count(*) FROM clicks GROUP BY 1"',
        "mysfits-stream query --file report.sql --since 7d --format csv --out report.csv",
    ),
)
@click.argument("sql", required=False)
@click.option(
    "--file",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Read the SQL from a file; '-' is standard input.",
)
@click.option(
    "--since",
    metavar="WHEN",
    help="Start of the time range of clickedAt: 15m, 1h or 7d ago, or an ISO 8601 time.  [default: all]",
)
@click.option("--until", metavar="WHEN", help="End of the time range, not included.  [default: now]")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Form of the result.  [default: by the ending of --out, else table; json with --json]",
)
@click.option("--out", metavar="FILE", help="Write the result to a file, for example clicks.csv.")
@click.option(
    "--on",
    "engine",
    type=click.Choice(("laptop", "athena")),
    default="laptop",
    help="Run the SQL on this machine, or on Athena (query.athena: true).  [default: laptop]",
)
@click.option("--yes", "-y", is_flag=True, help="Fetch more than 1 GB without confirmation.")
@global_options
@pass_app
def query(
    app: App,
    sql: str | None,
    file: str | None,
    since: str | None,
    until: str | None,
    form: str | None,
    out: str | None,
    engine: str,
    yes: bool,
) -> int:
    """Query the clicks with SQL.

    Without SQL, shows the tables, their columns and three examples. The SQL can come from standard input,
    too. The clicks are fetched once, and kept as Parquet files in .mysfits-stream/cache/. With --on athena,
    Athena runs the SQL, and the cost at most is printed before.

    In CSV, a text that a spreadsheet would run as a formula (=1+1) gets an apostrophe in front.
    """
    from mysfits_stream.commands.questions import ask_to_fetch, piped_input
    from mysfits_stream.operations import query as operation

    if app.options.json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} contradict each other: remove one of them")
    if form == "parquet" and not out:
        raise click.UsageError("--format parquet needs --out FILE: the result is not text")
    text = operation.read_sql(sql, file, piped_input())
    if text is None:
        app.out.query_tables(operation.tables(app.config.definition))
        return 0
    chosen = form or (
        "json" if app.options.json else BY_ENDING.get(out.rpartition(".")[2], "table") if out else "table"
    )
    operation.require_duckdb()  # before a target is connected
    if engine == "athena":
        from mysfits_stream.operations import query_athena

        with query_athena.query(
            app.standing_project, text, since, until, to_parquet=chosen == "parquet"
        ) as found:
            app.out.query(found, chosen, out)
        return 0
    confirm = ask_to_fetch(app, yes=yes)
    with app.out.fetching() as report:
        answer = operation.query(
            app.standing_project,
            text,
            since,
            until,
            to_parquet=chosen == "parquet",
            confirm=confirm,
            report=report,
        )
        with answer as found:
            app.out.query(found, chosen, out)
    return 0


COMMANDS = (query,)
