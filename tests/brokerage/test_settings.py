"""Settings come from the environment, say clearly what is wrong, and know a sandbox home."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from brokerage import settings_doc
from brokerage.errors import ConfigurationError
from brokerage.settings import SandboxState, Settings, database_fingerprint
from pipelines.fub.client import FubSettings
from pipelines.registry import VENDORS
from pipelines.rezen.client import RezenSettings
from resources.vendor_settings import vendor_settings

SANDBOX = SandboxState(
    port=8640,
    size="small",
    seed=7,
    today="2026-06-15",
    database="embedded",
    vendors={
        "fub": {"base_url": "/fub/v1", "app_base_url": "/fub", "system": "Northwind-Sync"},
        "rezen": {"yenta_base_url": "/rezen/yenta", "equity": True, "requests_per_minute": 1180},
    },
)
REAL_FUB = "https://api.followupboss.com/v1"


def fub(settings: Settings) -> FubSettings:
    found = vendor_settings(VENDORS["fub"], settings)
    assert isinstance(found, FubSettings)
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


def test_without_any_setting_the_vendors_are_the_real_ones() -> None:
    settings = Settings.load()
    assert fub(settings).base_url == REAL_FUB
    assert settings.uses_embedded_database
    assert not settings.is_sandbox


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKERAGE_DATABASE_URL", "")
    assert Settings.load().uses_embedded_database


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKERAGE_DATABASE_URL", "postgresql://me:hush-hush@db.example.com/x")
    monkeypatch.setenv("BROKERAGE_SECRET_KEYS", "hush-hush")
    assert "hush-hush" not in repr(Settings.load())


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BROKERAGE_DAGSTER_PORT", "hush-hush", "BROKERAGE_DAGSTER_PORT is not usable"),
        ("BROKERAGE_SANDBOX_PORT", "70000", "BROKERAGE_SANDBOX_PORT is not usable"),
        ("BROKERAGE_FUB_BASE_URL", "hush-hush", "is not an http(s) address"),
        ("BROKERAGE_REPORTING_TIMEZONE", "Mars/Olympus", "is not an IANA time zone"),
    ],
)
def test_a_wrong_value_is_named_but_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        fub(Settings.load())
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert value not in str(caught.value)


class TestSandboxHome:
    def test_the_vendors_are_the_sandbox(self, home: Path) -> None:
        SANDBOX.write(home)
        settings = Settings.load()
        assert settings.is_sandbox
        assert fub(settings).base_url == "http://127.0.0.1:8640/fub/v1"
        rezen = vendor_settings(VENDORS["rezen"], settings)
        assert isinstance(rezen, RezenSettings)
        assert rezen.equity
        assert rezen.rates["default"].limit == 1180 // 6

    def test_an_address_that_was_set_wins(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        SANDBOX.write(home)
        monkeypatch.setenv("BROKERAGE_FUB_BASE_URL", "http://fub.example.test/v1/")
        assert fub(Settings.load()).base_url == "http://fub.example.test/v1"

    def test_another_database_is_never_filled_from_it(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        SANDBOX.write(home)
        monkeypatch.setenv("BROKERAGE_DATABASE_URL", "postgresql://me@db.example.com/production")
        settings = Settings.load()
        assert not settings.is_sandbox
        assert fub(settings).base_url == REAL_FUB

    def test_a_vendor_that_it_does_not_imitate_is_not_reached(self, home: Path) -> None:
        """The real one would be the default."""
        replace(SANDBOX, vendors={}).write(home)
        with pytest.raises(ConfigurationError, match="has not told where it imitates Follow Up"):
            fub(Settings.load())

    def test_it_can_be_switched_off(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        SANDBOX.write(home)
        monkeypatch.setenv("BROKERAGE_SANDBOX", "false")
        assert fub(Settings.load()).base_url == REAL_FUB

    def test_reports_take_its_clock(self, home: Path) -> None:
        SandboxState(
            **{**SANDBOX.__dict__, "advanced_seconds": 2 * 86_400},
        ).write(home)
        as_of = Settings.load().as_of
        assert as_of is not None
        assert as_of.isoformat() == "2026-06-17T12:00:00+00:00"

    def test_a_damaged_file_is_reported(self, home: Path) -> None:
        (home / "sandbox.json").write_text("{")
        with pytest.raises(ConfigurationError, match=r"sandbox\.json cannot be read"):
            Settings.load()


def test_imports_lie_in_the_home_folder_unless_they_are_put_elsewhere(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BROKERAGE_HOME", str(home))
    assert Settings.load().files_dir == home / "imports"
    monkeypatch.setenv("BROKERAGE_FILES_DIR", "shared/files")
    assert Settings.load().files_dir == home / "shared" / "files"
    monkeypatch.setenv("BROKERAGE_FILES_DIR", str(tmp_path / "elsewhere"))
    assert Settings.load().files_dir == tmp_path / "elsewhere"


def test_a_home_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BROKERAGE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(ConfigurationError, match="set BROKERAGE_HOME to a folder of your own"):
        Settings.load().make_home()


def test_all_processes_may_ask_for_the_home_at_the_same_moment(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with ThreadPoolExecutor(8) as pool:
        homes = {made.result() for made in [pool.submit(settings.make_home) for _ in range(2_000)]}
    assert homes == {tmp_path / "home"}
    assert not list((tmp_path / "home").iterdir())


def test_the_fingerprint_ignores_user_and_password() -> None:
    one = database_fingerprint("postgresql://a:b@db.example.com:5432/x")
    assert one == database_fingerprint("postgresql://c@db.example.com/x")
    assert one != database_fingerprint("postgresql://c@db.example.com/y")


def test_the_settings_page_is_up_to_date() -> None:
    written = settings_doc.SETTINGS_PAGE.read_text("utf-8")
    assert written == settings_doc.render(), "run: python -m brokerage.settings_doc"
