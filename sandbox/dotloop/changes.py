"""The changes that a test may play on Dotloop, by name (see README)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sandbox.dotloop import facts
from sandbox.dotloop.model import AMOUNTS, DATES, Account, Contact, Loop, Party, Profile, Value
from sandbox.switches import turn

if TYPE_CHECKING:
    from sandbox.dotloop.books import Books

Change = Mapping[str, Any]
Result = dict[str, Any]
LOOP_MEMBERS = ("name", "transactionType", "status")
PARTY_MEMBERS = ("fullName", "email", "role", "phone", "labels")
ACCOUNT_MEMBERS = ("firstName", "lastName", "email")
CONTACT_MEMBERS = {
    "firstName": "first_name", "lastName": "last_name", "email": "email", "home": "home",
    "office": "office", "cell": "cell", "fax": "fax", "address": "address", "city": "city",
    "state": "state", "zipCode": "zip_code", "country": "country",
}  # fmt: skip
PROFILE_MEMBERS = {
    "name": "name", "type": "type", "company": "company", "phone": "phone", "fax": "fax",
    "address": "address", "city": "city", "state": "state", "zipCode": "zip_code",
    "country": "country", "requiresTemplate": "requires_template", "deactivated": "deactivated",
}  # fmt: skip


def play(books: Books, change: Change) -> Result:
    """Plays one change and returns the ids it touched. Raises ValueError for one that is unknown or
    impossible.
    """
    op = str(change.get("op", "")).removeprefix("dotloop.")
    action = ACTIONS.get(op)
    if action is None:
        raise ValueError(f"Unknown change {op!r}; known are: {', '.join(sorted(ACTIONS))}.")
    return action(books, change)


# --- what a change names --------------------------------------------------------------------------


def _given(change: Change, name: str) -> Any:
    if name not in change:
        raise ValueError(f"The change {change['op']} needs {name}; see sandbox/dotloop/README.md.")
    return change[name]


def _account(books: Books, change: Change) -> Account:
    found = books.accounts.get(str(_given(change, "agent_key")))
    if found is None:
        raise ValueError(f"{change['agent_key']} has no account; see GET /sandbox/accounts.")
    return found


def _profile(books: Books, change: Change) -> Profile:
    found = books.profiles.get(int(_given(change, "profile_id")))
    if found is None:
        raise ValueError(f"There is no profile {change['profile_id']}.")
    return found


def _loop(books: Books, change: Change, name: str = "loop_id") -> Loop:
    found = books.loops.get(int(_given(change, name)))
    if found is None or found.merged_into is not None:
        raise ValueError(f"There is no loop {change[name]}; give the id in its owner's profile.")
    return found


def _members(change: Change, known: Mapping[str, str] | tuple[str, ...]) -> dict[str, Any]:
    given: dict[str, Any] = dict(change.get("set", {}))
    unknown = sorted(given.keys() - set(known))
    if unknown:
        raise ValueError(f"Not to be set: {', '.join(unknown)}; known are: {', '.join(known)}.")
    return given


# --- accounts and profiles ------------------------------------------------------------------------


def _edit_account(books: Books, change: Change) -> Result:
    account = _account(books, change)
    account.edits.update(_members(change, ACCOUNT_MEMBERS))
    return {"account_id": account.id}


def _add_profile(books: Books, change: Change) -> Result:
    key = _account(books, change).agent_key
    profile = books.add_profile(
        str(change.get("type", "TEAM")), str(change.get("name", "A new profile")),
        members={key}, listers={key},
    )  # fmt: skip
    return {"profile_id": profile.id}


def _edit_profile(books: Books, change: Change) -> Result:
    profile = _profile(books, change)
    for name, value in _members(change, PROFILE_MEMBERS).items():
        setattr(profile, PROFILE_MEMBERS[name], value)
    return {"profile_id": profile.id}


def _remove_profile(books: Books, change: Change) -> Result:
    """Somebody is removed from a profile, which leaves the list with all its loops."""
    profile = _profile(books, change)
    profile.members.discard(_account(books, change).agent_key)
    return {"profile_id": profile.id}


def _loop_access(books: Books, change: Change) -> Result:
    profile, key = _profile(books, change), _account(books, change).agent_key
    if _given(change, "allowed"):
        profile.listers.add(key)
    else:
        profile.listers.discard(key)
    return {"profile_id": profile.id, "listers": sorted(profile.listers)}


# --- loops ----------------------------------------------------------------------------------------


def _typed(details: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Value | None]]:
    """Labels with texts → labels with values: amounts and ISO dates are understood."""
    found: dict[str, dict[str, Value | None]] = {}
    for section, labels in details.items():
        found[section] = {}
        for label, value in labels.items():
            if value is None:
                found[section][label] = None
            elif label in AMOUNTS:
                found[section][label] = _amount(value)
            elif label in DATES:
                found[section][label] = date.fromisoformat(value)
            else:
                found[section][label] = str(value)
    return found


def _amount(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is no amount; give it plain, such as 501500.25.") from None


def _write(books: Books, loop: Loop, change: Change) -> None:
    for section, labels in _typed(change.get("details", {})).items():
        loop.details[section] = {**loop.details.get(section, {}), **labels}
    books.edit(loop, _members(change, LOOP_MEMBERS))


def _add_loop(books: Books, change: Change) -> Result:
    loop = books.add_loop(_account(books, change).agent_key)
    loop.edits |= {"transactionType": "PURCHASE_OFFER", "status": "PRE_OFFER"}
    _write(books, loop, change)
    return _told(loop)


def _edit_loop(books: Books, change: Change) -> Result:
    loop = _loop(books, change)
    _write(books, loop, change)
    return _told(loop)


def _told(loop: Loop) -> Result:
    return {
        "loop_id": loop.id,
        "profile_id": loop.views[0],
        "updated": loop.updated.isoformat(),
    }


def _delete_loop(books: Books, change: Change) -> Result:
    loop = _loop(books, change)
    books.delete(loop)
    return {"deleted": loop.id}


def _merge_loops(books: Books, change: Change) -> Result:
    old, into = _loop(books, change), _loop(books, change, "into")
    books.merge(old, into)
    return {"loop_id": old.id, "into": into.id}


def _add_activity(books: Books, change: Change) -> Result:
    loop = _loop(books, change)
    loop.activities.append((books.now(), str(_given(change, "message"))))
    if books.switches["activities_touch"]:
        books.touch(loop)
    return _told(loop)


# --- participants and contacts --------------------------------------------------------------------


def _on_loop(books: Books, change: Change) -> tuple[Loop, int]:
    loop, number = _loop(books, change), int(_given(change, "id"))
    if number not in {party.id for party in facts.parties(loop)}:
        raise ValueError(f"Nobody on loop {loop.id} has the number {number}.")
    return loop, number


def _people_changed(books: Books, loop: Loop, number: int) -> Result:
    if books.switches["participants_touch"]:
        books.touch(loop)
    return {**_told(loop), "id": number}


def _add_participant(books: Books, change: Change) -> Result:
    loop, given = _loop(books, change), _members(change, PARTY_MEMBERS)
    # those of the deal have their numbers first
    facts.parties(loop)
    number = facts.next_number(loop)
    party = Party(
        number, given.get("fullName", "Robin Example"), given.get("email"),
        str(given.get("role", "OTHER")), given.get("phone"), dict(given.get("labels", {})),
    )  # fmt: skip
    loop.guests.append(party)
    return _people_changed(books, loop, number)


def _edit_participant(books: Books, change: Change) -> Result:
    loop, number = _on_loop(books, change)
    given = _members(change, PARTY_MEMBERS)
    loop.changed[number] = {**loop.changed.get(number, {}), **given}
    return _people_changed(books, loop, number)


def _delete_participant(books: Books, change: Change) -> Result:
    loop, number = _on_loop(books, change)
    loop.removed.add(number)
    return _people_changed(books, loop, number)


def _contact(books: Books, change: Change) -> Contact:
    box = books.contacts[_account(books, change).agent_key]
    found = box.get(int(_given(change, "id")))
    if found is None:
        raise ValueError(f"{change['agent_key']} has no contact {change['id']}.")
    return found


def _add_contact(books: Books, change: Change) -> Result:
    box = books.contacts[_account(books, change).agent_key]
    contact = Contact(books.number("contact"), "Robin", "Example", "robin@example.com")
    box[contact.id] = contact
    return _fill(books, contact, change)


def _edit_contact(books: Books, change: Change) -> Result:
    return _fill(books, _contact(books, change), change)


def _fill(books: Books, contact: Contact, change: Change) -> Result:
    for name, value in _members(change, CONTACT_MEMBERS).items():
        setattr(contact, CONTACT_MEMBERS[name], value)
    contact.updated = books.now()
    return {"id": contact.id}


def _delete_contact(books: Books, change: Change) -> Result:
    contact = _contact(books, change)
    del books.contacts[str(change["agent_key"])][contact.id]
    return {"deleted": contact.id}


# --- grants and switches --------------------------------------------------------------------------


def _expire_token(books: Books, change: Change) -> Result:
    key = _account(books, change).agent_key
    books.grants.expire(key, told=bool(change.get("told", False)))
    return {"expired": key}


def _revoke_key(books: Books, change: Change) -> Result:
    books.grants.withdrawn.add(_account(books, change).agent_key)
    return {"revoked": sorted(books.grants.withdrawn)}


def _restore_key(books: Books, change: Change) -> Result:
    books.grants.restore(_account(books, change).agent_key)
    return {"revoked": sorted(books.grants.withdrawn)}


def _set_scope(books: Books, change: Change) -> Result:
    grant = books.grants.of_agent[_account(books, change).agent_key]
    grant.scope = str(_given(change, "scope"))
    return {"scope": grant.scope}


def _switch(books: Books, change: Change) -> Result:
    return turn(books.switches, change)


ACTIONS: dict[str, Callable[[Books, Change], Result]] = {
    "edit_account": _edit_account,
    "add_profile": _add_profile,
    "edit_profile": _edit_profile,
    "remove_profile": _remove_profile,
    "loop_access": _loop_access,
    "add_loop": _add_loop,
    "edit_loop": _edit_loop,
    "delete_loop": _delete_loop,
    "merge_loops": _merge_loops,
    "add_activity": _add_activity,
    "add_participant": _add_participant,
    "edit_participant": _edit_participant,
    "delete_participant": _delete_participant,
    "add_contact": _add_contact,
    "edit_contact": _edit_contact,
    "delete_contact": _delete_contact,
    "expire_token": _expire_token,
    "revoke_key": _revoke_key,
    "restore_key": _restore_key,
    "set_scope": _set_scope,
    "switch": _switch,
}
