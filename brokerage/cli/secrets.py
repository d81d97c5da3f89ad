"""`secrets`: the keys that encrypt the stored credentials."""

from __future__ import annotations

import typer

from brokerage.cli.console import out
from brokerage.cli.session import Session

app = typer.Typer(help="The keys that encrypt the stored credentials.", no_args_is_help=True)


@app.command("rotate")
def rotate() -> None:
    """Encrypt all stored credentials with a new key.

    With BROKERAGE_SECRET_KEYS set: with its first key; the others can be removed afterwards.
    Otherwise a new key is made in the home folder and the old ones are deleted at the end.
    """
    from brokerage.control.vault import KEY_FILE, Vault, fingerprint, load_keys, new_key
    from brokerage.database.embedded import write_private

    session = Session.open()
    keys = load_keys(session.settings)
    if session.settings.secret_keys is not None:
        count = Vault(session.engine, keys).rotate()
        out.print(
            f"{count} secrets are now encrypted with key {fingerprint(keys[0])}, the first of "
            "BROKERAGE_SECRET_KEYS; the others may be removed from it."
        )
        return
    path = session.settings.home / KEY_FILE
    fresh = new_key()
    # both keys are on disk while some secrets have the old one: a crash in between loses nothing
    write_private(path, "\n".join([fresh, *keys]) + "\n")
    count = Vault(session.engine, [fresh, *keys]).rotate()
    write_private(path, fresh + "\n")
    out.print(f"{count} secrets are now encrypted with the new key {fingerprint(fresh)}.")


@app.command("new-key")
def make_key() -> None:
    """Print a new key for BROKERAGE_SECRET_KEYS; nothing is stored."""
    from brokerage.control.vault import new_key

    typer.echo(new_key())
