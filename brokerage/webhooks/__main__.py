"""`python -m brokerage.webhooks --port 8650`: the receiver as a service."""

from __future__ import annotations

import argparse
import logging

import uvicorn
from starlette.applications import Starlette

from brokerage.control.log import ControlLog
from brokerage.control.vault import Vault
from brokerage.control.webhooks import WebhookEndpoints, WebhookInbox
from brokerage.database.engine import make_engine
from brokerage.settings import get_settings
from brokerage.webhooks.receiver import Receiver
from pipelines.webhooks import WEBHOOKS
from resources.vendor_settings import vendor_settings


def build_app() -> Starlette:
    """The receiver over the database and the settings of this process."""
    engine = make_engine()
    vault = Vault.for_settings(engine, get_settings())
    return Receiver(
        WebhookEndpoints(engine, vault),
        WebhookInbox(engine),
        ControlLog(engine),
        WEBHOOKS,
        {name: vendor_settings(webhooks.vendor) for name, webhooks in WEBHOOKS.items()},
    ).app()


def main() -> None:
    """Serve until told to stop; what was received by then is stored first."""
    parser = argparse.ArgumentParser(prog="python -m brokerage.webhooks", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=get_settings().webhook_port)
    options = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    # the access log would hold the tokens, which are in the addresses
    uvicorn.run(
        build_app(),
        host=options.host,
        port=options.port,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        ws="none",
    )


if __name__ == "__main__":
    main()
