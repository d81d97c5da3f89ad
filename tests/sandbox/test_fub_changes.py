"""Follow Up Boss, imitated: days that pass, deletions, merges, switches, faults, volume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from sandbox.box import Sandbox
from sandbox.fub import wire
from sandbox.fub.wire import instant
from sandbox.world.crm import Crm
from sandbox.world.sizes import SIZES
from tests.sandbox.fub_support import EVERYBODY, Fub, running


@pytest.fixture(scope="module")
def server() -> Iterator[Fub]:
    with running() as client:
        yield client


@pytest.fixture
def fub(server: Fub) -> Fub:
    server.box.reset()
    return server


def test_days_bring_rows_and_an_incremental_reader_finds_them_all(fub: Fub) -> None:
    before = {p.id: p for p in fub.account.people.rows()}
    calls = set(fub.account.calls.ids())
    since = instant(fub.box.world.now())
    fub.box.advance(days=3)
    now = fub.box.world.now()
    people = {p.id: p for p in fub.account.people.rows()}
    changed = {i for i, p in people.items() if i not in before or p.updated != before[i].updated}
    assert changed
    assert set(fub.ids("people", updatedAfter=since, **EVERYBODY)) >= changed
    fresh = set(fub.account.calls.ids()) - calls
    assert fresh
    assert set(fub.ids("calls", createdAfter=since)) == fresh
    assert all(c.created <= now for c in fub.account.calls.rows())
    assert {str(i) for i in fub.ids("people", **EVERYBODY)} == set(
        fub.box.truth("ada-sample")["fub"]["entities"]["people"]["rows"]
    )


def test_activity_moves_last_activity_and_not_updated(fub: Fub) -> None:
    person = next(p for p in fub.account.people.rows() if p.last_activity and p.phones)
    fub.mutate("create_call", person_id=person.id)
    after = fub.get(f"people/{person.id}")
    assert after["updated"] == instant(person.updated)
    assert after["lastActivity"] > instant(person.last_activity or person.updated)


def test_a_deleted_person_is_404_and_the_children_vanish(fub: Fub) -> None:
    call = next(c for c in fub.account.calls.rows() if c.person_id)
    gone = fub.mutate("delete_person", id=call.person_id)
    assert call.id in gone["children"]["calls"]
    assert fub.send(f"people/{call.person_id}").status_code == 404
    assert call.person_id not in fub.ids("people", **EVERYBODY)
    assert call.id not in fub.ids("calls")
    truth = fub.box.truth("ada-sample")["fub"]["entities"]
    assert str(call.person_id) in truth["people"]["gone"]
    assert str(call.id) in truth["calls"]["gone"]


def test_ids_are_never_given_twice(fub: Fub) -> None:
    newest = next(fub.account.people.ids())
    fub.mutate("delete_person", id=newest)
    assert fub.mutate("create_person")["id"] == newest + 1


def test_merge_trashes_the_loser_and_moves_the_children_silently(fub: Fub) -> None:
    call = next(c for c in fub.account.calls.rows() if c.person_id)
    loser = call.person_id
    winner = next(i for i in fub.account.people.ids() if i != loser)
    fub.mutate("merge", winner=winner, losers=[loser])
    sent = fub.get(f"people/{loser}", fields="allFields")
    assert sent["stage"] == "Trash"
    assert str(winner) not in orjson.dumps(sent).decode()
    moved = fub.get(f"calls/{call.id}")
    assert moved["personId"] == winner
    assert moved["updated"] == instant(call.updated)
    assert call.id in fub.ids("calls", personId=winner)
    assert fub.ids("calls", personId=loser) == []


def test_a_person_missing_from_lists_may_still_exist(fub: Fub) -> None:
    person = next(fub.account.people.ids())
    fub.mutate("vanish", id=person)
    assert person not in fub.ids("people", **EVERYBODY)
    assert fub.get(f"people/{person}")["id"] == person
    fub.mutate("reappear", id=person)
    assert person in fub.ids("people", **EVERYBODY)


def test_a_new_person_can_be_read_only_after_a_while(fub: Fub) -> None:
    fub.switch("read_delay", 30)
    person = fub.mutate("create_person", set={"first_name": "Nova"})["id"]
    assert fub.send(f"people/{person}").status_code == 404
    assert person not in fub.ids("people", **EVERYBODY)
    fub.box.advance(seconds=31)
    assert fub.get(f"people/{person}")["firstName"] == "Nova"
    assert person in fub.ids("people", **EVERYBODY)


def test_unknown_custom_fields_turn_up(fub: Fub) -> None:
    person = next(fub.account.people.ids())
    fub.mutate("add_custom_field", id=person, name="customSurprise", value=[1], defined=False)
    assert fub.get(f"people/{person}", fields="allFields")["customSurprise"] == [1]
    assert "customSurprise" not in {f["name"] for f in fub.sweep("customFields")}
    fub.mutate("add_custom_field", id=person, name="customPlanned")
    assert "customPlanned" in {f["name"] for f in fub.sweep("customFields")}
    assert fub.get("people", id=person, fields="allCustom")["people"][0]["customPlanned"] == "new"


def test_renamed_stages_and_removed_users_show_on_people(fub: Fub) -> None:
    person = next(p for p in fub.account.people.rows() if p.assigned_user_id and p.claimed)
    fub.ids("people", **EVERYBODY)
    fub.mutate("rename_stage", id=person.stage_id, name="Renamed")
    assert fub.get("people", id=person.id, includeTrash="true")["people"][0]["stage"] == "Renamed"
    removed = next(u.id for u in fub.account.users.values() if u.kind == "lender")
    fub.mutate("delete_user", id=removed)
    assert removed not in fub.ids("users")
    assert removed in fub.ids("users", includeDeleted="true")


def test_changes_say_what_is_wrong(fub: Fub) -> None:
    with pytest.raises(ValueError, match=r"fub\.nonsense"):
        fub.mutate("nonsense")
    with pytest.raises(ValueError, match="no person 1"):
        fub.mutate("trash_person", id=1)
    with pytest.raises(ValueError, match="needs 'table'"):
        fub.mutate("update", id=1)
    with pytest.raises(ValueError, match="no switch"):
        fub.switch("nonsense", 1)
    person = next(fub.account.people.ids())
    with pytest.raises(ValueError, match="has no 'nonsense'"):
        fub.mutate("update_person", id=person, set={"nonsense": 1})


@pytest.mark.parametrize(("mode", "expected"), [("ignored", 80), ("always_empty", 0), ("ok", 0)])
def test_the_disputed_filter_can_misbehave(fub: Fub, mode: str, expected: int) -> None:
    fub.switch("updated_after", mode, entity="people")
    future = instant(fub.box.world.now() + timedelta(days=1))
    assert fub.get("people", updatedAfter=future, **EVERYBODY)["_metadata"]["total"] == expected
    past = fub.get("people", updatedAfter="2000-01-01T00:00:00Z", **EVERYBODY)
    assert past["_metadata"]["total"] == (0 if mode == "always_empty" else 80)


def test_exclusive_bounds(fub: Fub) -> None:
    newest = max(c.created for c in fub.account.calls.rows())
    assert len(fub.ids("calls", createdAfter=instant(newest))) == 1
    fub.switch("inclusive", False)
    assert fub.ids("calls", createdAfter=instant(newest)) == []


def test_cursors_can_expire_and_ids_carry_on(fub: Fub) -> None:
    fub.switch("cursor_ttl", 60)
    body = fub.get("events", limit=10)
    cursor = body["_metadata"]["next"]
    assert fub.send("events", limit=10, next=cursor).status_code == 200
    fub.box.advance(seconds=61)
    assert fub.send("events", limit=10, next=cursor).status_code == 400
    lowest = body["events"][-1]["id"]
    rest = fub.ids("events", idLessThan=lowest)
    assert [*(e["id"] for e in body["events"]), *rest] == list(fub.account.events.ids())


def test_a_walk_by_update_time_drifts(fub: Fub) -> None:
    straight = fub.ids("people", limit=20, sort="-updated", **EVERYBODY)
    assert sorted(straight) == sorted(fub.account.people.ids())
    stamps = [fub.account.people.get(i) for i in straight]
    assert [p.updated for p in stamps if p] == sorted(
        (p.updated for p in stamps if p), reverse=True
    )
    fub.switch("sort_drift", 3)
    drifted = fub.ids("people", limit=20, sort="-updated", **EVERYBODY)
    assert len(set(drifted)) < len(drifted)
    assert set(drifted) < set(straight)


def test_rows_made_during_a_sweep_stay_out_of_it(fub: Fub) -> None:
    body = fub.get("people", limit=50, **EVERYBODY)
    made = fub.mutate("create_person")["id"]
    rest = fub.get("people", limit=50, next=body["_metadata"]["next"], **EVERYBODY)
    ids = [p["id"] for p in (*body["people"], *rest["people"])]
    assert made not in ids
    assert len(ids) == len(set(ids)) == 80
    assert rest["_metadata"]["total"] == body["_metadata"]["total"] + 1


def test_faults_of_this_vendor(fub: Fub) -> None:
    faults = fub.box.faults
    faults.add("unauthorized", vendor="fub")
    assert fub.send("stages").status_code == 401
    faults.add("rate_limited", vendor="fub", times=2, retry_after=3)
    burst = fub.send("stages")
    assert (burst.status_code, burst.headers["retry-after"]) == (429, "3")
    assert burst.headers["x-ratelimit-remaining"] == "0"
    assert [fub.send("stages").status_code for _ in range(2)] == [429, 200]
    faults.add("html", vendor="fub", match="^/v1/stages", status=502)
    assert fub.send("stages").headers["content-type"].startswith("text/html")
    faults.add("shift_page", vendor="fub", match="next=", by=-1)
    twice = fub.ids("calls", limit=20)
    assert len(twice) == len(set(twice)) + 1
    faults.add("shift_page", vendor="fub", match="next=", by=1)
    assert len(fub.ids("calls", limit=20)) == len(set(twice)) - 1
    faults.add("missing_id", vendor="fub", match="^/v1/calls")
    assert "id" not in fub.get("calls")["calls"][0]
    faults.add("stale_cursor", vendor="fub", match="next=")
    cursor = fub.get("calls")["_metadata"]["next"]
    assert fub.send("calls", next=cursor).status_code == 400
    assert fub.send("calls", next=cursor).status_code == 200
    assert faults.profile("fub", "rough")


def test_reset_gives_the_first_day_back(fub: Fub) -> None:
    before = fub.sweep("people", **EVERYBODY)
    fub.box.advance(days=2)
    fub.mutate("delete_person")
    fub.box.reset()
    assert fub.sweep("people", **EVERYBODY) == before


def test_large_tables_are_made_on_demand_and_agree_with_their_templates() -> None:
    size = replace(SIZES["small"], people=300_000, events=200_000, calls=500_000, texts=100_000)
    box = Sandbox(size=size)
    assert isinstance(box.crm, Crm)
    account = box.crm.account_of("ada-sample")
    assert len(account.people) == 300_000
    # pages are cut from templates: each must say what the object says
    for name, make in (("events", wire.event), ("calls", wire.call), ("text_messages", wire.text)):
        table = account.table(name)
        for row_id in (table.first_id, table.first_id + 499 * 7 + 3, table.first_id + 60_001):
            row = table.get(row_id)
            text = table.render(row_id, "all", lambda r, make=make: orjson.dumps(make(account, r)))
            assert orjson.loads(text) == make(account, row)
            if row.person_id:
                assert row_id in table.ids_of_person(row.person_id)
    for number in (*range(45), 250_011):
        person = account.people.get(account.people.first_id + number)
        assert person is not None
        text = account.people.render(
            person.id, "all", lambda p: orjson.dumps(wire.person(account, p, "all"))
        )
        assert orjson.loads(text) == wire.person(account, person, "all")
    for text_row in account.text_messages.page(None, 500):
        message = account.text_messages.get(text_row)
        assert message is not None
        owner = account.people.get(message.person_id or 0)
        assert owner is not None
        assert owner.phones
    deleted = account.people.first_id + 77
    box.mutate({"op": "fub.delete_person", "id": deleted})
    assert account.people.get(deleted) is None
    assert deleted not in account.people.page(deleted + 3, 5)
    box.advance(days=1)
    assert len(account.people) > 299_999
