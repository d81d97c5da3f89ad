"""What a vendor tells by webhook is in the warehouse after one pass; nothing else is touched.

After the pass a sync of the same entities must find nothing to write or to end: the single records
came in the same form, and what is gone is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from pipelines.common.reading import SyncReport
from tests.webhooks.office import Office

Changes = Callable[[Office], Iterable[dict[str, object]]]


def _first(office: Office, table: str, number: int = 0) -> str:
    return sorted(office.live(table))[number]


def rezen(office: Office) -> Iterable[dict[str, object]]:
    deals = sorted(office.live("raw_rezen.transactions"))
    yield {"op": "update_deal", "deal_id": deals[0], "price": "777001.50"}
    yield {"op": "update_deal", "deal_id": deals[1], "street": "1 Webhook Way"}
    yield {"op": "add_deal", "agent_key": "ada-sample", "price": "777002"}


def fub(office: Office) -> Iterable[dict[str, object]]:
    people = sorted(office.live("raw_fub.people"), key=int)
    yield {"op": "fub.update_person", "id": int(people[5]), "set": {"first_name": "Webhooked"}}
    yield {"op": "fub.create_person", "set": {"first_name": "Fresh"}}
    yield {"op": "fub.trash_person", "id": int(people[6])}
    yield {"op": "fub.create_call", "person_id": int(people[7])}
    busy = office.query(
        "select person_id from raw_fub.calls where person_id <> '0' and person_id is not null "
        "group by 1 order by count(*) desc, 1 limit 1"
    )[0][0]
    yield {"op": "fub.delete_person", "id": int(busy)}


def dotloop(office: Office) -> Iterable[dict[str, object]]:
    loops = [loop for loop in office.box.books["dotloop"].loops.values() if not loop.merged_into]  # type: ignore[attr-defined]
    mine = [
        loop for loop in loops if f"{loop.views[0]}|{loop.id}" in office.live("raw_dotloop.loops")
    ]
    yield {"op": "dotloop.edit_loop", "loop_id": mine[0].id, "set": {"name": "Webhook Way"}}
    yield {"op": "dotloop.add_participant", "loop_id": mine[1].id, "set": {"fullName": "Wendy"}}
    yield {"op": "dotloop.merge_loops", "loop_id": mine[2].id, "into": mine[3].id}
    yield {"op": "dotloop.add_contact", "agent_key": "ada-sample", "set": {"firstName": "Wendy"}}
    contact = _first(office, "raw_dotloop.contacts")
    yield {"op": "dotloop.delete_contact", "agent_key": "ada-sample", "id": int(contact)}


def lofty(office: Office) -> Iterable[dict[str, object]]:
    leads = sorted(office.live("raw_lofty.leads"))
    whose = {"agent_key": "ada-sample"}
    yield {
        "op": "lofty.edit_lead",
        "lead_id": int(leads[0]),
        "set": {"firstName": "Wendy"},
        **whose,
    }
    yield {"op": "lofty.add_lead", **whose}
    yield {"op": "lofty.delete_lead", "lead_id": int(leads[1]), **whose}


def stripe(_office: Office) -> Iterable[dict[str, object]]:
    yield {"op": "stripe.update_customer", "agent_key": "ada-sample", "name": "Ada Webhook"}
    yield {"op": "stripe.create_customer", "name": "Fresh Customer"}
    yield {"op": "stripe.cancel_now", "agent_key": "ada-sample"}


@dataclass(frozen=True)
class Story:
    """Changes at one vendor, the entities that they are read with, and a table that shows one."""

    vendor: str
    changes: Changes
    entities: tuple[str, ...]
    shown: tuple[str, str, object]


STORIES = (
    Story(
        "rezen",
        rezen,
        ("agents", "transaction_list", "transactions"),
        ("raw_rezen.transactions", "price_amount", 777001.5),
    ),
    Story(
        "fub",
        fub,
        ("identity", "people", "calls", "events"),
        ("raw_fub.people", "first_name", "Webhooked"),
    ),
    Story(
        "dotloop",
        dotloop,
        ("accounts", "profiles", "loops", "participants", "merged_loops", "contacts"),
        ("raw_dotloop.loops", "name", "Webhook Way"),
    ),
    Story("lofty", lofty, ("account", "leads"), ("raw_lofty.leads", "first_name", "Wendy")),
    Story(
        "stripe",
        stripe,
        ("events", "products", "prices", "customers", "subscriptions", "invoices"),
        ("raw_stripe.customers", "name", "Ada Webhook"),
    ),
)


LATE = {
    # the list of deals has no call for one of them
    "rezen": ("transaction_list", "agents"),
    # a call moves the activity of its person, of which no event tells
    "fub": ("people",),
    # an invoice shows the name of its customer, and no event tells that it does
    "stripe": ("invoices",),
}
"""Tables in which something is left to the next sync, by vendor."""


def _written(report: SyncReport, but: Iterable[str] = ()) -> dict[str, tuple[int, int]]:
    return {
        r.entity: (r.rows_written, r.rows_deleted)
        for r in report.results
        if (r.rows_written or r.rows_deleted) and r.entity not in but
    }


@pytest.mark.parametrize("story", STORIES, ids=[story.vendor for story in STORIES])
def test_one_pass_brings_what_a_sync_would(office: Office, story: Story) -> None:
    office.register(office.connect(story.vendor, entities=story.entities))
    marks = office.query(
        "select entity, cursor, last_success_at from control.sync_state order by entity"
    )
    for change in story.changes(office):
        office.play(**change)
    done = office.work_off(story.vendor)
    assert done.done == done.letters > 0, office.letters("event_type", "status", "error")
    table, column, value = story.shown
    assert value in {row[0] for row in office.live(table, column).values()}
    assert marks == office.query(
        "select entity, cursor, last_success_at from control.sync_state order by entity"
    ), "a reading of single records is no sync"
    report = office.sync(story.vendor, entities=story.entities, full=True)
    assert _written(report, LATE.get(story.vendor, ())) == {}


def test_whose_person_is_gone_goes_too(office: Office) -> None:
    office.register(office.connect("fub", entities=("identity", "people", "calls", "events")))
    person, calls = office.query(
        "select person_id, count(*) from raw_fub.calls where person_id <> '0' "
        "group by 1 order by 2 desc, 1 limit 1"
    )[0]
    before = len(office.live("raw_fub.calls"))
    office.play(op="fub.delete_person", id=int(person))
    office.work_off("fub")
    assert person not in office.live("raw_fub.people")
    assert len(office.live("raw_fub.calls")) == before - calls


def test_what_is_not_shown_yet_is_asked_for_again(office: Office) -> None:
    office.register(office.connect("fub", entities=("identity", "people")))
    office.box.mutate({"op": "fub.switch", "name": "read_delay", "value": 30})
    made = office.play(op="fub.create_person", set={"first_name": "Later"})
    assert office.work_off("fub").done == 0
    assert office.letters("status", "attempts") == [("new", 0)], "that is nobody's failure"
    office.box.clock.advance(seconds=31)
    office.due_now()
    assert office.work_off("fub").done == 1
    assert str(made["id"]) in office.live("raw_fub.people")


def test_each_record_is_read_once_whatever_names_it(office: Office) -> None:
    office.register(office.connect("fub", entities=("identity", "people")))
    office.box.hooks.set_flaws({"shuffle": 40, "duplicate_every": 2})
    people = sorted(office.live("raw_fub.people"), key=int)[:4]
    for number in range(20):
        change = {"op": "fub.update_person", "id": int(people[number % 4])}
        office.box.mutate({**change, "set": {"first_name": f"Name {number}"}})
    assert office.box.hooks.settle()
    assert office.counts("fub").new == 20, "what was told twice is there once"
    office.box.requests.clear()
    assert office.work_off("fub").done == 20
    asked = office.box.requests.describe(50)["recent"]
    assert len([r for r in asked if "people" in str(r)]) == 1
    names = office.live("raw_fub.people", "first_name")
    assert [names[key] for key in people] == [(f"Name {n}",) for n in (16, 17, 18, 19)]


class TestFailures:
    def test_one_that_fails_holds_up_nobody_and_ends_as_a_dead_letter(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # each attempt of the inbox would wait for the vendor in real time
        monkeypatch.setenv("BROKERAGE_STRIPE_MAX_ATTEMPTS", "1")
        office.register(office.connect("stripe", entities=("events", "customers")))
        customers = sorted(office.live("raw_stripe.customers"))
        office.box.faults.add(
            "status", vendor="stripe", match=f"customers/{customers[0]}", status=500, times=None
        )
        for key in customers[:2]:
            office.play(op="stripe.update_customer", customer=key, name=f"New {key}")
        for attempt in range(1, 6):
            done = office.work_off("stripe")
            assert done.failures
            assert office.live("raw_stripe.customers", "name")[customers[1]] == (
                f"New {customers[1]}",
            )
            stuck = [
                row for row in office.letters("status", "attempts", "error") if row[1] >= attempt
            ]
            assert stuck, "the attempt is counted"
            office.due_now()
        assert office.counts("stripe").failed > 0
        assert all(
            "HTTP 500" in letter.error for letter in office.inbox.dead_letters() if letter.error
        )
        office.box.faults.clear()
        assert office.inbox.replay() > 0
        office.work_off("stripe")
        assert office.counts("stripe").failed == 0
        assert office.live("raw_stripe.customers", "name")[customers[0]] == (f"New {customers[0]}",)

    def test_a_refused_account_needs_a_person_and_its_webhooks_need_nothing(
        self, office: Office
    ) -> None:
        connection = office.connect("fub", entities=("identity", "people"))
        office.register(connection)
        person = int(_first(office, "raw_fub.people"))
        office.play(op="fub.update_person", id=person, set={"first_name": "X"})
        office.box.mutate({"op": "fub.revoke_key", "agent_key": "ada-sample"})
        office.work_off("fub")
        assert office.letters("status") == [("ignored",)]
        found = office.repository.connection(connection.connection_id)
        assert found is not None
        assert found.status == "needs_reauth"

    def test_an_account_that_is_being_read_is_left_for_later(self, office: Office) -> None:
        from pipelines.common.warehouse import SyncLocks

        connection = office.connect("fub", entities=("identity", "people"))
        office.register(connection)
        person = int(_first(office, "raw_fub.people"))
        office.play(op="fub.update_person", id=person, set={"first_name": "X"})
        locks = SyncLocks(office.database)
        try:
            assert locks.take_account(connection.connection_id, 0)
            assert office.work_off("fub").done == 0
        finally:
            locks.release()
        assert office.letters("status", "attempts") == [("new", 0)]
        office.due_now()
        assert office.work_off("fub").done == 1

    def test_an_attempt_that_never_ended_is_counted(self, office: Office) -> None:
        office.register(office.connect("fub", entities=("identity", "people")))
        person = int(_first(office, "raw_fub.people"))
        office.play(op="fub.update_person", id=person, set={"first_name": "X"})
        for _ in range(5):
            due = office.inbox.due("fub")
            office.inbox.claim([letter.webhook_id for letter in due])
            assert not office.inbox.due("fub"), "a run is at it"
            office.due_now()
        assert office.work_off("fub").letters == 0
        assert office.counts("fub").failed == 1


class TestSubscriptions:
    def test_a_missing_one_is_found_and_made_again(self, office: Office) -> None:
        connection = office.connect("fub")
        office.register(connection)
        lost = office.box.hooks.of("fub", "ada-sample")[0]
        office.box.hooks.unsubscribe(lost)
        problems = {s.topic: s.problem for s in office.registry.check(connection) if s.problem}
        assert list(problems.values()) == ["it is missing"]
        assert office.register(connection).made == 1
        assert not any(s.problem for s in office.registry.check(connection))

    def test_a_disabled_one_is_replaced(self, office: Office) -> None:
        connection = office.connect("dotloop")
        office.register(connection)
        office.box.hooks.of("dotloop", "ada-sample")[0].active = False
        assert [s.problem for s in office.registry.check(connection) if s.problem] == [
            "it is disabled"
        ]
        assert office.register(connection).replaced == 1

    def test_one_that_leads_to_a_former_address_is_replaced(self, office: Office) -> None:
        connection = office.connect("rezen")
        office.register(connection)
        (held,) = office.box.hooks.of("rezen", "ada-sample")
        token = held.url.rpartition("/")[2]
        held.url = f"https://former.example.com/hooks/rezen/{token}"
        assert [s.problem for s in office.registry.check(connection)] == [
            "it delivers to a former address"
        ]
        assert office.register(connection).replaced == 1
        assert [s.url for s in office.box.hooks.of("rezen", "ada-sample")] == [
            office.url(connection)
        ]

    def test_unregistering_closes_the_address(self, office: Office) -> None:
        import httpx

        connection = office.connect("lofty")
        office.register(connection)
        url = office.url(connection)
        assert office.registry.unregister(connection) > 0
        assert not office.box.hooks.of("lofty", "ada-sample")
        assert office.registry.endpoints.of(connection.connection_id) is None
        assert httpx.post(url, json={}).status_code == 404
        assert office.vault.get(connection.connection_id), "the credential is another matter"

    def test_only_an_owner_may(self, office: Office) -> None:
        from pipelines.common.errors import ResourceUnavailable, VendorError

        connection = office.connect("fub")
        keys = office.box.account("ada-sample", "fub")["keys"]
        office.vault.put(connection.connection_id, {"api_key": keys["admin"]})
        with pytest.raises(VendorError) as caught:
            office.register(connection)
        assert isinstance(caught.value, ResourceUnavailable)
        assert "403" in caught.value.sentence

    @pytest.mark.parametrize("vendor", ["rezen", "stripe"])
    def test_again_is_harmless(self, office: Office, vendor: str) -> None:
        connection = office.connect(vendor)
        first = office.register(connection)
        again = office.register(connection)
        assert (again.made, again.replaced, again.kept) == (0, 0, first.made)
