"""`onboard`, `sync`, `reconcile`: what the schedules materialise, run in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from brokerage.cli.console import make_table, out, print_json
from brokerage.cli.session import Session
from brokerage.cli.watching import watching
from brokerage.errors import ConfigurationError, PartialError

if TYPE_CHECKING:
    from brokerage.cli.running import RunReport
    from brokerage.control.reconciliation import Reconciled

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Build = Annotated[bool, typer.Option("--build/--no-build", help="Build the warehouse afterwards.")]


def register(app: typer.Typer) -> None:
    app.command()(onboard)
    app.command()(sync)
    app.command()(reconcile)


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


def reconcile(
    vendor: Annotated[
        list[str] | None, typer.Option(help="Only this vendor; may be given more than once.")
    ] = None,
    agent: Annotated[
        list[str] | None, typer.Option(help="Only this agent; may be given more than once.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair/--no-repair", help="Read again what differs.")
    ] = True,
    everything: Annotated[
        bool, typer.Option("--all", help="Show the lists that are equal, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count every list at its vendor and here. Ends with an error if something is missing."""
    from brokerage.cli import running
    from brokerage.cli.connecting import find_vendor
    from brokerage.control.reconciliation import ReconciliationLog

    for name in vendor or []:
        find_vendor(name)
    session = Session.open()
    chosen = [
        c
        for c in session.repository.connections(status="active")
        if (not vendor or c.vendor in vendor) and (not agent or c.agent_key in agent)
    ]
    if not chosen:
        raise ConfigurationError(
            "No such account is connected: see `brokerage agents`, or connect one with "
            "`brokerage connect AGENT VENDOR`."
        )
    session.ensure_sandbox()
    with watching() as listener:
        report = running.reconcile(
            session, listener, agents=agent or (), vendors=vendor or (), repair=repair
        )
    found = ReconciliationLog(session.engine).all(c.connection_id for c in chosen)
    wrong = [row for row in found if row.verdict in ("differs", "unknown")]
    if as_json:
        print_json({"runs": [report], "lists": found})
    else:
        _show_reconciled([row for row in found if everything or row.verdict != "equal"])
        equal = sum(row.verdict == "equal" for row in found)
        out.print(f"{equal} of {len(found)} lists hold what their vendor counts.")
    report.raise_if_failed()
    if wrong:
        raise PartialError(
            f"{len(wrong)} of {len(found)} lists differ or could not be counted: "
            f"{wrong[0].connection_id} · {wrong[0].entity}: {wrong[0].explanation}"
        )


def _show_reconciled(rows: list[Reconciled]) -> None:
    if not rows:
        return
    table = make_table(
        ["Account", "List", "Part", "Vendor", "Here", "Mismatch", "Verdict"], right=(3, 4, 5)
    )
    for row in rows:
        told = "" if row.tc_vendor is None else f"{row.tc_vendor:,}"
        table.add_row(
            row.connection_id,
            row.entity,
            row.lifecycle_group,
            told,
            f"{row.tc_ad:,}",
            f"{row.tc_mismatch:+,}" if row.tc_mismatch else "",
            row.verdict,
        )
    out.print(table)


def _finish(sentence: str, reports: list[RunReport], as_json: bool) -> None:
    """Say how it went; a failure ends the command with its exit code."""
    if as_json:
        print_json({"runs": reports})
    for report in reports:
        report.raise_if_failed()
    if not as_json:
        out.print(sentence)
