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


def test_a_first_reading_takes_fifty_at_a_time_until_nobody_new_turns_up() -> None:
    outcome = connect(address_book(120)).read("contacts")
    assert [r.url.params["batch_number"] for r in outcome.requests] == ["1", "2", "3"] * 2
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
    assert [r.url.params["batch_number"] for r in outcome.requests] == ["1", "2"] * 2
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


def test_an_address_book_of_one_batch_is_walked_once() -> None:
    assert len(connect(address_book(49)).read("contacts").requests) == 1


@pytest.mark.parametrize("cap", [20, 50])
def test_a_cap_is_not_taken_for_the_end_of_a_first_reading(cap: int) -> None:
    dotloop = address_book(120)
    dotloop.contact_cap = cap
    outcome = connect(dotloop).read("contacts")
    assert sorted(outcome.ids) == list(range(1, 121))
    assert outcome.reading.complete


def moving(dotloop: Dotloop, number: int) -> None:
    """Before the batch of that number, whoever is at the front of the list leaves it."""

    def leave(asked: int) -> None:
        if asked == number:
            del dotloop.contacts[0]

    dotloop.before_contacts, dotloop.contacts_asked = leave, 0


def test_a_departure_between_two_batches_hides_nobody() -> None:
    """Everybody moves up by one, and contact 51 is in neither batch."""
    dotloop = address_book(120)
    moving(dotloop, 2)
    connection = connect(dotloop)
    outcome = connection.read("contacts")
    assert set(outcome.ids) == set(range(1, 121))
    # who was in several walks came once
    assert len(outcome.ids) == 120


def test_a_departure_hides_no_change() -> None:
    dotloop = address_book(120)
    connection = second_sync(dotloop)
    for row in dotloop.contacts:
        row["updated"] = stamp(60 + row["id"] / 10)
    moving(dotloop, 2)
    connection.read("contacts")
    held = connection.warehouse.rows["contacts"]
    assert held["51"]["updated"].isoformat() == "2026-06-15T11:05:06+00:00"


def test_a_walk_that_never_settles_ends() -> None:
    dotloop = address_book(120)

    def arrive(asked: int) -> None:
        dotloop.contacts.append({"id": 1000 + asked, "updated": stamp()})

    dotloop.before_contacts = arrive
    assert len(connect(dotloop).read("contacts").requests) == 3 * 5


def test_a_known_contact_that_no_list_shows_is_read_by_itself() -> None:
    """It is there, so what has changed in it counts."""
    dotloop = address_book(60)
    connection = second_sync(dotloop, days=8)
    hidden = {"id": 31, "updated": stamp(60 * 24 * 7), "cell": "555-0131"}
    dotloop.contacts = [row for row in dotloop.contacts if row["id"] not in (30, 31)]

    def with_hidden(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/contact/31"):
            return httpx.Response(200, json={"data": hidden})
        return dotloop(request)

    connection.handler = with_hidden
    outcome = connection.read("contacts")
    assert outcome.gone == {"30"}
    assert connection.warehouse.rows["contacts"]["31"]["cell"] == "555-0131"
    assert outcome.reading.complete


def test_an_address_book_that_came_back_nearly_empty_is_not_asked_about() -> None:
    dotloop = address_book(60)
    connection = second_sync(dotloop, days=8)
    del dotloop.contacts[10:]
    outcome = connection.read("contacts")
    assert (len(outcome.requests), outcome.gone) == (1, set())
