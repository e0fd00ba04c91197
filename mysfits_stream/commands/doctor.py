"""``doctor``: the path of a click, hop by hop."""

from __future__ import annotations

import click

from mysfits_stream.commands.app import App, global_options, pass_app


@click.command()
@click.option(
    "--since", default="1h", show_default=True, metavar="WHEN", help="Look back to then: 15m, 1h, 7d."
)
@click.option("--send", is_flag=True, help="Really send a click; else the API is only shown what is none.")
@global_options
@pass_app
def doctor(app: App, since: str, send: bool) -> int:
    """Say which link of a click's path is broken.

    It walks the path hop by hop, and says what to do. Exit code 1 if a link is broken.
    """
    from datetime import UTC, datetime

    from mysfits_stream import doctor as examination
    from mysfits_stream.clicks import sending, timespec
    from mysfits_stream.operations.pipeline import clicks_bucket, find_api, translated
    from mysfits_stream.output import clicks
    from mysfits_stream.provision.stack import Names
    from mysfits_stream.target import mysfits_api

    target, now = app.target, datetime.now(UTC)
    api_id, endpoint = find_api(app.project)
    path = examination.Path(
        config=app.config,
        names=Names.of(app.config, target.account),
        resources=app.project.build(needs_service=False),
        endpoint=endpoint,
        api_id=api_id,
        mysfits_api=target.mysfits_api,
        bucket=clicks_bucket(app.project),
        client=target.client,
    )
    with translated(app.project):
        window = now - timespec.parse(since, now, "--since")
        mysfit = sending.first_mysfit(mysfits_api(target)) if send else None
        links = []
        for link in examination.examine(path, window=window, mysfit=mysfit):
            links.append(link)
            for line in clicks.link(link):
                app.out.show(line)
    broken = [link.name for link in links if link.status == "broken"]
    if app.out.as_json:
        app.out.json({"healthy": not broken, "links": [link.document() for link in links]})
    app.out.line(f"\nBroken: {', '.join(broken)}." if broken else "\nNo link is broken.")
    return 1 if broken else 0


COMMANDS = (doctor,)
