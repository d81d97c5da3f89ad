"""Whose credential it is, and whether it sees the whole account (lofty.md §1.1, §1.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from pipelines.common.account import Identity
from pipelines.common.entity import Row
from pipelines.common.errors import AccountBroken, ContractBroken
from pipelines.common.http import Api, VendorSettings
from pipelines.common.reading import Reading
from pipelines.common.sight import Sight
from pipelines.lofty.client import LoftySettings, settings_of, unwrapped


def who_am_i(api: Api, settings: LoftySettings) -> Row:
    """The member behind the credential.

    Raises `AccountBroken` if it belongs to another account than the one that was connected: a
    swapped key must not pour one tenant into another (§11).
    """
    me = unwrapped(api.get(f"{settings.base_url}/v1.0/me").data)
    if not isinstance(me, dict) or not me.get("teamId"):
        raise ContractBroken(
            "Lofty answered /v1.0/me without a team id; compare docs/vendors/lofty.md."
        )
    team, expected = str(me["teamId"]), api.account.account_source_id
    if expected is not None and expected != team:
        raise AccountBroken(
            f"The Lofty credential now belongs to account {team}, but account {expected} was "
            f"connected; connect the right account again."
        )
    return {**me, "seesAll": _sees_all(me)}


def _sees_all(me: Row) -> bool:
    """Owners and admins see every lead, everybody else the own ones (§1.1)."""
    role = str(me.get("roleName") or "").lower()
    return me.get("isAdmin") is True or "owner" in role or "admin" in role


def limitation(me: Row) -> str | None:
    """What the credential cannot see, None for an owner's or admin's."""
    if me["seesAll"]:
        return None
    return (
        f"This Lofty credential belongs to {_name_of(me) or 'a user'} "
        f"({me.get('roleName') or 'unknown role'}), not to an owner or admin: it shows only the "
        f"leads of that user; connect the account with an owner's or admin's key."
    )


def _name_of(me: Row) -> str:
    return " ".join(str(me[n]) for n in ("firstName", "lastName") if me.get(n))


def check(api: Api, settings: VendorSettings) -> Identity:
    """Whose credential it is. Raises `AccountBroken` if Lofty refuses it."""
    me = who_am_i(api, cast(LoftySettings, settings))
    return Identity(
        account_source_id=str(me["teamId"]),
        label=_name_of(me) or f"Lofty account {me['teamId']}",
        email=me.get("email") or None,
        role=me.get("roleName") or None,
        limited=limitation(me),
    )


SIGHT = Sight(
    table="account",
    viewer="member_user_id",
    note="The credential sees less of the account than before, so nothing is marked as deleted; "
    "connect the account with an owner's or admin's key.",
)


def read_account(reading: Reading) -> Iterator[Sequence[Row]]:
    """The member behind the credential; tells this sync whether it sees less than what is stored
    (§6).
    """
    me = who_am_i(reading.api, settings_of(reading))
    SIGHT.remember(reading, str(me["memberUserId"]), sees_all=me["seesAll"])
    reading.note = limitation(me)
    yield [me]
