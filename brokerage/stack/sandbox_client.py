"""The sandbox's control API, as far as the command line uses it, and what is remembered of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from brokerage.database.embedded import free_port, is_free
from brokerage.errors import UnavailableError
from brokerage.settings import (
    DEFAULT_SANDBOX_PORT,
    SandboxState,
    Settings,
    database_fingerprint,
)

_TIMEOUT_SECONDS = 60.0


class SandboxClient:
    """One running sandbox; every failure is an `UnavailableError` with one sentence."""

    def __init__(self, url: str) -> None:
        self.url = url

    def healthy(self) -> bool:
        """True if it answers; never raises."""
        try:
            return httpx.get(f"{self.url}/sandbox/health", timeout=2.0).status_code == 200
        except httpx.HTTPError:
            return False

    def health(self) -> dict[str, Any]:
        return dict(self._call("GET", "health"))

    def settings(self) -> dict[str, Any]:
        """What a client must be told about each vendor, by the names of the vendor's settings."""
        return dict(self._call("GET", "settings"))

    def accounts(self) -> list[dict[str, Any]]:
        """The connected agents with their sandbox credentials, the demo agents first."""
        return list(self._call("GET", "accounts"))

    def truth(self, agent_key: str) -> dict[str, Any]:
        """The figures that the warehouse must show for an agent, see sandbox/README.md."""
        return dict(self._call("GET", "truth", params={"agent_key": agent_key}))

    def advance(self, *, days: int = 0, seconds: int = 0) -> dict[str, Any]:
        """Move its clock on; deals close and agents join meanwhile."""
        return dict(self._call("POST", "clock", json={"days": days, "seconds": seconds}))

    def faults(self) -> Any:
        return self._call("GET", "faults")

    def add_fault(self, rule: dict[str, Any]) -> Any:
        return self._call("POST", "faults", json=rule)

    def clear_faults(self) -> Any:
        return self._call("DELETE", "faults")

    def requests(self) -> Any:
        """How many requests it answered, by vendor, key, path and status."""
        return self._call("GET", "requests")

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = httpx.request(
                method, f"{self.url}/sandbox/{path}", timeout=_TIMEOUT_SECONDS, **options
            )
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise UnavailableError(
                f"The sandbox at {self.url} does not answer: start it with "
                "`brokerage up --sandbox`."
            ) from error
        if answer.is_error:
            reason = body.get("error", answer.status_code) if isinstance(body, dict) else body
            raise UnavailableError(f"The sandbox refused {method} /sandbox/{path}: {reason}")
        return body


def remember_sandbox(settings: Settings, *, size: str | None = None) -> SandboxState:
    """The sandbox of this home: the remembered one, else a new one with today's date.

    Its port follows BROKERAGE_SANDBOX_PORT if that is set.
    """
    state = settings.sandbox_state
    database_url = settings.database_url
    if state is None:
        port = settings.sandbox_port or DEFAULT_SANDBOX_PORT
        if settings.sandbox_port is None and not is_free(port):
            port = free_port()
        state = SandboxState(
            port=port,
            size=settings.sandbox_size if size is None else size,  # type: ignore[arg-type]
            seed=settings.sandbox_seed,
            today=datetime.now(UTC).date().isoformat(),
            database=database_fingerprint(database_url),
        )
    state = replace(
        state,
        port=settings.sandbox_port or state.port,
        database=database_fingerprint(database_url),
    )
    settings.make_home()
    state.write(settings.home)
    return state
