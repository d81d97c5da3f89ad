"""Every setting of the platform: environment variables with the prefix BROKERAGE_, or `.env`.

A home folder is either a real one or a sandbox one. When the sandbox has been set up in it
(`brokerage demo`, `brokerage up --sandbox`), the file `sandbox.json` in the home says so, and the
vendors' base URLs that nobody has set point at the sandbox; all processes agree without being told.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from brokerage.errors import ConfigurationError

SandboxSize = Literal["small", "demo", "bench"]


def _find_project_dir() -> Path:
    beside_package = Path(__file__).resolve().parent.parent
    # an installed wheel has no workspace.yaml beside it: the project is then where the process runs
    return beside_package if (beside_package / "workspace.yaml").exists() else Path.cwd()


PROJECT_DIR = _find_project_dir()


@dataclass(frozen=True)
class SandboxState:
    """What rebuilds the same sandbox world, and which database it belongs to.

    `today` is an ISO date, `advanced_seconds` what its clock was moved on by hand, and `database`
    the fingerprint of the database that was filled from it.
    """

    port: int
    size: SandboxSize
    seed: int
    today: str
    database: str
    advanced_seconds: int = 0

    @classmethod
    def read(cls, home: Path) -> SandboxState | None:
        """The state remembered in the home, or None if the home is not a sandbox home."""
        path = home / "sandbox.json"
        try:
            return cls(**json.loads(path.read_text("utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError) as error:
            raise ConfigurationError(
                f"{path} cannot be read ({error}): delete it and run `brokerage demo` again."
            ) from error

    @property
    def now(self) -> datetime:
        """Noon UTC of the day it began with, which is its clock's start, and what was added."""
        start = datetime.combine(date.fromisoformat(self.today), time(12), tzinfo=UTC)
        return start + timedelta(seconds=self.advanced_seconds)

    def write(self, home: Path) -> None:
        (home / "sandbox.json").write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


DEFAULT_SANDBOX_PORT = 8640

SANDBOX_PATHS = {
    "rezen_yenta_base_url": "/rezen/yenta/api/v1",
    "rezen_arrakis_base_url": "/rezen/arrakis/api/v1",
    "rezen_plutus_base_url": "/rezen/plutus/api/v1",
    "rezen_keymaker_base_url": "/rezen/keymaker/api/v1",
    "fub_base_url": "/fub/v1",
    "fub_app_base_url": "/fub",
    "skyslope_base_url": "/skyslope",
    "lofty_base_url": "/lofty",
    "lofty_oauth_base_url": "/lofty",
}


SANDBOX_REQUESTS_PER_MINUTE = 1200
# a real key of Lofty has ten a minute, and its details cost a request each per lead
SANDBOX_LOFTY_REQUESTS_PER_MINUTE = 12_000

# what the sandbox knows or allows; none of it means anything to a real vendor
SANDBOX_VALUES = {
    "rezen_equity": True,
    "rezen_requests_per_minute": SANDBOX_REQUESTS_PER_MINUTE - 20,
    "rezen_concurrent_requests": 8,
    "fub_system": "Northwind-Sync",
    "fub_system_key": "sandbox-system-key",
    "lofty_oauth_client_id": "sandbox-lofty-client",
    "lofty_oauth_client_secret": "sandbox-lofty-secret",
    "lofty_lead_details": True,
    "lofty_requests_per_minute": SANDBOX_LOFTY_REQUESTS_PER_MINUTE - 200,
}


