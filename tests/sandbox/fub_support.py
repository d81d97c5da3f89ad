"""A thin client of the imitated Follow Up Boss, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from sandbox.box import Sandbox
from sandbox.server import serve
from sandbox.world.crm import SYSTEM, SYSTEM_KEY, Account, Crm

EVERYBODY = {"fields": "allFields", "includeTrash": "true", "includeUnclaimed": "true"}
SYSTEM_HEADERS = {"X-System": SYSTEM, "X-System-Key": SYSTEM_KEY}


class Fub:
    """Calls ``/fub`` of a running sandbox; every method returns decoded JSON or the response."""

    def __init__(self, box: Sandbox, agent_key: str = "ada-sample") -> None:
        self.box = box
        self.agent_key = agent_key
        self.http = httpx.Client(base_url=f"{box.url}/fub", timeout=5)

    @property
    def crm(self) -> Crm:
        """All accounts; another object after a reset."""
        assert isinstance(self.box.crm, Crm)
        return self.box.crm

    @property
    def account(self) -> Account:
        """The account's objects."""
        return self.crm.account_of(self.agent_key)

    def send(
        self,
        path: str,
        *,
        by: str = "owner",
        token: str | None = None,
        system: bool = True,
        **params: Any,
    ) -> httpx.Response:
        """One GET below ``/v1`` as a role, or with a bearer token."""
        headers = dict(SYSTEM_HEADERS) if system else {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
            return self.http.get(f"/v1/{path}", params=params or None, headers=headers)
        auth = (self.crm.key(self.agent_key, by), "")
        return self.http.get(f"/v1/{path}", params=params or None, headers=headers, auth=auth)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """A successful GET's body."""
        response = self.send(path, **params)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    def sweep(self, path: str, limit: int = 100, **params: Any) -> list[dict[str, Any]]:
        """Every row of a list, by cursor."""
        rows: list[dict[str, Any]] = []
        while True:
            body = self.get(path, limit=limit, **params)
            rows += body[body["_metadata"]["collection"]]
            if body["_metadata"]["next"] is None:
                return rows
            params["next"] = body["_metadata"]["next"]

    def ids(self, path: str, **params: Any) -> list[int]:
        """The ids of a swept list, in order."""
        return [row["id"] for row in self.sweep(path, **params)]

    def mutate(self, op: str, **change: Any) -> dict[str, Any]:
        """Plays a change in this account."""
        return self.box.mutate({"op": f"fub.{op}", "agent_key": self.agent_key, **change})

    def switch(self, name: str, value: Any, entity: str | None = None) -> None:
        """Sets a switch."""
        self.mutate("switch", name=name, value=value, entity=entity)

    def token(self, **form: str) -> httpx.Response:
        """``POST /oauth/token``."""
        oauth = self.crm.account(self.agent_key)["oauth"]
        auth = (oauth["client_id"], oauth["client_secret"])
        return self.http.post("/oauth/token", data=form, auth=auth)


@contextmanager
def running(**options: Any) -> Iterator[Fub]:
    """A small sandbox and a client of Ada's account."""
    with serve(size="small", seed=7, **options) as box:
        client = Fub(box)
        try:
            yield client
        finally:
            client.http.close()
