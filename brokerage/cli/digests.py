"""`digest` and `recipients`: the network-news mails, who gets them, and what one looks like."""

from __future__ import annotations

import webbrowser
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from brokerage.cli.console import make_table, note, out, print_json
from brokerage.cli.session import Session
from brokerage.control.digests import SECTIONS, DigestKind
from brokerage.errors import BrokerageError, ConfigurationError

if TYPE_CHECKING:
    from brokerage.control.digests import Recipient

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]

recipients = typer.Typer(
    help="Who gets the network news of which agent, and which parts.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    app.command()(digest)
    app.add_typer(recipients, name="recipients")


def digest(
    agent: Annotated[
        str | None, typer.Argument(help="The agent whose network news are shown.")
    ] = None,
    weekly: Annotated[bool, typer.Option("--weekly", help="The week instead of the day.")] = False,
    day: Annotated[
        str | None,
        typer.Option(help="The last day that it covers, as 2026-06-15; by default the one due."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show the mail in the browser.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write the mail's HTML into this file.")
    ] = None,
    send: Annotated[
        bool,
        typer.Option("--send", help="Send it to everybody who wants it and does not have it yet."),
    ] = False,
    deliveries: Annotated[
        bool, typer.Option("--deliveries", help="List the mails that were sent last.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show an agent's network-news mail as it would be sent; --send sends what is due."""
    session = Session.open()
    kind: DigestKind = "weekly" if weekly else "daily"
    if deliveries:
        _list_deliveries(session, as_json)
        return
    chosen = _day(session, kind, day)
    if send:
        if agent is not None:
            raise ConfigurationError(
                "--send serves everybody who wants the digest: leave the agent away."
            )
        _send(session, kind, chosen, as_json)
        return
    if agent is None:
        raise ConfigurationError("Name the agent to show: `brokerage digest ada-sample --open`.")
    _preview(session, agent, kind, chosen, output, open_=open_, as_json=as_json)


def _day(session: Session, kind: DigestKind, day: str | None) -> date:
    from brokerage.digests.days import digest_day, parse_day

    if day is not None:
        return parse_day(day)
    now = session.settings.as_of or datetime.now(UTC)
    return digest_day(kind, now, session.settings.reporting_timezone)


def _preview(
    session: Session,
    agent: str,
    kind: DigestKind,
    day: date,
    output: Path | None,
    *,
    open_: bool,
    as_json: bool,
) -> None:
    from brokerage.digests.news import last_news_day
    from brokerage.digests.sending import preview

    if session.repository.agent(agent) is None:
        raise ConfigurationError(f"There is no agent {agent!r}: see `brokerage agents`.")
    rendered, count = preview(session.engine, agent, kind, day, SECTIONS)
    if not count:
        last = last_news_day(session.engine, agent)
        when = f"the last ones are of {last}, see --day {last}" if last else "there are none at all"
        note(f"{agent} has no news for this digest; {when}. It would not be sent.")
    if open_ and output is None:
        folder = session.settings.make_home() / "outbox" / "preview"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        output = folder / f"{agent}-{kind}-{day}.html"
    if output is not None:
        try:
            output.write_text(rendered.html, "utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"{output} cannot be written ({error.strerror}): name another file."
            ) from error
        note(f"The mail is in {output}")
    if open_ and output is not None and not webbrowser.open(output.resolve().as_uri()):
        note("No browser could be started: open the file yourself.")
    if as_json:
        print_json({"subject": rendered.subject, "text": rendered.text, "news": count})
    else:
        out.print(f"[bold]{escape(rendered.subject)}[/bold]\n")
        out.print(rendered.text, markup=False, soft_wrap=True)


def _send(session: Session, kind: DigestKind, day: date, as_json: bool) -> None:
    from brokerage.digests.sending import send_digests
    from brokerage.mail import make_mailer

    with make_mailer(session.settings) as mailer:
        report = send_digests(session.engine, mailer, kind, day, session.settings)
    if as_json:
        print_json(report)
    elif report.succeeded:
        out.print(report.sentence)
        if session.settings.smtp_host is None and report.sent:
            note(f"No mail server is set: the mails are in {session.settings.outbox / 'mail'}")
    if not report.succeeded:
        raise BrokerageError(report.sentence)


def _list_deliveries(session: Session, as_json: bool) -> None:
    from brokerage.control.digests import DeliveryLedger, Recipients

    found = DeliveryLedger(session.engine).latest()
    if as_json:
        print_json(found)
        return
    if not found:
        out.print("No digest was sent yet: `brokerage digest --send`.")
        return
    known = {r.recipient_id: r for r in Recipients(session.engine).all()}
    table = make_table(["Digest", "Agent", "Recipient", "State", "News", "Why"], right=(4,))
    for delivery in found:
        recipient = known[delivery.recipient_id]
        table.add_row(
            f"{delivery.kind} {delivery.news_date}",
            recipient.agent_key,
            escape(recipient.email),
            delivery.status.replace("_", " "),
            str(delivery.news_count),
            escape(delivery.error or ""),
        )
    out.print(table)


@recipients.command("list")
def list_recipients(
    agent: Annotated[str | None, typer.Argument(help="Only of this agent.")] = None,
    as_json: Json = False,
) -> None:
    """Who gets which digest."""
    from brokerage.control.digests import Recipients

    found = Recipients(Session.open().engine).all(agent)
    if as_json:
        print_json(found)
        return
    if not found:
        out.print("Nobody gets digests yet: `brokerage recipients set ada-sample ada@example.com`.")
        return
    table = make_table(["Agent", "Address", "Daily", "Weekly", "Shows", "State"])
    for recipient in found:
        table.add_row(
            recipient.agent_key,
            escape(recipient.email),
            "yes" if recipient.wants_daily else "no",
            "yes" if recipient.wants_weekly else "no",
            "all" if recipient.sections == SECTIONS else ", ".join(recipient.sections) or "nothing",
            "active" if recipient.is_active else "paused",
        )
    out.print(table)


@recipients.command("set")
def set_recipient(
    agent: Annotated[str, typer.Argument(help="The agent whose network news are sent.")],
    email: Annotated[str, typer.Argument(help="The address that gets them.")],
    name: Annotated[str | None, typer.Option(help="The name of the recipient.")] = None,
    daily: Annotated[
        bool | None, typer.Option("--daily/--no-daily", help="The digest of each day.")
    ] = None,
    weekly: Annotated[
        bool | None, typer.Option("--weekly/--no-weekly", help="The digest of each week.")
    ] = None,
    network: Annotated[
        bool | None, typer.Option("--network/--no-network", help="Changes in the down-line.")
    ] = None,
    transactions: Annotated[
        bool | None, typer.Option("--transactions/--no-transactions", help="Closings.")
    ] = None,
    listings: Annotated[
        bool | None, typer.Option("--listings/--no-listings", help="New listings.")
    ] = None,
    revenue: Annotated[
        bool | None, typer.Option("--revenue/--no-revenue", help="Revenue share.")
    ] = None,
    active: Annotated[
        bool | None, typer.Option("--active/--paused", help="Whether mails are sent at all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a recipient, or change one; what is not named stays, and is on for a new one."""
    from brokerage.control.digests import Recipients

    values = {
        "display_name": name,
        "wants_daily": daily,
        "wants_weekly": weekly,
        "show_network": network,
        "show_transactions": transactions,
        "show_listings": listings,
        "show_revenue": revenue,
        "is_active": active,
    }
    named = {key: value for key, value in values.items() if value is not None}
    saved = Recipients(Session.open().engine).save(agent, email, **named)
    if as_json:
        print_json(saved)
    else:
        out.print(_told(saved), markup=False)


def _told(recipient: Recipient) -> str:
    if not recipient.is_active:
        return f"{recipient.email} is paused and gets no mails about {recipient.agent_key}."
    wanted = [
        kind
        for kind, on in (("daily", recipient.wants_daily), ("weekly", recipient.wants_weekly))
        if on
    ]
    if not wanted or not recipient.sections:
        return f"{recipient.email} gets no mails about {recipient.agent_key}: everything is off."
    return (
        f"{recipient.email} gets the {' and '.join(wanted)} network news of {recipient.agent_key}: "
        f"{', '.join(recipient.sections)}."
    )


@recipients.command("remove")
def remove_recipient(
    agent: Annotated[str, typer.Argument(help="The agent.")],
    email: Annotated[str, typer.Argument(help="The address.")],
) -> None:
    """Forget a recipient, and what was sent to it."""
    from brokerage.control.digests import Recipients

    if not Recipients(Session.open().engine).remove(agent, email):
        raise ConfigurationError(
            f"{email} gets nothing about {agent}: see `brokerage recipients list`."
        )
    out.print(f"{email} is forgotten.", markup=False)
