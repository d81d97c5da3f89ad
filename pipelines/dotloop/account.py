"""Whose access it is, and the profiles that person has (dotloop.md §3.1, §3.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from pipelines.common.account import Identity
from pipelines.common.entity import Row
from pipelines.common.errors import AccountBroken, ContractBroken, RecordUnavailable
from pipelines.common.http import Api, VendorSettings
from pipelines.common.reading import Reading
from pipelines.dotloop.client import (
    DotloopSettings,
    data_of,
    id_of,
    list_of,
    object_of,
    settings_of,
)


def who_am_i(api: Api, settings: DotloopSettings) -> Row:
    """The person behind the access.

    Raises `AccountBroken` if it is another person than the one that was connected: a swapped token
    must not pour one account into another.
    """
    me = data_of(api.get(f"{settings.base_url}/account").data, "/account")
    own = id_of(me) if isinstance(me, dict) else None
    if own is None:
        raise ContractBroken(
            "Dotloop answered /account without an id; compare docs/vendors/dotloop.md."
        )
    expected = api.account.account_source_id
    if expected is not None and expected != own:
        raise AccountBroken(
            f"The Dotloop access now belongs to account {own}, but account {expected} was "
            f"connected; connect the right account again."
        )
    return cast(Row, me)


def check(api: Api, settings: VendorSettings) -> Identity:
    """Whose access it is. Raises `AccountBroken` if Dotloop refuses it."""
    me = who_am_i(api, cast(DotloopSettings, settings))
    name = " ".join(str(me[part]) for part in ("firstName", "lastName") if me.get(part))
    email = str(me["email"]) if me.get("email") else None
    return Identity(
        account_source_id=str(me["id"]), label=name or email or str(me["id"]), email=email
    )


def read_accounts(reading: Reading) -> Iterator[Sequence[Row]]:
    """The person behind the access."""
    yield [who_am_i(reading.api, settings_of(reading))]
    reading.complete = True


def read_profiles(reading: Reading) -> Iterator[Sequence[Row]]:
    """All profiles, closed ones included; the list is short and unpaged."""
    rows = profiles_of(reading)
    yield rows
    reading.complete = True
    reading.confirm_gone = lambda key: _is_gone(reading, key)


def profiles_of(reading: Reading) -> list[Row]:
    """The profiles as read in this sync, else asked for now."""
    rows: list[Row] | None = reading.handover.get("profiles", None)
    if rows is None:
        rows = list_of(reading.api, f"{settings_of(reading).base_url}/profile")
        reading.handover.put("profiles", rows)
    return rows


def _is_gone(reading: Reading, key: str) -> bool:
    try:
        object_of(reading.api, f"{settings_of(reading).base_url}/profile/{key}")
    except RecordUnavailable:
        return True
    return False
