"""The command line as a person or a script meets it: output, one sentence per error, exit codes."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from brokerage.cli import connecting, main
from brokerage.cli.connecting import connect_account
from brokerage.cli.console import show_unexpected
from brokerage.cli.disconnecting import erase_account
from brokerage.cli.session import Session
from brokerage.settings import get_settings
from pipelines.common.oauth import Attempt
from pipelines.registry import VENDORS
from sandbox.box import Sandbox
from sandbox.server import serve
from sandbox.vendors import VENDORS as IMITATED
from tests.brokerage.running import Run, one_sentence


class TestSql:
    @pytest.fixture(autouse=True)
    def _mart(self, engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(text("set local role brokerage_transformer"))
            connection.execute(
                text(
                    "create table marts.deals as select * from (values "
                    "('a', 12345.60::numeric(20,2), '[\"x\"]'::jsonb), ('100%', null, null)) "
                    "as t (name, volume, tags)"
                )
            )

    def test_table(self, run: Run) -> None:
        outcome = run("sql", "select name, volume from marts.deals order by 2")
        assert outcome.code == 0
        assert "12,345.60" in outcome.out

    def test_csv_keeps_cents_and_signs(self, run: Run) -> None:
        outcome = run("sql", "select * from marts.deals order by 2", "--format", "csv")
        rows = list(csv.reader(io.StringIO(outcome.out)))
        assert rows == [["name", "volume", "tags"], ["a", "12345.60", '["x"]'], ["100%", "", ""]]

    def test_json_keeps_cents(self, run: Run) -> None:
        outcome = run("sql", "select volume from marts.deals where name like 'a%'", "-f", "json")
        assert json.loads(outcome.out) == [{"volume": "12345.60"}]

    def test_from_the_input(self, run: Run) -> None:
        assert "1" in run("sql", "-", "-f", "csv", stdin="select 1 as one").out

    def test_bi_sees_marts_only(self, run: Run) -> None:
        assert run("sql", "select * from marts.deals", "--role", "bi").code == 0
        refused = run("sql", "select * from control.secrets", "--role", "bi")
        assert refused.code == 1
        assert "permission denied" in one_sentence(refused)

    def test_nothing_is_changed_by_accident(self, run: Run, engine: Engine) -> None:
        refused = run("sql", "delete from marts.deals")
        assert refused.code == 1
        assert "add --write to change data" in one_sentence(refused)
        assert run("sql", "delete from marts.deals", "--write").code == 0
        with engine.connect() as connection:
            assert connection.execute(text("select count(*) from marts.deals")).scalar() == 0

    def test_a_mistake_isone_sentence(self, run: Run) -> None:
        outcome = run("sql", "select * from marts.dealz")
        assert outcome.code == 1
        assert 'relation "marts.dealz" does not exist' in one_sentence(outcome)

    def test_an_unknown_role_isone_sentence(self, run: Run) -> None:
        outcome = run("sql", "select 1", "--role", "king")
        assert outcome.code == 3
        assert "use bi, owner, loader or transformer" in one_sentence(outcome)


class TestErrors:
    def test_an_unreachable_database(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, unused_port: int
    ) -> None:
        monkeypatch.setenv(
            "BROKERAGE_DATABASE_URL", f"postgresql://me:hush@127.0.0.1:{unused_port}/x"
        )
        outcome = run("agents")
        assert outcome.code == 4
        assert f"127.0.0.1:{unused_port}/x cannot be used" in one_sentence(outcome)
        assert "hush" not in outcome.err

    def test_a_wrong_setting(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BROKERAGE_DAGSTER_PORT", "many")
        outcome = run("status")
        assert outcome.code == 3
        assert "BROKERAGE_DAGSTER_PORT is not usable" in one_sentence(outcome)

    def test_an_unknown_command(self, run: Run) -> None:
        assert run("fly").code == 2

    def test_something_unexpected_is_stillone_sentence(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        show_unexpected(KeyError, KeyError("who"), None)
        printed = capsys.readouterr().err.strip()
        assert len(printed.splitlines()) == 1
        assert "--debug" in printed

    def test_debug_shows_where_it_comes_from(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from brokerage.errors import ConfigurationError

        monkeypatch.setenv("BROKERAGE_DAGSTER_PORT", "many")
        monkeypatch.setattr(sys, "argv", ["brokerage", "--debug", "status"])
        with pytest.raises(ConfigurationError):
            main()


class Browser(io.StringIO):
    """An owner who opens the address that is shown and allows the access. What is read from it is
    the address that the browser ended at.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.address = self.code = ""
        ask = connecting.ask_consent

        def shown(*arguments: Any) -> str:
            self.address = ask(*arguments)
            return self.address

        monkeypatch.setattr(connecting, "ask_consent", shown)

    def readline(self, *_: Any) -> str:
        ended_at: str = httpx.get(self.address).headers["location"]
        self.code = httpx.URL(ended_at).params["code"]
        return f"{ended_at}\n"


