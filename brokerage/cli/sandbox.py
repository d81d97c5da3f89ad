"""`sandbox`: the imitated vendors of this home."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

import typer

from brokerage.cli.console import out, print_json
from brokerage.cli.session import Session
from brokerage.errors import ConfigurationError, UnavailableError
from brokerage.settings import SandboxState
from brokerage.stack.sandbox_client import SandboxClient
from brokerage.stack.services import SandboxService

app = typer.Typer(help="The sandbox: the vendors, imitated over HTTP.", no_args_is_help=True)


def _state(session: Session) -> SandboxState:
    state = session.settings.sandbox_state
    if state is None:
        raise UnavailableError(
            "This home folder has no sandbox: make one with `brokerage sandbox start` or "
            "`brokerage demo`."
        )
    return state


def _client(session: Session) -> SandboxClient:
    return SandboxClient(_state(session).url)


@app.command()
def start() -> None:
    """Start the sandbox; this home becomes a sandbox home if it was not."""
    session = Session.open()
    session.stack.start_sandbox()
    session.reload()
    out.print(f"The sandbox answers on {_state(session).url}.")


@app.command()
def stop() -> None:
    """Stop the sandbox; this home stays a sandbox home."""
    session = Session.open(database=False)
    stopped = session.settings.home.exists() and session.stack.stop_service(SandboxService.name)
    out.print("The sandbox is stopped." if stopped else "The sandbox was not running.")


@app.command()
def advance(
    days: Annotated[int, typer.Option(min=0, help="Days to move on.")] = 0,
    seconds: Annotated[int, typer.Option(min=0, help="Seconds to move on.")] = 0,
) -> None:
    """Move the sandbox's calendar on: deals close, agents join, leave and cap."""
    if not days and not seconds:
        raise ConfigurationError("Say how far to move on, for example --days 30.")
    session = Session.open(database=False)
    state = _state(session)
    clock = SandboxClient(state.url).advance(days=days, seconds=seconds)
    # a restarted sandbox begins at its first day again and is moved on by what is remembered
    moved = state.advanced_seconds + days * 86_400 + seconds
    replace(state, advanced_seconds=moved).write(session.settings.home)
    out.print(f"In the sandbox it is now {clock.get('now')}.")


@app.command()
def faults(
    add: Annotated[
        str | None,
        typer.Option(help='A rule as JSON, for example {"vendor": "fub", "kind": "http_500"}.'),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Switch all faults off.")] = False,
) -> None:
    """Show, add or clear the sandbox's faults."""
    client = _client(Session.open(database=False))
    if clear:
        client.clear_faults()
    if add is not None:
        client.add_fault(_rule(add))
    print_json(client.faults())


def _rule(text: str) -> dict[str, Any]:
    try:
        rule = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"--add is not JSON ({error}): quote the whole rule.") from error
    if not isinstance(rule, dict):
        raise ConfigurationError('--add is not a JSON object: write it as {"kind": …}.')
    return rule


@app.command()
def requests() -> None:
    """Show how many requests the sandbox answered, by vendor, path and status."""
    print_json(_client(Session.open(database=False)).requests())
