"""Follow Up Boss, imitated: envelope, paging, projection, filters and odd values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sandbox.fub.wire import instant
from tests.sandbox.fub_support import EVERYBODY, Fub, running


@pytest.fixture(scope="module")
def fub() -> Iterator[Fub]:
    """Only for tests that change nothing."""
    with running() as client:
        yield client


def test_identity_names_the_account_and_the_user_behind_the_key(fub: Fub) -> None:
    body = fub.get("identity")
    assert body["account"]["id"] == fub.account.id
    assert body["account"]["owner"]["email"] == fub.account.owner.email
    assert (body["user"]["role"], body["user"]["isOwner"]) == ("Broker", True)
    assert fub.get("me")["id"] == body["user"]["id"]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("people", "people"),
        ("deals", "deals"),
        ("events", "events"),
        ("calls", "calls"),
        ("appointments", "appointments"),
        ("notes", "notes"),
        ("tasks", "tasks"),
        ("users", "users"),
        ("teams", "teams"),
        ("groups", "groups"),
        ("ponds", "ponds"),
        ("pipelines", "pipelines"),
        ("stages", "stages"),
        ("customFields", "customfields"),
        ("appointmentTypes", "appointmenttypes"),
        ("appointmentOutcomes", "appointmentoutcomes"),
    ],
)
def test_the_envelope_names_its_array(fub: Fub, path: str, key: str) -> None:
    body = fub.get(path)
    metadata = body["_metadata"]
    assert metadata["collection"] == key
    assert {"collection", "offset", "limit", "total", "next", "nextLink"} <= set(metadata)
    assert metadata["limit"] == 10
    assert len(body[key]) == min(10, metadata["total"]) > 0
    one = fub.get(f"{path}/{body[key][0]['id']}")
    assert "_metadata" not in one
    assert one["id"] == body[key][0]["id"]


def test_text_messages_need_a_scope_and_use_the_lower_case_key(fub: Fub) -> None:
    refused = fub.send("textMessages")
    assert refused.status_code == 400
    assert "personId" in refused.json()["errorMessage"]
    person = next(fub.account.text_messages.rows()).person_id
    body = fub.get("textMessages", personId=person)
    assert body["_metadata"]["collection"] == "textmessages"
    assert {row["personId"] for row in body["textmessages"]} == {person}


def test_a_sweep_sees_every_row_once_newest_first(fub: Fub) -> None:
    ids = fub.ids("people", limit=7, **EVERYBODY)
    assert ids == sorted(ids, reverse=True)
    assert ids == list(fub.account.people.ids())


def test_the_next_link_leads_on_although_its_ampersand_is_doubled(fub: Fub) -> None:
    body = fub.get("calls", limit=20)
    seen = [row["id"] for row in body["calls"]]
    while body["_metadata"]["nextLink"]:
        link = body["_metadata"]["nextLink"]
        assert "&&next=" in link
        body = fub.get(link.partition("/v1/")[2])
        seen += [row["id"] for row in body["calls"]]
    assert seen == list(fub.account.calls.ids())


def test_limits_are_clamped_and_deep_offsets_refused(fub: Fub) -> None:
    assert fub.get("events", limit=1000)["_metadata"]["limit"] == 100
    assert fub.send("events", limit=0).status_code == 400
    refused = fub.send("events", offset=2000)
    assert refused.status_code == 400
    assert "nextLink" in refused.json()["errorMessage"]
    assert fub.send("events", next="nonsense").status_code == 400


def test_people_hide_trash_unclaimed_and_details_unless_asked(fub: Fub) -> None:
    shown = fub.sweep("people")
    everybody = fub.sweep("people", **EVERYBODY)
    hidden = [p for p in everybody if p["id"] not in {row["id"] for row in shown}]
    assert len(hidden) > 4
    assert all(p["stage"] == "Trash" or p["claimed"] is False for p in hidden)
    assert not any("customBirthCity" in p or "background" in p for p in shown)
    assert all("customBirthCity" in p and "background" in p for p in everybody)
    custom = fub.get("people", fields="allCustom")["people"][0]
    assert "customBirthCity" in custom
    assert "background" not in custom
    assert set(fub.get("people", fields="id,name")["people"][0]) == {"id", "name"}


def test_odd_people_are_there(fub: Fub) -> None:
    people = fub.sweep("people", **EVERYBODY)
    assert {type(p["contacted"]) for p in people} == {int}
    assert {str(p["socialData"]) for p in people} >= {"None", "[]", "{}"}
    assert any(not p["emails"] and p["phones"] for p in people)
    assert any(not p["emails"] and not p["phones"] for p in people)
    assert any(p["assignedPondId"] and p["assignedUserId"] is None for p in people)
    assert any(not p["name"].isascii() for p in people)
    assert any(p["name"] == "" for p in people)
    assert any(len(p["background"] or "") > 10_000 for p in people)
    assert any("createdVia" not in p for p in people)


def test_odd_children_are_there(fub: Fub) -> None:
    events, calls = fub.sweep("events"), fub.sweep("calls")
    assert any(e["personId"] == 0 for e in events)
    assert any(e["type"] == "Virtually Toured Property" for e in events)
    prices = [e["property"]["price"] for e in events if e["property"]]
    assert prices
    assert all(isinstance(p, str) for p in prices)
    assert {"", "1,250,000"} <= set(prices)
    assert any(c["createdById"] == -1 for c in calls)
    assert any(c["userId"] is None for c in calls)
    assert any((c["recordingUrl"] or "").startswith("*") for c in calls)
    assert {0, None} <= {c["personId"] for c in calls}
    deals = fub.sweep("deals", includeArchived=1, includeDeleted=1)
    assert any(not d["people"] and not d["users"] for d in deals)
    assert {d["status"] for d in deals} == {"Active", "Archived", "Deleted"}
    assert not any("updated" in d or "created" in d for d in deals)
    assert {len(d["projectedCloseDate"]) for d in deals if d["projectedCloseDate"]} == {10, 20}
    rows = fub.sweep("appointments", includeDeleted="true")
    assert any("createdById" not in a for a in rows)
    assert any(a["allDay"] and len(a["start"]) == 10 for a in rows)
    assert any("AssignedTo" in t for t in fub.sweep("tasks"))
    assert any(t["personId"] is None for t in fub.sweep("tasks"))
    notes = fub.sweep("notes")
    assert any(len(n["body"]) >= 10_000 for n in notes)
    assert any(n["createdById"] is None for n in notes)


def test_stages_count_their_people(fub: Fub) -> None:
    counts = {s["id"]: s["peopleCount"] for s in fub.sweep("stages")}
    assert sum(counts.values()) == len(fub.ids("people", **EVERYBODY))
    person = next(fub.account.people.rows())
    assert counts[person.stage_id] > 0


def test_a_deleted_appointment_is_not_found_by_id_unless_asked_for(fub: Fub) -> None:
    gone = next(a.id for a in fub.account.appointments.rows() if a.deleted)
    assert fub.send(f"appointments/{gone}").status_code == 404
    assert fub.get(f"appointments/{gone}", includeDeleted="true")["id"] == gone


def test_deals_mirror_the_brokerage_and_count_by_stage(fub: Fub) -> None:
    body = fub.get("deals", limit=100, includeArchived=1, includeDeleted=1)
    counts = body["_metadata"]["totalByStageId"]
    assert sum(counts.values()) == body["_metadata"]["total"]
    mirrored = [d for d in fub.account.deals.rows() if d.world_id]
    assert mirrored
    for deal in mirrored:
        source = fub.box.world.deal(deal.world_id or "")
        assert source is not None
        assert source.address.street in deal.name
        assert source.price is None or deal.price == int(source.price)
    assert len(fub.sweep("deals")) < body["_metadata"]["total"]


def test_time_filters_select_and_unknown_parameters_do_nothing(fub: Fub) -> None:
    middle = sorted(p.updated for p in fub.account.people.rows())[40]
    want = {p.id for p in fub.account.people.rows() if p.updated >= middle}
    assert set(fub.ids("people", updatedAfter=instant(middle), **EVERYBODY)) == want
    before = {p.id for p in fub.account.people.rows() if p.updated <= middle}
    assert set(fub.ids("people", updatedBefore=instant(middle), **EVERYBODY)) == before
    assert len(fub.ids("people", updatedSince=instant(middle), **EVERYBODY)) == 80
    calls = sorted(c.created for c in fub.account.calls.rows())
    assert len(fub.ids("calls", createdAfter=instant(calls[-5]))) == 5
    future = instant(fub.box.world.now() + timedelta(days=1))
    assert fub.get("people", updatedAfter=future)["_metadata"]["total"] == 0
    assert fub.send("people", updatedAfter="yesterday").status_code == 400
    # deals have no movement clock: the filter does nothing
    assert len(fub.ids("deals", updatedAfter=future)) == len(fub.ids("deals"))


def test_activity_filter_is_another_clock(fub: Fub) -> None:
    moved = sorted(p.last_activity for p in fub.account.people.rows() if p.last_activity)
    want = {
        p.id for p in fub.account.people.rows() if p.last_activity and p.last_activity >= moved[-9]
    }
    assert set(fub.ids("people", lastActivityAfter=instant(moved[-9]), **EVERYBODY)) == want


def test_id_filters(fub: Fub) -> None:
    ids = list(fub.account.events.ids())
    assert fub.ids("events", idLessThan=ids[10]) == ids[11:]
    assert fub.ids("events", idGreaterThan=ids[10]) == ids[:10]
    assert fub.ids("events", id=f"{ids[3]},{ids[7]},1") == [ids[3], ids[7]]
    person = next(e.person_id for e in fub.account.events.rows() if e.person_id)
    want = [e.id for e in fub.account.events.rows() if e.person_id == person]
    assert fub.ids("events", personId=person) == want
    assert fub.send("events", personId="x").status_code == 400


@pytest.mark.parametrize(
    ("path", "params", "holds"),
    [
        ("people", {"stage": "Nurture"}, lambda r: r["stage"] == "Nurture"),
        ("people", {"tags": "VIP,relocation"}, lambda r: {"VIP", "relocation"} & set(r["tags"])),
        ("people", {"contacted": "true"}, lambda r: r["contacted"] == 1),
        ("people", {"assignedUserId": "1"}, lambda r: r["assignedUserId"] == 1),
        (
            "events",
            {"type": "Inquiry,Registration"},
            lambda r: r["type"] in ("Inquiry", "Registration"),
        ),
        ("calls", {"userId": "1"}, lambda r: r["userId"] == 1),
        ("appointments", {"typeId": "1"}, lambda r: r["typeId"] == 1),
        ("tasks", {"isCompleted": "true"}, lambda r: r["isCompleted"] == 1),
        ("deals", {"pipelineId": "2"}, lambda r: r["pipelineId"] == 2),
        ("users", {"role": "Lender"}, lambda r: r["role"] == "Lender"),
        ("groups", {"type": "Lender"}, lambda r: r["type"] == "Lender"),
    ],
)
def test_documented_filters(fub: Fub, path: str, params: dict[str, str], holds: Any) -> None:
    rows = fub.sweep(path, **params)
    assert rows
    assert all(holds(row) for row in rows)
    assert len(rows) < len(fub.sweep(path))


def test_a_person_is_found_by_email_and_phone(fub: Fub) -> None:
    person = next(p for p in fub.account.people.rows() if p.emails and p.phones and p.claimed)
    assert fub.ids("people", email=person.emails[0]["value"].upper(), **EVERYBODY) == [person.id]
    assert fub.ids("people", phone=person.phones[0]["value"], **EVERYBODY) == [person.id]


def test_appointments_window_wants_both_ends(fub: Fub) -> None:
    assert fub.send("appointments", start="2026-01-01T00:00:00Z").status_code == 400
    rows = fub.sweep("appointments", start="2026-01-01T00:00:00Z", end="2026-07-01T00:00:00Z")
    assert 0 < len(rows) < len(fub.sweep("appointments"))


def test_calendars_that_are_not_shared_show_only_for_their_user(fub: Fub) -> None:
    open_ones = set(fub.ids("appointments"))
    scoped: set[int] = set()
    for user in fub.account.users:
        scoped |= set(fub.ids("appointments", userId=user))
    truth = fub.box.truth("ada-sample")["fub"]["entities"]["appointments"]["rows"]
    assert open_ones < open_ones | scoped
    assert {str(i) for i in open_ones | scoped} == set(truth)


def test_the_truth_agrees_with_what_a_patient_reader_finds(fub: Fub) -> None:
    truth = fub.box.truth("ada-sample")["fub"]["entities"]
    people = {str(p["id"]): p for p in fub.sweep("people", **EVERYBODY)}
    assert set(people) == set(truth["people"]["rows"])
    for key, row in truth["people"]["rows"].items():
        sent = people[key]
        assert row["updated"] == sent["updated"]
        assert row["stage"] == sent["stage"]
        assert row["emails"] == [e["value"] for e in sent["emails"]]
        assert row["_custom"] == {k: v for k, v in sent.items() if k.startswith("custom")}
    for path in ("events", "calls", "notes", "tasks"):
        assert {str(i) for i in fub.ids(path)} == set(truth[path]["rows"])
    texts = {i for p in people for i in fub.ids("textMessages", personId=p)}
    assert {str(i) for i in texts} == set(truth["text_messages"]["rows"])
    assert len(fub.ids("users", includeDeleted="true")) == truth["users"]["count"]


def test_ids_repeat_between_accounts(fub: Fub) -> None:
    ben = Fub(fub.box, "ben-example")
    try:
        assert set(ben.ids("people", **EVERYBODY)) & set(fub.ids("people", **EVERYBODY))
        assert ben.get("identity")["account"]["id"] != fub.get("identity")["account"]["id"]
    finally:
        ben.http.close()


def test_unknown_paths_and_ids_are_404(fub: Fub) -> None:
    assert fub.send("peoples").status_code == 404
    assert fub.send("people/1").status_code == 404
    assert fub.send("people/abc").status_code == 404
    assert "errorMessage" in fub.send("people/1").json()
