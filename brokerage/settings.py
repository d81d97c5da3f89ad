"""Every setting of the platform: environment variables with the prefix BROKERAGE_, or `.env`.

A home folder is either a real one or a sandbox one. When the sandbox has been set up in it
(`brokerage demo`, `brokerage up --sandbox`), the file `sandbox.json` in the home says so and holds
what the sandbox told of itself: all processes read the sandbox without being told.

What a vendor's source needs (base URLs, limits, OAuth apps) is a setting of the source, declared in
`pipelines/<vendor>` and read from `BROKERAGE_<VENDOR>_<NAME>` by `resources.vendor_settings`.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
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
    the fingerprint of the database that was filled from it. `vendors` is what the sandbox told
    about each vendor that it imitates, by the names of the vendor's settings.
    """

    port: int
    size: SandboxSize
    seed: int
    today: str
    database: str
    advanced_seconds: int = 0
    vendors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

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
    files_dir: Path = Field(
        default=Path("imports"),
        validate_default=True,
        description="Where imported CSV files are kept. A relative path starts at the home folder.",
    )
    oauth_redirect_uri: str = Field(
        default="https://localhost/brokerage/connected",
        description="The redirect address that is registered with the vendors' OAuth apps. Nothing "
        "has to answer there: `brokerage connect` asks for the address that the browser ended at.",
    )
    reporting_timezone: str = Field(
        default="America/New_York",
        description="The IANA time zone in which an instant becomes a reporting date.",
    )
    dagster_url: str | None = Field(
        default=None,
        description="Where people reach Dagster's UI, for the links in alerts. Unset: "
        "`http://127.0.0.1:` and the port of this machine's.",
    )
    slack_token: SecretStr | None = Field(
        default=None,
        description="The bot token that alerts are posted with (scope `chat:write`). Unset: they "
        "are written into `outbox/slack` in the home folder.",
    )
    slack_channel: str = Field(
        default="#data-alerts", description="The Slack channel that alerts are posted to."
    )
    slack_base_url: str = Field(
        default="https://slack.com/api/", description="Where Slack's Web API is."
    )
    alert_emails: str | None = Field(
        default=None,
        description="Addresses that get every alert by e-mail as well, comma-separated.",
    )
    alert_interval_minutes: int = Field(
        default=5, ge=0, description="Alerts are told in one message per so many minutes at most."
    )
    alert_repeat_hours: int = Field(
        default=24, ge=1, description="An error that stays open is told again after so many hours."
    )
    alert_stale_hours: int = Field(
        default=30,
        ge=1,
        description="A table that was not read for so many hours is stale; an error after 72.",
    )
    grant_warning_days: int = Field(
        default=7, ge=1, description="A grant that ends within so many days raises an alert."
    )
    smtp_host: str | None = Field(
        default=None,
        description="The mail server. Unset: mails are written into `outbox/mail` in the home "
        "folder.",
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="The port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How the connection to the mail server is encrypted: starttls, tls or none.",
    )
    smtp_user: str | None = Field(default=None, description="The login at the mail server, if any.")
    smtp_password: SecretStr | None = Field(
        default=None, description="The password at the mail server."
    )
    mail_from: str = Field(
        default="Brokerage data platform <brokerage@localhost>",
        description="The sender of digests and alerts, `Name <address>`.",
    )
    digest_timezone: str | None = Field(
        default=None,
        description="The IANA time zone of the hour at which digests are sent. Unset: "
        "BROKERAGE_REPORTING_TIMEZONE.",
    )
    digest_hour: int = Field(
        default=8, ge=0, le=20, description="The hour at which digests are sent."
    )
    drop_dir: Path = Field(
        default=Path("drop"),
        validate_default=True,
        description="A folder whose files `AGENT/ENTITY/NAME.csv` are imported by themselves. A "
        "relative path starts at the home folder.",
    )
    images_url: str | None = Field(
        default=None,
        description="Where copies of agents' pictures are kept, as fsspec reads it: a folder, or "
        "`s3://bucket/path` where its library is installed. Unset: `images` in the home folder.",
    )
    images_source_url: str | None = Field(
        default=None,
        description="What the picture paths of reZEN are relative to. Unset: no picture is copied.",
    )
    keep_runs_days: int = Field(
        default=30, ge=1, description="Days that runs of Dagster are kept, with their events."
    )
    keep_failed_runs_days: int = Field(
        default=90, ge=1, description="The same for runs that failed or were cancelled."
    )
    keep_inbox_days: int = Field(
        default=30, ge=1, description="Days that webhooks are kept after they were dealt with."
    )
    keep_logs_days: int = Field(
        default=180,
        ge=1,
        description="Days that events, told errors and alerts that have ended are kept.",
    )
    keep_marks_days: int = Field(
        default=90,
        ge=7,
        description="Days that the marks of syncs are kept which nothing is derived from any more.",
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
    webhook_port: int = Field(
        default=8650,
        ge=1,
        le=65535,
        description="The port of the webhook receiver on 127.0.0.1; the proxy that ends TLS "
        "forwards to it.",
    )
    webhook_base_url: str | None = Field(
        default=None,
        description="The public https address under which vendors reach the webhook receiver. "
        "Unset: nothing can be registered, except in a sandbox home, which delivers to the port.",
    )

    @field_validator("reporting_timezone", "digest_timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("is not an IANA time zone such as America/New_York") from error
        return value

    @field_validator("webhook_base_url")
    @classmethod
    def _public_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        local = parts.hostname in ("127.0.0.1", "localhost")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ValueError("is not an https address")
        return value.rstrip("/")

    @field_validator("home")
    @classmethod
    def _absolute_home(cls, value: Path) -> Path:
        return _resolve_home(value)

    @field_validator("files_dir", "drop_dir")
    @classmethod
    def _below_home(cls, value: Path, info: ValidationInfo) -> Path:
        # home comes first, and is missing here only if it is unusable itself
        home: Path = info.data.get("home", _resolve_home(None))
        return (home / value.expanduser()).resolve()

    @model_validator(mode="before")
    @classmethod
    def _notice_sandbox(cls, values: Any) -> Any:
        """A home that was set up as a sandbox for this database is a sandbox home unasked."""
        if not isinstance(values, dict) or "sandbox" in values:
            return values
        state = SandboxState.read(_resolve_home(values.get("home")))
        if state is None or state.database != database_fingerprint(values.get("database_url")):
            return values
        return {**values, "sandbox": True}

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
    def ui_url(self) -> str:
        """Where Dagster's UI is reached, without a slash at the end."""
        return (self.dagster_url or f"http://127.0.0.1:{self.dagster_port}").rstrip("/")

    @property
    def alert_addresses(self) -> list[str]:
        """Who gets every alert by e-mail."""
        return [part.strip() for part in (self.alert_emails or "").split(",") if part.strip()]

    @property
    def outbox(self) -> Path:
        """Where messages are written that no server is configured for."""
        return self.home / "outbox"

    @property
    def digest_zone(self) -> str:
        """The zone in which digests have their hour."""
        return self.digest_timezone or self.reporting_timezone

    @property
    def is_sandbox(self) -> bool:
        """True when the vendors are the local sandbox."""
        return self.sandbox is True

    @property
    def webhook_address(self) -> str | None:
        """Where vendors deliver webhooks; None if no address is known."""
        if self.webhook_base_url is not None:
            return self.webhook_base_url
        return f"http://127.0.0.1:{self.webhook_port}" if self.is_sandbox else None

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
            # without a name, because others ask at the same moment
            with tempfile.TemporaryFile(dir=self.home):
                pass
        except OSError as error:
            raise ConfigurationError(
                f"The home folder {self.home} cannot be written ({error.strerror}): set "
                "BROKERAGE_HOME to a folder of your own."
            ) from error
        return self.home


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
