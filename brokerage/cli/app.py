"""The commands; each module registers its own."""

from __future__ import annotations

from typing import Annotated

import typer

from brokerage.cli import (
    accounts,
    alerts,
    demo,
    digests,
    imports,
    query,
    sandbox,
    secrets,
    services,
    syncing,
    webhooks,
)
from brokerage.errors import EXIT_CODE_MEANING

_EPILOG = "Exit codes: " + "; ".join(
    f"{int(code)} {meaning}" for code, meaning in EXIT_CODE_MEANING.items()
)

app = typer.Typer(
    name="brokerage",
    help="The data platform of a real-estate brokerage: connect accounts, pull them, query the "
    "warehouse.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error comes from (a traceback).")
    ] = False,
) -> None:
    """Options of all commands; --debug is read by `main`, before anything can fail."""


for module in (demo, services, accounts, imports, syncing, query, alerts, digests):
    module.register(app)
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(secrets.app, name="secrets")
app.add_typer(webhooks.app, name="webhooks")
