"""`alerts`: what is open, and whether the channels were told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from brokerage.cli.console import make_table, note, out, print_json
from brokerage.cli.session import Session

if TYPE_CHECKING:
    from brokerage.alerts.book import Alert

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def register(app: typer.Typer) -> None:
    app.command()(alerts)


def alerts(
    test: Annotated[
        bool, typer.Option("--test", help="Send a test message to Slack, or into its stand-in.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What is wrong now, for whom and what to do, as the sensor `alerts__raised` saw it last."""
    from brokerage.alerts.book import AlertBook
    from brokerage.alerts.delivery import Telling

    session = Session.open()
    if test:
        _test(session)
        return
    settings = session.settings
    book = AlertBook(session.engine, repeat_after=timedelta(hours=settings.alert_repeat_hours))
    found, channels = book.open_alerts(), Telling(session.engine, settings).channels()
    if as_json:
        print_json({"alerts": found, "channels": channels})
        return
    _show(found, settings.ui_url)
    _show_channels(session, channels)


def _show(found: list[Alert], ui_url: str) -> None:
    from brokerage.alerts.message import for_whom, lasted

    if not found:
        out.print("[green]Nothing is wrong.[/green]")
        return
    now = datetime.now(UTC)
    for alert in found:
        colour = "red" if alert.severity == "error" else "yellow"
        out.print(f"[{colour}]●[/{colour}] [bold]{escape(alert.title)}[/bold]")
        facts = [
            ("For", for_whom(alert.agents)),
            ("Where", "; ".join(alert.details[:8])),
            ("Why", alert.why),
            ("Do", alert.todo),
            ("Since", f"{lasted(now - alert.opened_at)} {_times(alert.occurrences)}"),
            ("Run", f"{ui_url}/runs/{alert.run_id}" if alert.run_id else ""),
        ]
        for name, value in facts:
            if value:
                out.print(f"  [dim]{name:<6}[/dim]{escape(value)}")


def _times(number: int) -> str:
    return f", {number} times" if number > 1 else ""


def _show_channels(session: Session, channels: list[dict[str, Any]]) -> None:
    if not channels:
        note("Nobody was told anything yet: the sensor alerts__raised runs with `brokerage up`.")
        return
    table = make_table(["Channel", "Last told (UTC)", "State"], title="Channels")
    for channel in channels:
        sent = channel["last_sent_at"]
        state = "[green]ok[/green]"
        if channel["error"]:
            state = f"[red]failed{_times(channel['attempts'])}:[/red] {escape(channel['error'])}"
        table.add_row(channel["channel"], "" if sent is None else f"{sent:%Y-%m-%d %H:%M}", state)
    out.print(table)
    if session.settings.slack_token is None:
        note(f"Slack is not set up: its messages are in {session.settings.outbox / 'slack'}")


def _test(session: Session) -> None:
    from brokerage.alerts.delivery import Undelivered
    from brokerage.alerts.message import Entry, compose
    from brokerage.errors import UnavailableError
    from resources.notifier import make_slack

    now = datetime.now(UTC)
    entry = Entry(
        told="opened",
        severity="warning",
        title="This is a test",
        why="Somebody wanted to see whether alerts arrive.",
        todo="Nothing.",
        agents=(),
        details=(),
        since=now,
    )
    settings = session.settings
    try:
        make_slack(settings).send(compose([entry], overview=settings.ui_url), int(now.timestamp()))
    except Undelivered as error:
        raise UnavailableError(str(error)) from error
    where = f"in {settings.outbox / 'slack'}"
    if settings.slack_token is not None:
        where = f"on its way to {settings.slack_channel}"
    out.print(f"The test message is {where}.", markup=False, soft_wrap=True)
