"""What is peculiar to Follow Up Boss's HTTP: two kinds of credential, contexts, the envelope.

Unknown parameters are ignored with HTTP 200 (fub.md §2.3), so whoever sends a filter must look at
the rows that come back. A wrong path must be loud: it once read zero rows for weeks (§2.1).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

import httpx
from pydantic import Field, SecretStr

from pipelines.common.account import Credentials
from pipelines.common.budget import Rate
from pipelines.common.entity import Row
from pipelines.common.errors import AccountBroken, ContractBroken, VendorError
from pipelines.common.http import (
    Answer,
    Api,
    Dialect,
    Failure,
    VendorSettings,
    rate_limit_headers,
)
from pipelines.common.moments import moment
from pipelines.common.oauth import Attempt, Form, OAuth
from pipelines.common.reading import Reading

PAGE = 100
"""The largest page (§2.2)."""

Params = Sequence[tuple[str, str]]


class FubSettings(VendorSettings):
    """Addresses and the registered system that raises the limits (§1.2)."""

    base_url: str = Field("https://api.followupboss.com/v1", description="the API")
    app_base_url: str = Field(
        "https://app.followupboss.com", description="authorisation and tokens (OAuth)"
    )
    system: str | None = Field(
        None, description="the registered name of this system (header X-System)"
    )
    system_key: SecretStr | None = Field(
        None,
        description="the key of the registered system (header X-System-Key); it raises the rate "
        "limits",
    )
    oauth_client_id: str | None = Field(None, description="the client id of the OAuth app")
    oauth_client_secret: SecretStr | None = Field(
        None, description="the client secret of the OAuth app"
    )


def _ask(client: httpx.Client, settings: VendorSettings, form: Form) -> httpx.Response:
    """A form, with the app as Basic (§1.3)."""
    own = cast(FubSettings, settings)
    if own.oauth_client_id is None or own.oauth_client_secret is None:
        raise ContractBroken(
            "Follow Up Boss's access cannot be renewed without the registered app; set "
            "BROKERAGE_FUB_OAUTH_CLIENT_ID and BROKERAGE_FUB_OAUTH_CLIENT_SECRET."
        )
    app = (own.oauth_client_id, own.oauth_client_secret.get_secret_value())
    return client.post(f"{own.app_base_url}/oauth/token", data=dict(form), auth=app)


def _consent(_client: httpx.Client, settings: VendorSettings, attempt: Attempt) -> str:
    """`response_type` is not the standard's (§1.3)."""
    own = cast(FubSettings, settings)
    query = {
        "response_type": "auth_code",
        "client_id": own.oauth_client_id or "",
        "redirect_uri": attempt.redirect_uri,
        "state": attempt.state,
    }
    return f"{own.app_base_url}/oauth/authorize?{urlencode(query)}"


def _tokens(body: Any) -> Any:
    """The tokens in the plain answer or the deprecated one around it (§1.3)."""
    wrapped = body.get("data") if isinstance(body, Mapping) else None
    return wrapped if isinstance(wrapped, Mapping) else body


def _withdraw(
    client: httpx.Client, settings: VendorSettings, credentials: Credentials
) -> httpx.Response:
    """The account's grant ends (§1.3)."""
    own = cast(FubSettings, settings)
    headers = {"Authorization": f"Bearer {credentials['access_token']}", **_system(own)}
    return client.delete(f"{own.base_url}/oauthApps/revokeAccess", headers=headers)


OAUTH = OAuth(
    vendor="fub",
    title="Follow Up Boss",
    app_settings="BROKERAGE_FUB_OAUTH_CLIENT_ID and BROKERAGE_FUB_OAUTH_CLIENT_SECRET",
    ask=_ask,
    consent=_consent,
    key_owner="the account owner",
    unwrap=_tokens,
    # unused for so long, a refresh token dies (§1.4)
    grant_life=timedelta(days=90),
    withdraw=_withdraw,
    sends_state=True,
)


def authorize(credentials: Credentials, settings: VendorSettings) -> Mapping[str, str]:
    """Basic for an API key, Bearer for OAuth; they are not interchangeable (§1)."""
    own = cast(FubSettings, settings)
    if "access_token" in credentials:
        headers = {"Authorization": f"Bearer {OAUTH.bearer(credentials)}"}
    else:
        token = b64encode(f"{credentials.get('api_key', '')}:".encode()).decode()
        headers = {"Authorization": f"Basic {token}"}
    return {**headers, **_system(own)}


def _system(own: FubSettings) -> dict[str, str]:
    """The headers of the registered system, if there is one."""
    named = {"X-System": own.system} if own.system else {}
    key = own.system_key
    return named if key is None else {**named, "X-System-Key": key.get_secret_value()}


