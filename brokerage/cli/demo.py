"""`demo`: the main job from end to end, on data that the sandbox makes up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from brokerage.cli.console import make_table, note, out
from brokerage.cli.session import Session
from brokerage.cli.watching import Stages, watching
from brokerage.errors import BrokerageError, ConfigurationError

if TYPE_CHECKING:
    from brokerage.stack.sandbox_client import SandboxClient

DEMO_AGENTS = 3
HOUSE = "house"
"""The brokerage itself: whose billing and title accounts belong to no one agent."""


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo() -> None:
    """Connect three agents of the sandbox and the brokerage's own accounts, pull, build, show.

    Ends with 0 only if every figure equals the sandbox's truth to the cent. Run again, it reuses
    what is there and pulls only what has changed.
    """
    stages = Stages()
    session = Session.open(database=False)
    if session.settings.sandbox is False:
        raise ConfigurationError(
            "BROKERAGE_SANDBOX is false, but the demo needs the sandbox: remove that setting."
        )
    with stages.stage("PostgreSQL"):
        session.stack.start_database()
        session.set_up()
        _refuse_real_agents(session)
    with stages.stage("Sandbox"):
        client = _start_sandbox(session)
    with stages.stage("Connections"):
        accounts = client.accounts()
        house = [account for account in accounts if account["agent_key"] == HOUSE]
        agents = _connect_agents(session, [*accounts[:DEMO_AGENTS], *house])
    _pull_and_build(session, stages, agents)

    _show_tables(session)
    wrong = _show_agents(session, client, agents)
    stages.show()
    if wrong:
        for sentence in wrong:
            out.print(f"[red]✗[/red] {sentence}")
        raise BrokerageError(f"{len(wrong)} figures differ from the sandbox's truth.")
    out.print("[green]✓[/green] Every figure equals the sandbox's truth to the cent.")
    _show_next()


def _refuse_real_agents(session: Session) -> None:
    real = [agent.agent_key for agent in session.repository.agents() if not agent.is_demo]
    if real:
        raise ConfigurationError(
            f"This database holds real agents ({', '.join(real[:3])}), which the demo would mix "
            "with invented ones: set BROKERAGE_HOME or BROKERAGE_DATABASE_URL to another place."
        )


def _start_sandbox(session: Session) -> SandboxClient:
    from brokerage.stack.sandbox_client import SandboxClient

    session.stack.start_sandbox()
    session.reload()
    state = session.settings.sandbox_state
    if state is None:
        raise BrokerageError("The sandbox was not remembered in the home folder.")
    return SandboxClient(state.url)


def _connect_agents(session: Session, accounts: list[dict[str, Any]]) -> list[str]:
    """Connect each agent to each vendor with the agent's own key, as `brokerage connect` does."""
    from pipelines.registry import VENDORS

    reused = 0
    for account in accounts:
        for vendor in VENDORS.values():
            if vendor.name not in account:
                continue
            credentials = {str(k): str(v) for k, v in account[vendor.name]["credentials"].items()}
            reused += _connect(session, account, vendor.name, credentials)
    if reused:
        note(f"{reused} connections are there already")
    known = [a for a in accounts if not VENDORS.keys().isdisjoint(a)]
    return [str(account["agent_key"]) for account in known]


def _connect(
    session: Session, account: dict[str, Any], vendor_name: str, credentials: dict[str, str]
) -> bool:
    """Connect unless the same key is connected already; True if it was."""
    from brokerage.cli.connecting import connect_account, find_vendor
    from brokerage.control.repository import connection_id

    agent_key = str(account["agent_key"])
    known = connection_id(agent_key, vendor_name)
    connection = session.repository.connection(known)
    active = connection is not None and connection.status == "active"
    # what is stored may have more than was entered: a session that a login gave
    if active and credentials.items() <= session.vault.get(known).items():
        return True
    vendor = find_vendor(vendor_name)
    connected = connect_account(
        session,
        agent_key,
        vendor,
        credentials,
        name=str(account["name"]),
        email=str(account["email"]),
        is_demo=True,
        # one demo agent is no owner of its Follow Up Boss account, and sees less of it
        allow_limited=True,
    )
    limited = " (sees only part of the account)" if connected.identity.limited else ""
    note(f"{agent_key} · {vendor.title}: {connected.identity.label}{limited}")
    return False


def _pull_and_build(session: Session, stages: Stages, agents: list[str]) -> None:
    from brokerage.cli import running
    from brokerage.control.onboarding import OnboardingLog

    onboarding = OnboardingLog(session.engine)
    done = {
        agent
        for agent in agents
        if (job := onboarding.latest(agent)) is not None and job.status == "Complete"
    }
    fresh = [agent for agent in agents if agent not in done]
    if done:
        note(f"{len(done)} agents are onboarded already; only what has changed is pulled")
    if fresh:
        with stages.stage(f"Onboarding of {len(fresh)} agents"), watching() as listener:
            running.onboard(session, fresh, listener).raise_if_failed()
    if done:
        with stages.stage("Sync"), watching() as listener:
            running.sync(session, listener, agents=sorted(done)).raise_if_failed()
    with stages.stage("Warehouse (dbt build with tests)"), watching() as listener:
        if running.is_built(session):
            note("No row has changed since the last build of today, so nothing is to be built")
        else:
            running.build(session, listener).raise_if_failed()


def _show_tables(session: Session) -> None:
    from brokerage.cli.inventory import table_rows

    table = make_table(["Schema", "Table", "Rows"], title="What was built", right=(2,))
    schema = None
    for found in table_rows(session.engine):
        if schema not in (None, found.schema):
            table.add_section()
        table.add_row(found.schema if found.schema != schema else "", found.table, found.text)
        schema = found.schema
    out.print(table)


def _show_agents(session: Session, client: SandboxClient, agents: list[str]) -> list[str]:
    """Show the figures of the agents and return what differs from the truth."""
    from brokerage.cli.figures import agent_figures, differences, show_figures

    agents = [agent for agent in agents if agent != HOUSE]
    figures = agent_figures(session.engine)
    show_figures({agent: figures.get(agent, []) for agent in agents})
    return [
        sentence
        for agent in agents
        for sentence in differences(
            agent, figures.get(agent, []), client.truth(agent)["rezen"]["summary"]
        )
    ]


def _show_next() -> None:
    out.print(
        "\n[bold]Where to look next[/bold]\n"
        "  brokerage up       Dagster with its asset graph, schedules and sensors, in the browser\n"
        "  brokerage status   services, connections, last syncs, failures\n"
        '  brokerage sql "select * from marts.agent_summary" --role bi\n'
        "  brokerage psql-url the address for a BI tool\n"
        "  brokerage down     stop what still runs (PostgreSQL and the sandbox)"
    )
