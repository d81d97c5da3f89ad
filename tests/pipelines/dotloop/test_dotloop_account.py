"""The person, the profiles and the address book (§3.1, §3.2, §3.7)."""

from __future__ import annotations

import httpx
import pytest

from pipelines.common.errors import AccountBroken, ContractBroken
from pipelines.dotloop.account import check
from tests.pipelines.dotloop.dotloop_fake import ME, SETTINGS, Dotloop, connect, stamp
from tests.pipelines.in_memory import Connection


def test_who_the_access_belongs_to() -> None:
    identity = check(connect(Dotloop()).api(), SETTINGS)
    assert (identity.account_source_id, identity.label, identity.email) == (
        "90001", "Ada Sample", "ada@example.com",
    )  # fmt: skip
    assert identity.limited is None


@pytest.mark.parametrize(
    ("me", "label"),
    [
        ({"id": 7, "firstName": None, "email": "a@example.com"}, "a@example.com"),
        ({"id": 7, "lastName": "Sample"}, "Sample"),
        ({"id": 7}, "7"),
    ],
)
def test_a_person_without_a_name_has_a_label(me: dict[str, object], label: str) -> None:
    connection = connect(Dotloop(), account_source_id=None)
    connection.handler = lambda _request: httpx.Response(200, json={"data": me})
    assert check(connection.api(), SETTINGS).label == label


def test_anothers_access_is_refused_before_a_row_is_read() -> None:
    with pytest.raises(AccountBroken, match="now belongs to account 90001, but account 5 was"):
        connect(Dotloop(), account_source_id="5").read("accounts")


@pytest.mark.parametrize("body", [{"data": {}}, {"data": [ME]}, ME])
def test_an_account_without_an_id_is_a_broken_contract(body: object) -> None:
    connection = connect(Dotloop())
    connection.handler = lambda _request: httpx.Response(200, json=body)
    with pytest.raises(ContractBroken):
        connection.read("accounts")


def test_a_profile_that_the_list_forgot_is_asked_for() -> None:
    dotloop = Dotloop()
    dotloop.profiles = [{"id": 42}, {"id": 43}, {"id": 44, "deactivated": True}]
    connection = connect(dotloop)
    connection.read("profiles")
    assert set(connection.warehouse.rows["profiles"]) == {"42", "43", "44"}
    del dotloop.profiles[1]
    connection.later(hours=1)
    outcome = connection.read("profiles")
    assert outcome.gone == {"43"}
    assert outcome.paths == ["profile", "43"]


# -- contacts --------------------------------------------------------------------------------------


def address_book(count: int) -> Dotloop:
    dotloop = Dotloop()
    dotloop.contacts = [{"id": n, "updated": stamp(-60 * n)} for n in range(1, count + 1)]
    return dotloop


def second_sync(dotloop: Dotloop, **later: float) -> Connection:
    connection = connect(dotloop)
    connection.read("contacts")
    connection.later(**later or {"hours": 1})
    return connection


def test_a_first_reading_takes_fifty_at_a_time() -> None:
    outcome = connect(address_book(120)).read("contacts")
    assert [r.url.params["batch_number"] for r in outcome.requests] == ["1", "2", "3"]
    assert {r.url.params["batch_size"] for r in outcome.requests} == {"50"}
    assert not any("filter" in r.url.params for r in outcome.requests)
    assert len(outcome.rows) == 120
    assert outcome.reading.cursor_to == stamp(-60)
    assert outcome.reading.complete


def test_an_increment_is_filtered() -> None:
    dotloop = address_book(120)
    connection = second_sync(dotloop)
    for row in dotloop.contacts[:60]:
        row["updated"] = stamp(30)
    outcome = connection.read("contacts")
    assert {r.url.params["filter"] for r in outcome.requests} == {f"updated_min={stamp(-70)}"}
    assert [r.url.params["batch_number"] for r in outcome.requests] == ["1", "2"]
    assert outcome.reading.cursor_to == stamp(30)
    assert not outcome.reading.complete


@pytest.mark.parametrize("ignored", ["filter", "refuse filter"])
def test_without_a_filter_everything_comes(ignored: str) -> None:
    dotloop = address_book(120)
    dotloop.ignores.add(ignored)
    connection = second_sync(dotloop)
    dotloop.contacts[99]["updated"] = stamp(30)
    outcome = connection.read("contacts")
    assert len(outcome.rows) == 120
    assert (outcome.reading.note is not None) == (ignored == "refuse filter")


def test_once_a_week_what_is_missing_is_asked_for() -> None:
    dotloop = address_book(60)
    connection = second_sync(dotloop, days=6)
    del dotloop.contacts[30]
    assert connection.read("contacts").gone == set()
    connection.later(days=1)
    assert connection.read("contacts").gone == {"31"}


def test_a_contact_without_a_date_or_dated_in_the_future() -> None:
    dotloop = address_book(2)
    dotloop.contacts += [{"id": 8, "updated": None}, {"id": 9, "updated": stamp(10**6)}]
    connection = second_sync(dotloop)
    dotloop.contacts[0]["updated"] = stamp(150)
    assert 1 in connection.read("contacts").ids