def classify(failure: Failure) -> VendorError | None:
    """A closed account, and a path that does not exist, are not what their status says."""
    if failure.status == httpx.codes.FORBIDDEN and failure.path.endswith("/identity"):
        said = f" ({failure.message})" if failure.message else ""
        return AccountBroken(
            f"Follow Up Boss refuses the account{said}: it has expired or may not use the API; "
            f"renew it there, then connect it again."
        )
    if failure.status == httpx.codes.NOT_FOUND and not failure.single_record:
        return ContractBroken(
            f"Follow Up Boss does not know GET {failure.path}; a list never answers 404, so the "
            f"address is wrong: check BROKERAGE_FUB_BASE_URL."
        )
    return None


DIALECT = Dialect(
    title="Follow Up Boss",
    authorize=authorize,
    # what an unregistered system gets; the headers of the first answer raise it (§3.1)
    rates={"default": Rate(limit=125, window=10.0), "events": Rate(limit=10, window=10.0)},
    classify=classify,
    limit_headers=rate_limit_headers,
    exchange=OAUTH.exchange,
    # several people may connect one account, which has one limit (§3.1)
    budget_key=lambda account, _: account.account_source_id or account.connection_id,
)


@dataclass(frozen=True)
class Page:
    """One page of a list: rows, the matching total, and the cursor of the next page."""

    rows: list[Row]
    total: int | None
    next: str | None


def read_page(data: Any, path: str) -> Page:
    """Read an envelope (§2.1). Raises `ContractBroken` if it holds no list."""
    if not isinstance(data, Mapping):
        raise ContractBroken(
            f"Follow Up Boss answered /{path} with no object; compare docs/vendors/fub.md."
        )
    meta = data.get("_metadata")
    meta = meta if isinstance(meta, Mapping) else {}
    wanted = str(meta.get("collection") or "").lower()
    listed = next((v for k, v in data.items() if k.lower() == wanted and isinstance(v, list)), None)
    if listed is None:
        lists = [value for value in data.values() if isinstance(value, list)]
        if len(lists) != 1:
            raise ContractBroken(
                f"Follow Up Boss answered /{path} without a list; compare docs/vendors/fub.md."
            )
        listed = lists[0]
    rows = [row if isinstance(row, dict) else {"value": row} for row in listed]
    total, cursor = meta.get("total"), meta.get("next")
    return Page(
        rows,
        total if isinstance(total, int) else None,
        cursor if isinstance(cursor, str) and cursor else None,
    )


@dataclass(frozen=True)
class Listing:
    """One list of one account with its fixed parameters."""

    api: Api
    base_url: str
    path: str
    params: Params = ()
    context: str = "default"
    single_record: bool = False

    def page(self, *more: tuple[str, str], limit: int = PAGE) -> Page:
        """Read one page; `more` narrows the list."""
        answer = self.api.get(
            f"{self.base_url}/{self.path}",
            [*self.params, *more, ("limit", str(limit))],
            context=self.context,
            single_record=self.single_record,
        )
        return read_page(answer.data, self.path)

    def pages(self, *more: tuple[str, str], first: Page | None = None) -> Iterator[Page]:
        """Follow the cursor to the last page, from the first one or from one already read.

        A cursor that is refused (it may have run out) is replaced by the lowest id seen, which
        means the same as long as nothing is sorted (§2.2).
        """
        sorted_by_id = not any(name == "sort" for name, _ in (*self.params, *more))
        page = first or self.page(*more)
        lowest = lowest_id(page.rows)
        yield page
        while page.next is not None:
            try:
                page = self.page(*more, ("next", page.next))
            except ContractBroken:
                if lowest is None or not sorted_by_id:
                    raise
                page = self.page(*more, ("idLessThan", str(lowest)))
            found = lowest_id(page.rows)
            if found is not None:
                lowest = found if lowest is None else min(lowest, found)
            yield page

    def record(self, key: str) -> Answer:
        """One record. Raises `RecordUnavailable` if it is gone or not ours."""
        return self.api.get(
            f"{self.base_url}/{self.path}/{key}", context=self.context, single_record=True
        )


def settings_of(reading: Reading) -> FubSettings:
    """The settings in their own type."""
    return cast(FubSettings, reading.settings)


def listing(reading: Reading, path: str, params: Params = (), context: str = "default") -> Listing:
    """A list of the account being read."""
    return Listing(reading.api, settings_of(reading).base_url, path, params, context)


def id_of(row: Row) -> int | None:
    """The integer id of a row, None if it has none that makes sense."""
    value = row.get("id")
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def lowest_id(rows: Sequence[Row]) -> int | None:
    """The lowest id of a page."""
    return min((key for row in rows if (key := id_of(row)) is not None), default=None)


def latest(rows: Sequence[Row], name: str) -> datetime | None:
    """The newest instant of that name on a page."""
    return max((m for row in rows if (m := moment(row.get(name))) is not None), default=None)
