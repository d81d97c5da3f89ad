"""`connect`, `agents`, `referral`, `offboard`, `forget`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from brokerage.cli.console import make_table, out, print_json, warn, working
from brokerage.cli.session import Session
from brokerage.errors import ConfigurationError, RefusedError, UnavailableError

if TYPE_CHECKING:
    from brokerage.control.onboarding import OnboardingJob
    from brokerage.control.repository import AgentRecord, ConnectionRecord
    from pipelines.common.entity import Vendor


_PATIENCE = 60.0
"""Seconds that a sync is waited for before its rows are deleted."""


@dataclass(frozen=True)
class AgentOverview:
    """An agent with its connections and its latest onboarding, if there was one."""

    agent: AgentRecord
    connections: list[ConnectionRecord]
    onboarding: OnboardingJob | None


Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def register(app: typer.Typer) -> None:
    for command in (connect, agents, referral, offboard, forget):
        app.command()(command)


def connect(
    agent: Annotated[str, typer.Argument(help="The agent's key, for example ada-sample.")],
    vendor: Annotated[str, typer.Argument(help="The vendor, for example rezen or fub.")],
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read the key from the input, not from a prompt.")
    ] = False,
    allow: Annotated[
        bool,
        typer.Option(
            "--allow", help="Let the person allow the access in a browser (OAuth), without a key."
        ),
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="The agent's name; the vendor's by default.")
    ] = None,
    email: Annotated[
        str | None, typer.Option(help="The agent's e-mail address; the vendor's by default.")
    ] = None,
    allow_limited: Annotated[
        bool,
        typer.Option("--allow-limited", help="Accept a key that sees only part of the account."),
    ] = False,
    replace_account: Annotated[
        bool,
        typer.Option(
            "--replace-account", help="Accept a key of another account than the one connected."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Connect an agent's account. The key is checked with the vendor before it is stored."""
    from brokerage.cli.connecting import connect_account, find_vendor
    from brokerage.control.repository import check_agent_key

    check_agent_key(agent)
    found = find_vendor(vendor)
    session = Session.open()
    session.ensure_sandbox()
    if allow or (found.oauth is not None and not found.credential_names):
        credentials = _allowed(session, found, key_stdin)
    else:
        credentials = _read_credentials(found, key_stdin)
    where = " of the sandbox" if session.settings.is_sandbox else ""
    with working(f"Asking {found.title}{where} whose key this is"):
        connected = connect_account(
            session,
            agent,
            found,
            credentials,
            name=name,
            email=email,
            allow_limited=allow_limited,
            replace_account=replace_account,
        )
    if connected.identity.limited:
        warn(connected.identity.limited)
    if as_json:
        print_json({"connection": connected.connection, "new_agent": connected.new_agent})
        return
    new = " (a new agent)" if connected.new_agent else ""
    out.print(
        f"{agent}{new} is connected to {found.title} as {connected.identity.label}. Next: "
        f"`brokerage onboard {agent}`."
    )


def _allowed(session: Session, vendor: Vendor, from_stdin: bool) -> dict[str, str]:
    """Show where the access is allowed, and trade what the browser came back with for tokens."""
    from brokerage.cli.connecting import ask_consent, redeem
    from pipelines.common.oauth import Attempt, code_of
    from resources.vendor_settings import vendor_settings

    if vendor.oauth is None:
        raise ConfigurationError(
            f"{vendor.title} has no consent page: connect it with its key, without --allow."
        )
    settings = vendor_settings(vendor, session.settings)
    attempt = Attempt.begin(session.settings.oauth_redirect_uri)
    address = ask_consent(vendor.oauth, settings, attempt)
    lasts = vendor.oauth.code_seconds
    hurry = f" Paste it within {lasts} seconds." if lasts else ""
    out.print(
        f"Let the account's owner open this address and allow the access:\n\n  {address}\n\n"
        f"The browser ends at {attempt.redirect_uri}?code=…; what that page shows does not "
        f"matter.{hurry}",
        soft_wrap=True,
    )
    if from_stdin:
        answer = sys.stdin.readline()
    elif sys.stdin.isatty():
        answer = typer.prompt("The whole address that the browser ended at")
    else:
        raise ConfigurationError(
            "There is no terminal to ask for the address: pass it with --key-stdin."
        )
    try:
        code = code_of(answer, attempt.state, vendor.oauth.issuer(settings))
    except ValueError as error:
        raise RefusedError(f"{error} Nothing was stored.") from error
    return redeem(vendor.oauth, settings, code, attempt)


