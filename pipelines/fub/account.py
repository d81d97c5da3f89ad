"""Whose credential it is, and whether it sees the whole account (fub.md §1.1, §1.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pipelines.common.account import Identity
from pipelines.common.entity import Row
from pipelines.common.errors import AccountBroken, ContractBroken
from pipelines.common.http import Api, VendorSettings
from pipelines.common.reading import Reading
from pipelines.common.sight import Sight
from pipelines.fub.client import FubSettings, settings_of


def who_am_i(api: Api, settings: FubSettings) -> Row:
    """The account and user behind the credential, flat.

    Raises `AccountBroken` if it is another account than the one that was connected: a swapped key
    must not pour one tenant into another (§11).
    """
    data = api.get(f"{settings.base_url}/identity").data
    account = _part(data, "account")
    user = _part(data, "user")
    if account.get("id") is None:
        raise ContractBroken(
            "Follow Up Boss answered /identity without an account id; compare docs/vendors/fub.md."
        )
    expected = api.account.account_source_id
    if expected is not None and expected != str(account["id"]):
        raise AccountBroken(
            f"The Follow Up Boss key now belongs to account {account['id']}, but account "
            f"{expected} was connected; connect the right account again."
        )
    owner = _part(account, "owner")
    role = user.get("role")
    return {
        "accountId": account["id"],
        "accountDomain": account.get("domain"),
        "accountName": account.get("name"),
        "ownerName": owner.get("name"),
        "ownerEmail": owner.get("email"),
        "userId": user.get("id"),
        "userName": user.get("name"),
        "userEmail": user.get("email"),
        "userRole": role,
        "isOwner": user.get("isOwner"),
        "isAdmin": user.get("isAdmin"),
        "isLender": user.get("isLender"),
        "seesAll": bool(user.get("isOwner") or user.get("isAdmin") or role == "Broker"),
        "account": dict(account),
        "user": dict(user),
    }


def _part(data: Any, name: str) -> Mapping[str, Any]:
    part = data.get(name) if isinstance(data, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def limitation(me: Row) -> str | None:
    """What the credential cannot do, None for an account owner's."""
    if me["isOwner"]:
        return None
    who = me["userName"] or "its user"
    if not me["seesAll"]:
        return (
            f"This Follow Up Boss key belongs to {who} ({me['userRole'] or 'unknown role'}), not "
            f"to the account owner: it shows only people assigned to that user; connect the "
            f"account with the owner's key."
        )
    return (
        f"This Follow Up Boss key belongs to {who}, an admin: it reads the whole account but may "
        f"not manage webhooks; connect the account with the owner's key to get those."
    )


def check(api: Api, settings: VendorSettings) -> Identity:
    """Whose credential it is. Raises `AccountBroken` if Follow Up Boss refuses it."""
    me = who_am_i(api, cast(FubSettings, settings))
    role = "Owner" if me["isOwner"] else "Admin" if me["seesAll"] else me["userRole"]
    return Identity(
        account_source_id=str(me["accountId"]),
        label=str(me["accountName"] or me["accountDomain"] or me["accountId"]),
        email=me["userEmail"],
        role=role,
        limited=limitation(me),
    )


SIGHT = Sight(
    table="identity",
    viewer="user_id",
    note="The key sees less of the account than before, so nothing is marked as deleted; connect "
    "the account with the owner's key.",
)


def read_identity(reading: Reading) -> Iterator[Sequence[Row]]:
    """The identity; tells this sync whether the credential sees less than what is stored (§1.1)."""
    me = who_am_i(reading.api, settings_of(reading))
    SIGHT.remember(reading, str(me["userId"]), sees_all=me["seesAll"])
    reading.note = limitation(me)
    yield [me]
