"""A grant in the vault is renewed by one process at a time, and one that is gone is told."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest
from dagster import DagsterInstance, Definitions
from sqlalchemy.engine import Engine

from brokerage.control.log import ControlLog
from pipelines.common.account import Account, Credentials
from pipelines.common.entity import check_account
from pipelines.rezen.client import OAUTH, RezenSettings
from pipelines.rezen.source import REZEN
from resources.credentials import VaultCredentials
from resources.vendor_settings import vendor_settings
from sandbox.box import Sandbox
from sandbox.vendors import VENDORS as IMITATED
from sensors.launch import sync_agents
from tests.orchestration.office import Office
from tests.orchestration.renewing import fingerprint

ADA, BEN = "ada-sample", "ben-example"


@pytest.fixture
def _rezen(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The office knows where reZEN is, and its two agents have allowed the access."""
    for name, value in IMITATED["rezen"].told(office.box).items():
        told = f"{office.box.url}{value}" if str(value).startswith("/") else str(value)
        monkeypatch.setenv(f"BROKERAGE_REZEN_{name}".upper(), told)
    for agent in (ADA, BEN):
        office.connect(agent, "rezen")
        office.vault.replace(f"{agent}:rezen", granted(office.box, agent))


def granted(box: Sandbox, agent: str) -> dict[str, str]:
    return dict(box.account(agent, "rezen")["oauth"])


def as_json(settings: RezenSettings) -> str:
    assert settings.oauth_client_secret is not None
    plain = settings.model_dump(mode="json", exclude={"rates"})
    plain["oauth_client_secret"] = settings.oauth_client_secret.get_secret_value()
    return json.dumps(plain)


@pytest.mark.usefixtures("_rezen")
def test_two_processes_that_meet_the_end_of_a_token_renew_it_once(
    office: Office, engine: Engine
) -> None:
    """The second one meets it while the first is renewing: to use the same refresh token again
    would end the grant.
    """
    settings = vendor_settings(REZEN)
    assert isinstance(settings, RezenSettings)
    office.box.mutate({"op": "rezen.expire_token", "agent_key": ADA})
    credentials = VaultCredentials(office.vault, engine, f"{ADA}:rezen")
    stale = credentials.get()
    command = [sys.executable, "-m", "tests.orchestration.renewing", f"{ADA}:rezen"]
    with subprocess.Popen(
        [*command, as_json(settings)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None

        def exchange(old: Credentials) -> Credentials:
            # the other one read the same tokens and was refused
            assert other.stdout.readline() == "renewing\n"  # type: ignore[union-attr]
            with httpx.Client() as client:
                return OAUTH.exchange(client, old, settings)

        mine = credentials.refresh(stale, exchange)
        out, err = other.communicate(timeout=60)
    assert other.returncode == 0, err
    requests = office.box.requests
    assert requests.count(vendor="rezen", status=403) == 1, "the other one met the end"
    assert requests.count(vendor="rezen", method="POST") == 1
    assert out.split() == [fingerprint(mine), office.box.account(ADA, "rezen")["yenta_id"]]
    stored, in_force = office.vault.get(f"{ADA}:rezen"), granted(office.box, ADA)
    for part in ("access_token", "refresh_token"):
        assert stored[part] == mine[part] == in_force[part] != stale[part]
    # and what is stored goes on working
    office.box.mutate({"op": "rezen.expire_token", "agent_key": ADA})
    assert check_account(REZEN, Account(f"{ADA}:rezen", ADA, "rezen", credentials), settings)


@pytest.mark.usefixtures("_rezen")
def test_a_refused_renewal_asks_for_the_person_and_leaves_the_others_alone(
    defs: Definitions, instance: DagsterInstance, office: Office, engine: Engine
) -> None:
    office.box.mutate({"op": "rezen.expire_token", "agent_key": ADA})
    office.box.mutate({"op": "rezen.expire_token", "agent_key": BEN})
    office.box.mutate({"op": "rezen.revoke_grant", "agent_key": BEN})
    [outcome] = sync_agents(defs, instance, (ADA, BEN), vendors=["rezen"], entities=["agents"])
    [failure] = outcome.failures
    assert failure == (
        "ben-example · reZEN: reZEN does not renew the access (invalid_grant); connect the account "
        "again; run `brokerage connect ben-example rezen`"
    )
    states = {
        agent: connection.status
        for agent in (ADA, BEN)
        if (connection := office.repository.connection(f"{agent}:rezen")) is not None
    }
    assert states == {ADA: "active", BEN: "needs_reauth"}
    [logged] = ControlLog(engine).unnotified_errors()
    assert logged["connection_id"] == f"{BEN}:rezen"
    assert (
        office.vault.get(f"{ADA}:rezen")["access_token"] == granted(office.box, ADA)["access_token"]
    ), "a renewal is stored"