def _read_credentials(vendor: Vendor, from_stdin: bool) -> dict[str, str]:
    """One line of input per credential that the vendor wants, never shown."""
    values: dict[str, str] = {}
    for name in vendor.credential_names:
        label = name.replace("_", " ").replace("api", "API")
        if from_stdin:
            value = sys.stdin.readline()
        elif sys.stdin.isatty():
            if vendor.oauth is not None and not values:
                out.print("Or let the owner allow the access in a browser: --allow, without a key.")
            value = typer.prompt(f"{vendor.title} {label}", hide_input=True)
        else:
            raise ConfigurationError(
                "There is no terminal to ask for the key: pass it with --key-stdin."
            )
        values[name] = value.strip()
        if not values[name]:
            raise ConfigurationError(f"The {label} is empty: nothing was stored.")
    return values


def agents(as_json: Json = False) -> None:
    """List the agents with their connections and how their onboarding went."""
    from brokerage.control.onboarding import OnboardingLog

    session = Session.open()
    onboarding = OnboardingLog(session.engine)
    connections: dict[str, list[ConnectionRecord]] = {}
    for connection in session.repository.connections():
        connections.setdefault(connection.agent_key, []).append(connection)
    found = [
        AgentOverview(
            agent, connections.get(agent.agent_key, []), onboarding.latest(agent.agent_key)
        )
        for agent in session.repository.agents()
    ]
    if as_json:
        print_json(found)
        return
    if not found:
        out.print("There are no agents yet: connect one with `brokerage connect AGENT VENDOR`.")
        return
    table = make_table(["Agent", "Name", "E-mail", "Status", "Connections", "Onboarding"])
    for row in found:
        table.add_row(
            row.agent.agent_key,
            row.agent.display_name,
            row.agent.email or "",
            row.agent.status,
            "\n".join(f"{c.vendor} {c.status}" for c in row.connections),
            row.onboarding.status if row.onboarding else "",
        )
    out.print(table)


def referral(
    agent: Annotated[str, typer.Argument(help="The agent's key.")],
    code: Annotated[str, typer.Argument(help="The agent's sign-up link, or the code in it.")],
) -> None:
    """Remember an agent's referral code, which no vendor tells."""
    from brokerage.control.referral import read_referral

    found = read_referral(code)
    session = Session.open()
    if session.repository.agent(agent) is None:
        raise ConfigurationError(f"There is no agent {agent!r}: see `brokerage agents`.")
    if not found.looks_right:
        warn(
            f"{found.code} does not look like a referral code (seven lower-case letters and "
            "digits); it is stored all the same, so check it."
        )
    session.repository.set_referral_code(agent, found.code)
    session.log.event(
        "agent.referral_code", f"{agent} has a referral code.", source="cli", agent_key=agent
    )
    out.print(f"{agent} refers people with {found.code}.")


def offboard(
    agent: Annotated[str, typer.Argument(help="The agent's key.")],
) -> None:
    """Stop pulling an agent's accounts and delete the stored keys. The data pulled so far stays."""
    session = Session.open()
    if session.repository.agent(agent) is None:
        raise ConfigurationError(f"There is no agent {agent!r}: see `brokerage agents`.")
    session.repository.offboard_agent(agent)
    for connection in session.repository.connections(agent_key=agent):
        session.vault.delete(connection.connection_id)
    session.log.event("agent.offboarded", f"{agent} is offboarded.", source="cli", agent_key=agent)
    out.print(f"{agent} is offboarded; its keys are deleted.")


def forget(
    agent: Annotated[str, typer.Argument(help="The agent's key.")],
    vendor: Annotated[str, typer.Argument(help="The vendor, for example dotloop.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete everything that was pulled through one connection, and its key."""
    from brokerage.cli.connecting import find_vendor
    from brokerage.control.repository import connection_id
    from brokerage.database.engine import LIBPQ_DRIVER, LOADER, role_url
    from pipelines.common.warehouse import SyncLocks, forget_connection

    found = find_vendor(vendor)
    session = Session.open()
    known = session.repository.connection(connection_id(agent, found.name))
    if known is None:
        raise ConfigurationError(
            f"{agent} has no {found.title} connection: see `brokerage agents`."
        )
    if not yes:
        typer.confirm(f"Delete all that was pulled from {found.title} for {agent}?", abort=True)
    session.repository.set_connection_status(known.connection_id, "paused", "forgotten")
    session.vault.delete(known.connection_id)
    url = role_url(LOADER, session.settings, driver=LIBPQ_DRIVER)
    locks = SyncLocks(url)
    try:
        if not locks.take_account(known.connection_id, _PATIENCE):
            raise UnavailableError(
                f"A sync is reading {known.connection_id}: its key is deleted; run this again "
                f"when the sync has ended."
            )
        rows = forget_connection(found, url, known.connection_id)
    finally:
        locks.release()
    session.log.event(
        "connection.forgotten",
        f"{rows} {found.title} rows of {agent} are deleted.",
        source="cli",
        agent_key=agent,
        connection_id=known.connection_id,
    )
    out.print(
        f"{rows} {found.title} rows of {agent} are deleted, and the key with them; the next build "
        f"of the warehouse leaves them out. Backups are yours to clean."
    )