class TestAccounts:
    @pytest.fixture(scope="class")
    def box(self) -> Iterator[Sandbox]:
        with serve(size="small") as box:
            yield box

    @pytest.fixture(autouse=True)
    def _vendors(self, box: Sandbox, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for vendor in IMITATED.values():
            for name, value in vendor.told(box).items():
                if str(value).startswith("/"):
                    variable = f"BROKERAGE_{vendor.name}_{name}".upper()
                    monkeypatch.setenv(variable, f"{box.url}{value}")

    @pytest.fixture
    def ada(self, box: Sandbox) -> dict[str, Any]:
        return box.accounts[0]

    def test_connect_stores_what_the_vendor_confirmed(
        self, run: Run, ada: dict[str, Any], engine: Engine
    ) -> None:
        key = ada["rezen"]["api_key"]
        outcome = run("connect", ada["agent_key"], "rezen", "--key-stdin", stdin=f"{key}\n")
        assert outcome.code == 0, outcome.err
        assert key not in outcome.out + outcome.err
        (agent,) = json.loads(run("agents", "--json").out)
        assert agent["agent"]["display_name"] == ada["name"]
        assert agent["agent"]["rezen_agent_id"] == ada["rezen"]["yenta_id"]
        (connection,) = agent["connections"]
        assert connection["status"] == "active"
        assert connection["account_source_id"] == ada["rezen"]["yenta_id"]

    @pytest.mark.parametrize("vendor", ["rezen", "fub"])
    def test_a_wrong_key_is_refused_and_nothing_stored(
        self, run: Run, engine: Engine, vendor: str
    ) -> None:
        outcome = run("connect", "ada-sample", vendor, "--key-stdin", stdin="hush-hush\n")
        assert outcome.code == 5
        assert "Nothing was stored" in outcome.err
        assert "hush-hush" not in outcome.err
        assert json.loads(run("agents", "--json").out) == []

    def test_a_key_that_sees_too_little_needs_consent(
        self, run: Run, box: Sandbox, ada: dict[str, Any]
    ) -> None:
        key = _key_of_no_owner(ada)
        command = ("connect", ada["agent_key"], "fub", "--key-stdin")
        refused = run(*command, stdin=key)
        assert refused.code == 5
        assert "--allow-limited" in refused.err
        accepted = run(*command, "--allow-limited", stdin=key)
        assert accepted.code == 0
        assert "Warning:" in accepted.err

    def test_a_key_of_another_account_is_refused(self, run: Run, box: Sandbox) -> None:
        ada, ben = box.accounts[:2]
        command = ("connect", ada["agent_key"], "rezen", "--key-stdin")
        assert run(*command, stdin=ada["rezen"]["api_key"]).code == 0
        refused = run(*command, stdin=ben["rezen"]["api_key"])
        assert refused.code == 5
        assert "--replace-account" in refused.err
        assert run(*command, "--replace-account", stdin=ben["rezen"]["api_key"]).code == 0

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("connect", "ada-sample", "nosuch"), "There is no vendor 'nosuch'"),
            (("connect", "Ada Sample", "rezen"), "for example ada-sample"),
            (("connect", "ada-sample", "rezen"), "pass it with --key-stdin"),
            (("connect", "ada-sample", "rezen", "--key-stdin"), "The API key is empty"),
            (("onboard", "nobody"), "There is no agent 'nobody'"),
            (("sync", "--agent", "nobody"), "There is no agent 'nobody'"),
            (("sync",), "No account is connected"),
            (("disconnect", "nobody"), "There is no agent 'nobody'"),
            (("reconcile",), "No such account is connected"),
            (("sandbox", "advance"), "Say how far to move on"),
        ],
    )
    def test_what_is_missing_isone_sentence(
        self, run: Run, arguments: tuple[str, ...], said: str
    ) -> None:
        outcome = run(*arguments)
        assert outcome.code == 3
        assert said in one_sentence(outcome)

    def test_a_referral_code_is_remembered_and_an_odd_one_warned_of(
        self, run: Run, ada: dict[str, Any]
    ) -> None:
        run("connect", ada["agent_key"], "rezen", "--key-stdin", stdin=ada["rezen"]["api_key"])
        link = "https://bolt.example.com/register?sponsorCode=ab12cd3"
        assert run("referral", ada["agent_key"], link).code == 0
        (agent,) = json.loads(run("agents", "--json").out)
        assert agent["agent"]["referral_code"] == "ab12cd3"
        odd = run("referral", ada["agent_key"], "ADA-2026")
        assert odd.code == 0
        assert "does not look like a referral code" in odd.err
        assert run("referral", "nobody", "ab12cd3").code == 3

    def test_offboarding_deletes_the_keys(
        self, run: Run, ada: dict[str, Any], engine: Engine
    ) -> None:
        key = ada["rezen"]["api_key"]
        run("connect", ada["agent_key"], "rezen", "--key-stdin", stdin=key)
        assert run("disconnect", ada["agent_key"]).code == 0
        with engine.connect() as connection:
            assert connection.execute(text("select count(*) from control.secrets")).scalar() == 0

    def test_an_account_is_connected_by_consent(
        self, run: Run, box: Sandbox, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The browser's part is played by hand: the sandbox's owner allows at once."""
        monkeypatch.setenv("BROKERAGE_DOTLOOP_CLIENT_ID", "sandbox-dotloop-client")
        monkeypatch.setenv("BROKERAGE_DOTLOOP_CLIENT_SECRET", "sandbox-dotloop-secret")
        command = ("connect", "ada-sample", "dotloop", "--key-stdin")
        shown = run(*command, stdin="https://localhost/brokerage/connected?error=access_denied")
        assert shown.code == 5
        assert one_sentence(shown).startswith("The access was not allowed")
        address = next(word for word in shown.out.split() if "/authorize?" in word)
        came_back = httpx.get(f"{address}&agent_key=ada-sample").headers["location"]
        # every attempt has a state of its own
        foreign = run(*command, stdin=came_back)
        assert foreign.code == 5
        assert "another attempt" in one_sentence(foreign)
        # the code alone is enough for the attempt that it belongs to
        told = httpx.URL(came_back).params
        attempt = Attempt("https://localhost/brokerage/connected", told["state"], "n", "v")
        monkeypatch.setattr(Attempt, "begin", lambda _address: attempt)
        code = told["code"]
        connected = run(*command, stdin=code)
        assert connected.code == 0, connected.err
        assert "is connected to Dotloop as" in connected.out
        spent = run(*command, stdin=code)
        assert spent.code == 5
        assert one_sentence(spent).endswith("connect the account again. Nothing was stored.")
        assert code not in spent.out + spent.err

    def test_a_rezen_account_is_connected_by_consent_as_well_as_by_key(
        self, run: Run, ada: dict[str, Any], engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from brokerage.control.vault import Vault

        command = ("connect", ada["agent_key"], "rezen", "--key-stdin")
        no_app = run(*command, "--allow")
        assert no_app.code == 3
        assert "set BROKERAGE_REZEN_OAUTH_CLIENT_ID" in one_sentence(no_app)
        for name in ("oauth_client_id", "oauth_client_secret"):
            told = IMITATED["rezen"].told(Sandbox(size="small"))[name]
            monkeypatch.setenv(f"BROKERAGE_REZEN_{name}".upper(), told)
        browser = Browser(monkeypatch)
        connected = run(*command, "--allow", stdin=browser)
        assert connected.code == 0, connected.err
        assert browser.address in connected.out
        assert "Paste it within 60 seconds." in connected.out
        assert f"is connected to reZEN as {ada['name']}" in connected.out
        vault = Vault.for_settings(engine, get_settings())
        stored = vault.get("ada-sample:rezen")
        assert stored.keys() == {"access_token", "refresh_token", "expires_at", "renew_at"}
        for secret in (stored["access_token"], stored["refresh_token"], browser.code):
            assert secret not in connected.out + connected.err
        # a key replaces the grant, and nothing of it is left
        assert run(*command, stdin=ada["rezen"]["api_key"]).code == 0
        assert vault.get("ada-sample:rezen").keys() == {"api_key"}
        kinds = "select auth_kind from control.connections"
        with engine.connect() as connection:
            assert connection.execute(text(kinds)).scalars().all() == ["api_key"]

    def test_a_credential_that_was_renewed_to_be_checked_is_stored_as_it_is_now(
        self, run: Run, box: Sandbox, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was entered is dead by then: the refresh token works once."""
        from brokerage.control.vault import Vault

        monkeypatch.setenv("BROKERAGE_DOTLOOP_CLIENT_ID", "sandbox-dotloop-client")
        monkeypatch.setenv("BROKERAGE_DOTLOOP_CLIENT_SECRET", "sandbox-dotloop-secret")
        box.mutate({"op": "dotloop.switch", "name": "rotate_refresh", "value": True})
        refresh_token = box.account("ada-sample", "dotloop")["credentials"]["refresh_token"]
        assert run("init").code == 0
        entered = {"access_token": "long-over", "refresh_token": refresh_token}
        session = Session.open()
        connect_account(session, "ada-sample", VENDORS["dotloop"], entered)
        stored = Vault.for_settings(engine, get_settings()).get("ada-sample:dotloop")
        in_force = box.account("ada-sample", "dotloop")["credentials"]
        for part in ("access_token", "refresh_token"):
            assert stored[part] == in_force[part]
        assert stored["refresh_token"] != refresh_token

    def test_erasing_deletes_key_and_rows_of_one_connection(
        self, run: Run, ada: dict[str, Any], engine: Engine
    ) -> None:
        assert run("init").code == 0
        for vendor in ("rezen", "fub"):
            key = ada["rezen"]["api_key"] if vendor == "rezen" else ada["fub"]["api_key"]
            command = ("connect", ada["agent_key"], vendor, "--key-stdin", "--allow-limited")
            assert run(*command, stdin=key).code == 0
        row = (
            "insert into raw_fub.stages (connection_id, _key, id, _row_hash, _synced_at)"
            " values (:of, '1', '1', 'x', now())"
        )
        with engine.begin() as connection:
            for agent in (ada["agent_key"], "ben-example"):
                connection.execute(text(row), {"of": f"{agent}:fub"})
        outcome = run("disconnect", ada["agent_key"], "fub")
        assert outcome.code == 0, outcome.err
        assert "its keys are deleted" in outcome.out
        assert "delete it there" in outcome.err
        session = Session.open()
        [kept] = session.repository.connections(agent_key=ada["agent_key"], vendor="fub")
        assert (kept.status, kept.status_reason) == ("paused", "disconnected")
        assert erase_account(session, kept) == 1
        with engine.connect() as connection:
            left = connection.execute(text("select connection_id from raw_fub.stages"))
            assert left.scalars().all() == ["ben-example:fub"]
            keys = connection.execute(text("select connection_id from control.secrets"))
            assert keys.scalars().all() == ["ada-sample:rezen"]
        agents = json.loads(run("agents", "--json").out)
        states = {c["vendor"]: c["status"] for c in agents[0]["connections"]}
        assert states == {"rezen": "active"}

    def test_rotation_keeps_the_secrets(
        self, run: Run, ada: dict[str, Any], engine: Engine
    ) -> None:
        key = ada["rezen"]["api_key"]
        run("connect", ada["agent_key"], "rezen", "--key-stdin", stdin=key)
        before = (get_settings().home / "secret.key").read_text()
        outcome = run("secrets", "rotate")
        assert "1 secrets are now encrypted with the new key" in outcome.out
        assert (get_settings().home / "secret.key").read_text() != before
        from brokerage.control.vault import Vault

        vault = Vault.for_settings(engine, get_settings())
        assert vault.get(f"{ada['agent_key']}:rezen")["api_key"] == key

    def test_status_and_doctor_are_readable_by_programs(
        self, run: Run, ada: dict[str, Any]
    ) -> None:
        key = ada["rezen"]["api_key"]
        run("connect", ada["agent_key"], "rezen", "--key-stdin", stdin=key)
        status = json.loads(run("status", "--json").out)
        assert [c["connection_id"] for c in status["connections"]] == [f"{ada['agent_key']}:rezen"]
        assert status["services"][0]["state"] == "running"
        outcome = run("doctor", "--json")
        checks = {check["name"]: check for check in json.loads(outcome.out)}
        assert checks["Secrets"]["ok"], checks
        assert checks["Control schema"]["ok"]
        assert key not in outcome.out


def _key_of_no_owner(account: dict[str, Any]) -> str:
    keys: dict[str, str] = account["fub"]["keys"]
    return next(key for role, key in keys.items() if role.lower() not in ("owner", "admin"))


def test_status_of_an_empty_home(run: Run) -> None:
    outcome = run("status")
    assert outcome.code == 0
    assert "brokerage up" in outcome.out
    assert not get_settings().home.exists(), "looking changes nothing"


def test_down_of_an_empty_home(run: Run) -> None:
    assert run("down").out.strip() == "Nothing was running."