class Settings(BaseSettings):
    """All settings; a field `name` is the environment variable `BROKERAGE_NAME`."""

    model_config = SettingsConfigDict(
        env_prefix="BROKERAGE_",
        env_file=PROJECT_DIR / ".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        frozen=True,
    )

    database_url: SecretStr | None = Field(
        default=None,
        description="The PostgreSQL (14 or newer) that holds everything, as `postgresql://user:"
        "password@host:port/database`; the user owns the database or may create schemas and roles "
        "in it. Unset: the embedded server in the home folder.",
    )
    home: Path = Field(
        default=Path(".brokerage"),
        description="Where everything local lives: embedded database, keys, logs, pid files. A "
        "relative path starts at the project folder.",
    )
    secret_keys: SecretStr | None = Field(
        default=None,
        description="Fernet keys for the stored vendor credentials, comma-separated, newest first. "
        "Unset: one key is generated into `secret.key` in the home folder.",
    )
    bi_reader_password: SecretStr | None = Field(
        default=None,
        description="The password of the login role `bi_reader`. Unset: one is generated into "
        "`bi_reader.password` in the home folder.",
    )
    rezen_yenta_base_url: str = Field(
        default="https://yenta.therealbrokerage.com/api/v1",
        description="reZEN: agents, teams, network.",
    )
    rezen_arrakis_base_url: str = Field(
        default="https://arrakis.therealbrokerage.com/api/v1",
        description="reZEN: transactions, listings, revenue share.",
    )
    rezen_plutus_base_url: str = Field(
        default="https://plutus.therealbrokerage.com/api/v1",
        description="reZEN: outgoing payments and equity.",
    )
    rezen_keymaker_base_url: str = Field(
        default="https://keymaker.therealbrokerage.com/api/v1",
        description="reZEN: sign-in and API keys.",
    )
    rezen_requests_per_minute: int = Field(
        default=240,
        ge=6,
        description="reZEN: requests per key and minute. No limit is published; raise it with "
        "care.",
    )
    rezen_concurrent_requests: int = Field(
        default=2, ge=1, description="reZEN: requests of one key at the same time."
    )
    fub_base_url: str = Field(
        default="https://api.followupboss.com/v1",
        description="Follow Up Boss: the API.",
    )
    fub_app_base_url: str = Field(
        default="https://app.followupboss.com",
        description="Follow Up Boss: authorisation and tokens (OAuth).",
    )
    fub_system: str | None = Field(
        default=None,
        description="Follow Up Boss: the registered name of this system (header X-System).",
    )
    fub_system_key: SecretStr | None = Field(
        default=None,
        description="Follow Up Boss: the key of the registered system (header X-System-Key); it "
        "raises the rate limits.",
    )
    fub_oauth_client_id: str | None = Field(
        default=None, description="Follow Up Boss: the client id of the OAuth app."
    )
    fub_oauth_client_secret: SecretStr | None = Field(
        default=None, description="Follow Up Boss: the client secret of the OAuth app."
    )
    skyslope_base_url: str = Field(
        default="https://api-latest.skyslope.com",
        description="SkySlope: the API (the older host `https://api.skyslope.com` answers alike).",
    )
    lofty_base_url: str = Field(
        default="https://api.lofty.com",
        description="Lofty: the API, without a version.",
    )
    lofty_oauth_base_url: str = Field(
        default="https://crm.lofty.com",
        description="Lofty: tokens (OAuth).",
    )
    lofty_oauth_endpoint: Literal["crm", "api"] = Field(
        default="crm",
        description="Lofty: whose token endpoint is asked first, `crm` (secret as Basic) or `api` "
        "(secret in the form, on the API's host); the other one is asked after a 404.",
    )
    lofty_oauth_client_id: str | None = Field(
        default=None, description="Lofty: the client id of the OAuth app."
    )
    lofty_oauth_client_secret: SecretStr | None = Field(
        default=None, description="Lofty: the client secret of the OAuth app."
    )
    lofty_requests_per_minute: int = Field(
        default=10,
        ge=1,
        description="Lofty: requests per key and minute to begin with; the answers' headers raise "
        "or lower it.",
    )
    lofty_lead_details: bool = Field(
        default=False,
        description="Pull Lofty's site activity, notes, tasks and appointments, which cost a call "
        "each per changed lead. On by default against the sandbox.",
    )
    rezen_equity: bool = Field(
        default=False,
        description="Pull reZEN's equity entities, whose shapes are the least proven. On by "
        "default against the sandbox.",
    )
    reporting_timezone: str = Field(
        default="America/New_York",
        description="The IANA time zone in which an instant becomes a reporting date.",
    )
    sandbox: bool | None = Field(
        default=None,
        description="Whether the vendors are the local sandbox. Unset: yes in a home folder where "
        "`brokerage demo` or `brokerage up --sandbox` set it up for this database.",
    )
    sandbox_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="The port of the sandbox on 127.0.0.1. Unset: 8640, or the next free one; "
        "remembered in the home folder.",
    )
    sandbox_size: SandboxSize = Field(
        default="demo", description="The size of a new sandbox world: small, demo or bench."
    )
    sandbox_seed: int = Field(default=7, description="The seed of a new sandbox world.")
    postgres_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="The port of the embedded PostgreSQL on 127.0.0.1. Unset: 54329, or a free one "
        "at the first start; remembered in the home folder.",
    )
    dagster_port: int = Field(
        default=3000, ge=1, le=65535, description="The port of Dagster's UI on 127.0.0.1."
    )

    @field_validator("reporting_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("is not an IANA time zone such as America/New_York") from error
        return value

    @field_validator("home")
    @classmethod
    def _absolute_home(cls, value: Path) -> Path:
        return _resolve_home(value)

    @field_validator(*SANDBOX_PATHS)
    @classmethod
    def _http_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("is not an http(s) address")
        return value.rstrip("/")

    @model_validator(mode="before")
    @classmethod
    def _point_at_sandbox(cls, values: Any) -> Any:
        """Fill the base URLs that nobody has set when this home is a sandbox home."""
        if not isinstance(values, dict) or str(values.get("sandbox")).lower() in _FALSE:
            return values
        asked_for = "sandbox" in values
        state = SandboxState.read(_resolve_home(values.get("home")))
        if not asked_for and (
            state is None or state.database != database_fingerprint(values.get("database_url"))
        ):
            return values
        port = state.port if state else values.get("sandbox_port", DEFAULT_SANDBOX_PORT)
        urls = {name: f"http://127.0.0.1:{port}{path}" for name, path in SANDBOX_PATHS.items()}
        return {**urls, **SANDBOX_VALUES, **values, "sandbox": True}

    @classmethod
    def load(cls) -> Settings:
        """Read the environment.

        Raises:
            ConfigurationError: one sentence that names the variable and never its value.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = "BROKERAGE_" + "_".join(str(part) for part in first["loc"]).upper()
            reason = first["msg"].removeprefix("Value error, ")
            raise ConfigurationError(
                f"{name} is not usable: {reason}. See docs/settings.md."
            ) from None

    @property
    def uses_embedded_database(self) -> bool:
        return self.database_url is None

    @property
    def is_sandbox(self) -> bool:
        """True when the vendors are the local sandbox."""
        return self.sandbox is True

    @property
    def as_of(self) -> datetime | None:
        """The moment that "now" means in reports: the sandbox's, or None for the real one."""
        state = self.sandbox_state if self.is_sandbox else None
        return state.now if state else None

    @property
    def sandbox_state(self) -> SandboxState | None:
        return SandboxState.read(self.home)

    def make_home(self) -> Path:
        """Create the home folder if need be and return it.

        Raises:
            ConfigurationError: when it cannot be created or written.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            probe = self.home / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise ConfigurationError(
                f"The home folder {self.home} cannot be written ({error.strerror}): set "
                "BROKERAGE_HOME to a folder of your own."
            ) from error
        return self.home


_FALSE = {"0", "false", "no", "off", "f", "n"}


def _resolve_home(value: Any) -> Path:
    home = Path(value) if value else Path(".brokerage")
    return (PROJECT_DIR / home.expanduser()).resolve()


def database_fingerprint(url: SecretStr | str | None) -> str:
    """Name a database without its password: `embedded`, or a hash of host, port and name."""
    if isinstance(url, SecretStr):
        url = url.get_secret_value()
    if not url:
        return "embedded"
    parts = urlsplit(url)
    identity = f"{parts.hostname}:{parts.port or 5432}{parts.path}"
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once; `get_settings.cache_clear()` reads them again."""
    return Settings.load()
