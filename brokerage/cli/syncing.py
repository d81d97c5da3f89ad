"""`onboard` and `sync`: the same assets that the schedules materialise, run in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from brokerage.cli.console import out, print_json
from brokerage.cli.session import Session
from brokerage.cli.watching import watching
from brokerage.errors import ConfigurationError

if TYPE_CHECKING:
    from brokerage.cli.running import RunReport

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Build = Annotated[bool, typer.Option("--build/--no-build", help="Build the warehouse afterwards.")]


def register(app: typer.Typer) -> None:
    app.command()(onboard)
    app.command()(sync)


def onboard(
    agent: Annotated[str, typer.Argument(help="The agent's key, see `brokerage agents`.")],
    build: Build = True,
    as_json: Json = False,
) -> None:
    """Pull everything of a newly connected agent. Run again, it goes on where it stopped."""
    from brokerage.cli import running

    session = Session.open()
    if session.repository.agent(agent) is None:
        raise ConfigurationError(
            f"There is no agent {agent!r}: connect an account with `brokerage connect {agent} "
            "rezen`."
        )
    if not session.repository.connections(agent_key=agent, status="active"):
        raise ConfigurationError(
            f"{agent} has no active connection: connect one with `brokerage connect {agent} rezen`."
        )
    session.ensure_sandbox()
    with watching() as listener:
        reports = [running.onboard(session, [agent], listener)]
    if build:
        with watching() as listener:
            reports.append(running.build(session, listener))
    _finish(f"{agent} is onboarded.", reports, as_json)


def sync(
    vendor: Annotated[
        list[str] | None, typer.Option(help="Only this vendor; may be given more than once.")
    ] = None,
    agent: Annotated[
        list[str] | None, typer.Option(help="Only this agent; may be given more than once.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again, not only what has changed.")
    ] = False,
    build: Build = True,
    as_json: Json = False,
) -> None:
    """Pull what has changed at the vendors, then build the warehouse."""
    from brokerage.cli import running
    from brokerage.cli.connecting import find_vendor

    for name in vendor or []:
        find_vendor(name)
    session = Session.open()
    known = {record.agent_key for record in session.repository.agents()}
    for key in agent or []:
        if key not in known:
            raise ConfigurationError(f"There is no agent {key!r}: see `brokerage agents`.")
    if not session.repository.connections(status="active"):
        raise ConfigurationError(
            "No account is connected: connect one with `brokerage connect AGENT VENDOR`."
        )
    session.ensure_sandbox()
    with watching() as listener:
        reports = [running.sync(session, listener, vendors=vendor, agents=agent, full=full)]
    if build:
        with watching() as listener:
            reports.append(running.build(session, listener))
    _finish("Everything is in sync.", reports, as_json)


def _finish(sentence: str, reports: list[RunReport], as_json: bool) -> None:
    """Say how it went; a failure ends the command with its exit code."""
    if as_json:
        print_json({"runs": reports})
    for report in reports:
        report.raise_if_failed()
    if not as_json:
        out.print(sentence)
