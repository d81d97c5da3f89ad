"""`connect`, `agents`, `referral`, `disconnect`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from brokerage.cli.console import make_table, out, print_json, warn, working
from brokerage.cli.session import Session
from brokerage.errors import ConfigurationError, RefusedError

if TYPE_CHECKING:
    from brokerage.cli.disconnecting import Disconnected
    from brokerage.control.onboarding import OnboardingJob
    from brokerage.control.repository import AgentRecord, ConnectionRecord
    from pipelines.common.entity import Vendor


@dataclass(frozen=True)
class AgentOverview:
    """An agent with its connections and its latest onboarding, if there was one."""

    agent: AgentRecord
    connections: list[ConnectionRecord]
    onboarding: OnboardingJob | None


Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def register(app: typer.Typer) -> None:
    for command in (connect, agents, referral, disconnect):
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


def disconnect(
    agent: Annotated[str, typer.Argument(help="The agent's key.")],
    vendor: Annotated[
        str | None, typer.Argument(help="The vendor; without one the agent leaves altogether.")
    ] = None,
    erase: Annotated[
        bool,
        typer.Option("--erase", help="Also delete all that was pulled, and build without it."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before erasing.")] = False,
    as_json: Json = False,
) -> None:
    """Stop pulling: the access is given back, the key deleted. The data stays, unless --erase."""
    from brokerage.cli.connecting import find_vendor
    from brokerage.cli.disconnecting import disconnect_account

    session = Session.open()
    if session.repository.agent(agent) is None:
        raise ConfigurationError(f"There is no agent {agent!r}: see `brokerage agents`.")
    name = find_vendor(vendor).name if vendor else None
    chosen = session.repository.connections(agent_key=agent, vendor=name)
    if vendor and not chosen and not erase:
        raise ConfigurationError(
            f"{agent} has no {find_vendor(vendor).title} connection: see `brokerage agents`."
        )
    if erase and not yes:
        what = f"from {find_vendor(vendor).title}" if vendor else "from all vendors"
        typer.confirm(f"Delete all that was pulled {what} for {agent}?", abort=True)
    if session.settings.is_sandbox:
        session.ensure_sandbox()
    done = [disconnect_account(session, connection) for connection in chosen]
    if name is None:
        session.repository.offboard_agent(agent, forget_person=erase)
        session.log.event(
            "agent.offboarded", f"{agent} is offboarded.", source="cli", agent_key=agent
        )
    for one in done:
        if one.advice:
            warn(f"{one.connection_id.split(':')[1]}: {one.advice}")
    if erase:
        done = _erase(session, chosen, done)
        if name is None:
            from brokerage.cli.running import forget_partition

            forget_partition(session, agent)
    if as_json:
        print_json(done)
        return
    subject = (
        f"{agent} is disconnected from {find_vendor(vendor).title}"
        if vendor
        else f"{agent} is offboarded"
    )
    if erase:
        rows = sum(one.rows or 0 for one in done)
        out.print(
            f"{subject}; its keys and {rows} raw rows are deleted, and the warehouse is built "
            "without them. Backups are yours to clean."
        )
    else:
        out.print(f"{subject}; its keys are deleted, the data pulled so far stays.")


def _erase(
    session: Session,
    connections: list[ConnectionRecord],
    done: list[Disconnected],
) -> list[Disconnected]:
    """Delete the rows of disconnected accounts, and build the warehouse without them."""
    from dataclasses import replace

    from brokerage.cli import running
    from brokerage.cli.disconnecting import erase_account, erasing_history
    from brokerage.cli.watching import watching

    # departures that no build has seen yet would be taken for erased
    with watching() as listener:
        before = running.build(session, listener)
    if not before.succeeded:
        warn("The build before has failed, so departures of today may be erased with the rows.")
    with erasing_history(session, [c.connection_id for c in connections]):
        rows = {c.connection_id: erase_account(session, c) for c in connections}
        with watching() as listener:
            running.build(session, listener, rebuild=True).raise_if_failed()
    return [replace(one, rows=rows[one.connection_id]) for one in done]
