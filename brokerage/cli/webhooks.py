"""`webhooks register | check | unregister | inbox | replay | dismiss`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from brokerage.cli.console import make_table, out, print_json, warn, working
from brokerage.cli.session import Session
from brokerage.errors import ConfigurationError, RefusedError, UnavailableError

if TYPE_CHECKING:
    from brokerage.control.repository import ConnectionRecord
    from resources.webhook_registry import WebhookRegistry

app = typer.Typer(
    help="Let vendors tell what has changed: subscriptions, the inbox, dead letters.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Agent = Annotated[str | None, typer.Argument(help="Only this agent, for example ada-sample.")]
VendorName = Annotated[str | None, typer.Argument(help="Only this vendor, for example fub.")]


@app.command()
def register(agent: Agent = None, vendor: VendorName = None) -> None:
    """Subscribe every chosen connection, and replace what does not deliver. Again is harmless."""
    session = Session.open()
    session.ensure_sandbox()
    registry = _registry(session)
    failures: list[str] = []
    for connection in _chosen(session, agent, vendor):
        subject = connection.connection_id
        try:
            with _plainly(subject), working(f"Subscribing {subject}"):
                done = registry.register(connection)
        except (RefusedError, UnavailableError) as error:
            failures.append(str(error))
            continue
        if done.by_hand is not None:
            out.print(f"{subject}: {escape(done.by_hand)}", soft_wrap=True)
            continue
        out.print(f"{subject}: {done.made} made, {done.replaced} replaced, {done.kept} kept.")
        session.log.event(
            "webhooks.registered",
            f"Webhooks of {subject} are registered.",
            source="cli",
            agent_key=connection.agent_key,
            connection_id=subject,
        )
    _fail_with(failures)


@app.command()
def check(agent: Agent = None, vendor: VendorName = None, as_json: Json = False) -> None:
    """Ask the vendors which subscriptions are alive; nothing is changed."""
    session = Session.open()
    session.ensure_sandbox()
    registry = _registry(session)
    registered = set(registry.endpoints.connections())
    chosen = [c for c in _chosen(session, agent, vendor) if c.connection_id in registered]
    failures: list[str] = []
    states = []
    for connection in chosen:
        try:
            with _plainly(connection.connection_id), working(f"Asking {connection.connection_id}"):
                states += registry.check(connection)
        except (RefusedError, UnavailableError) as error:
            failures.append(str(error))
    problems = [state for state in states if state.problem is not None]
    if as_json:
        print_json({"subscriptions": states, "failures": failures})
    elif not chosen:
        out.print("No webhooks are registered: `brokerage webhooks register`.")
    else:
        table = make_table(["Connection", "Alive", "Problem"], title="Webhook subscriptions")
        for connection in chosen:
            mine = [s for s in states if s.connection_id == connection.connection_id]
            alive = sum(s.problem is None for s in mine)
            colour = "green" if alive == len(mine) else "red"
            table.add_row(
                connection.connection_id,
                f"[{colour}]{alive}/{len(mine)}[/{colour}]",
                "\n".join(escape(f"{s.topic}: {s.problem}") for s in mine if s.problem),
            )
        out.print(table)
    _fail_with(failures)
    if problems:
        raise typer.Exit(1)


@app.command()
def unregister(
    agent: Annotated[str, typer.Argument(help="The agent's key.")],
    vendor: Annotated[str, typer.Argument(help="The vendor, for example fub.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove the subscriptions of one connection and close its address. Nothing else ever does."""
    session = Session.open()
    session.ensure_sandbox()
    (connection,) = _chosen(session, agent, vendor)
    if not yes:
        typer.confirm(f"Stop the webhooks of {connection.connection_id}?", abort=True)
    with _plainly(connection.connection_id), working(f"Unsubscribing {connection.connection_id}"):
        removed = _registry(session).unregister(connection)
    session.log.event(
        "webhooks.unregistered",
        f"Webhooks of {connection.connection_id} are unregistered.",
        source="cli",
        agent_key=agent,
        connection_id=connection.connection_id,
    )
    out.print(
        f"{removed} subscriptions of {connection.connection_id} are removed, and its address is "
        "closed. Syncs go on."
    )


@app.command()
def inbox(as_json: Json = False) -> None:
    """Show what has come, what waits, what is refused, and the dead letters."""
    from brokerage.control.webhooks import WebhookInbox

    held = WebhookInbox(Session.open().engine)
    counts, letters, refusals = held.counts(), held.dead_letters(), held.refusals()
    if as_json:
        print_json({"counts": counts, "dead_letters": letters, "refusals": refusals})
        return
    if not counts and not refusals:
        out.print("No webhook has come yet: `brokerage webhooks register`.")
        return
    table = make_table(
        ["Vendor", "Waiting", "Read again", "Ignored", "Dead", "Last (UTC)"],
        title="Webhook inbox",
        right=(1, 2, 3, 4),
    )
    for row in counts:
        dead = f"[red]{row.failed:,}[/red]" if row.failed else ""
        last = "" if row.last_received_at is None else f"{row.last_received_at:%m-%d %H:%M:%S}"
        table.add_row(row.vendor, f"{row.new:,}", f"{row.done:,}", f"{row.ignored:,}", dead, last)
    out.print(table)
    if letters:
        table = make_table(["Id", "Connection", "Event", "Why"], title="Dead letters")
        for letter in letters[:20]:
            table.add_row(
                str(letter.webhook_id),
                letter.connection_id,
                escape(letter.event_type),
                escape(letter.error or ""),
            )
        out.print(table)
        out.print("`brokerage webhooks replay` tries them again, `dismiss ID` puts one aside.")
    if refusals:
        table = make_table(
            ["Connection", "Reason", "Times", "Last (UTC)"],
            title="Refused in the last 24 hours",
            right=(2,),
        )
        for refused in refusals:
            table.add_row(
                refused.connection_id or f"{refused.vendor or 'nobody'} (no such address)",
                refused.reason,
                f"{refused.count:,}",
                f"{refused.last_at:%m-%d %H:%M:%S}",
            )
        out.print(table)


@app.command()
def replay(
    ids: Annotated[
        list[int] | None, typer.Argument(help="Ids from `webhooks inbox`; all dead ones by default")
    ] = None,
    vendor: Annotated[str | None, typer.Option(help="Only of this vendor.")] = None,
) -> None:
    """Let dead letters start again. The daemon takes them within seconds."""
    from brokerage.cli.connecting import find_vendor
    from brokerage.control.webhooks import WebhookInbox

    if vendor is not None:
        find_vendor(vendor)
    held = WebhookInbox(Session.open().engine)
    count = held.replay(ids or None, vendor=vendor)
    if count:
        out.print(f"{count} webhooks are due again.")
        return
    left = [letter for letter in held.dead_letters() if vendor in (None, letter.vendor)]
    if left:
        warn(
            f"{len(left)} dead letters name nothing that could be read again: look at them with "
            "`brokerage webhooks inbox`, then `dismiss` them."
        )
    else:
        out.print("There is nothing to replay.")


@app.command()
def dismiss(
    ids: Annotated[list[int], typer.Argument(help="Ids from `brokerage webhooks inbox`.")],
) -> None:
    """Put dead letters aside that need nothing any more."""
    from brokerage.control.webhooks import WebhookInbox

    count = WebhookInbox(Session.open().engine).dismiss(ids)
    out.print(f"{count} dead letters are put aside.")


# -- helpers -----------------------------------------------------------------------------------


def _registry(session: Session) -> WebhookRegistry:
    from resources.webhook_registry import WebhookRegistry

    return WebhookRegistry(session.engine, session.vault, session.settings)


def _chosen(session: Session, agent: str | None, vendor: str | None) -> list[ConnectionRecord]:
    """The active connections that were named, of vendors that send webhooks.

    Raises:
        ConfigurationError: when there is none; the sentence says which part is wrong.
    """
    from brokerage.cli.connecting import find_vendor
    from pipelines.webhooks import WEBHOOKS

    if vendor is not None and find_vendor(vendor).name not in WEBHOOKS:
        raise ConfigurationError(
            f"{find_vendor(vendor).title} sends no webhooks: those that do are "
            f"{', '.join(sorted(WEBHOOKS))}."
        )
    if agent is not None and session.repository.agent(agent) is None:
        raise ConfigurationError(f"There is no agent {agent!r}: see `brokerage agents`.")
    found = [
        connection
        for connection in session.repository.connections(
            vendor=vendor, agent_key=agent, status="active"
        )
        if connection.vendor in WEBHOOKS
    ]
    if not found:
        what = " ".join(filter(None, (agent, vendor))) or "any agent"
        raise ConfigurationError(
            f"There is no active connection of {what} that could have webhooks: see "
            "`brokerage agents`."
        )
    return found


@contextmanager
def _plainly(subject: str) -> Iterator[None]:
    """Say in one sentence what a vendor did not let us do."""
    from pipelines.common.errors import AccountBroken, ResourceUnavailable, VendorError

    try:
        yield
    except (AccountBroken, ResourceUnavailable) as error:
        raise RefusedError(f"{subject}: {error.sentence}") from error
    except VendorError as error:
        raise UnavailableError(f"{subject}: {error.sentence}") from error


def _fail_with(failures: list[str]) -> None:
    if failures:
        raise UnavailableError(" · ".join(failures))
