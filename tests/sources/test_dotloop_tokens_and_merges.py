"""What only Dotloop does: tokens that kill each other, loops that merge, bounds nobody promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from pipelines.common.account import Account, Credentials, Exchange, StaticCredentials
from pipelines.common.warehouse import forget_connection
from pipelines.dotloop.client import DIALECT
from pipelines.dotloop.source import DOTLOOP
from sandbox.world.sizes import SIZES
from tests.sources import dotloop_case
from tests.sources.dotloop_case import own_loops, truth_of
from tests.sources.rig import (
    ADA,
    AGENTS,
    BEN,
    FlyingClock,
    Rig,
    failed_entities,
    only,
    result,
    sentence,
)

ONLY = "dotloop"

MakeRig = Callable[..., AbstractContextManager[Rig]]

# more loops than one batch holds
LONG = replace(SIZES["small"], deals=480)


def switch(rig: Rig, name: str, value: object) -> None:
    rig.box.mutate({"op": "dotloop.switch", "name": name, "value": value})


def change(rig: Rig, op: str, **fields: Any) -> Any:
    return rig.box.mutate({"op": f"dotloop.{op}", **fields})


def fault(rig: Rig, kind: str, match: str, **fields: Any) -> Any:
    return rig.box.faults.add(kind, vendor="dotloop", match=match, **fields)


# -- tokens ----------------------------------------------------------------------------------------


class Held(StaticCredentials):
    """Counts renewals."""

    renewals = 0

    def refresh(self, stale: Credentials, exchange: Exchange) -> Credentials:
        def counted(old: Credentials) -> Credentials:
            self.renewals += 1
            return exchange(old)

        return super().refresh(stale, counted)


def held(rig: Rig) -> tuple[Account, Held]:
    """Ada's connection, whose credential outlives a sync."""
    kept = Held(dict(rig.account(ADA).credentials.get()))
    return rig.account(ADA, kept), kept


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.every_time
def test_a_token_that_is_over_is_renewed_once_by_all_readers(rig: Rig, told: bool) -> None:
    """Readers side by side meet its end together; a second renewal would log the first out."""
    account, kept = held(rig)
    change(rig, "expire_token", agent_key=ADA, told=told)
    if told:
        account, kept = held(rig)
    rig.box.requests.clear()
    report = rig.sync(account, full=True)
    assert not report.failures
    assert kept.renewals == 1
    rig.must_equal_truth()
    refused = sum(n for (*_, status), n in rig.box.requests.counts.items() if status == 401)
    assert refused == (0 if told else 1)
    assert sum(r.api_calls for r in report.results) == rig.box.requests.count(vendor="dotloop")
    assert not rig.sync(account).failures
    assert kept.renewals == 1


@pytest.mark.parametrize("skip", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_a_token_that_ends_in_the_middle_costs_a_renewal(rig: Rig, skip: int) -> None:
    account, kept = held(rig)
    rule = fault(rig, "invalid_token", "^/public", skip=skip, times=1, agent_key=ADA)
    assert not rig.sync(account, full=True).failures
    assert rule.hits == 1
    assert kept.renewals == 1
    rig.must_equal_truth()


def test_a_refresh_token_that_is_replaced_is_kept(rig: Rig) -> None:
    switch(rig, "rotate_refresh", True)
    account, kept = held(rig)
    for renewals in (1, 2, 3):
        change(rig, "expire_token", agent_key=ADA)
        assert not rig.sync(account).failures
        assert kept.renewals == renewals


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.every_time
def test_a_grant_that_is_gone_breaks_the_account_only(rig: Rig, status: int) -> None:
    switch(rig, "refusal_status", status)
    change(rig, "revoke_key", agent_key=ADA)
    report = rig.sync(ADA, BEN)
    assert report.broken_accounts == {f"{ADA}:dotloop": rig.case.broken_key}
    assert sum(r.api_calls for r in report.results if r.agent_key == ADA) == 2
    assert {r.agent_key for r in report.failures} == {ADA}


@pytest.mark.engine
def test_a_token_service_that_is_down_breaks_nobody(rig: Rig) -> None:
    account, _ = held(rig)
    change(rig, "expire_token", agent_key=ADA)
    fault(rig, "status", "^/oauth/token", status=503, times=None)
    report = rig.sync(account)
    assert report.broken_accounts == {}
    said = "Dotloop's token service answered HTTP 503; try the sync again later."
    assert sentence(report, "accounts") == said
    rig.box.faults.clear()
    assert not rig.sync(account).failures


@pytest.mark.engine
def test_tokens_of_five_minutes_are_used_as_long_as_they_last(rig: Rig) -> None:
    switch(rig, "expires_in", 300)
    account, kept = held(rig)
    change(rig, "expire_token", agent_key=ADA)
    assert not rig.sync(account).failures
    assert not rig.sync(account).failures
    assert kept.renewals == 1


@pytest.mark.engine
def test_a_wrong_secret_of_the_app_breaks_no_account(rig: Rig) -> None:
    account, _ = held(rig)
    change(rig, "expire_token", agent_key=ADA)
    wrong = rig.settings.model_copy(update={"client_id": None})
    report = rig.sync(account, settings=wrong)
    assert report.broken_accounts == {}
    assert "set BROKERAGE_DOTLOOP_CLIENT_ID" in sentence(report, "accounts")


def test_a_scope_that_was_not_given_is_an_answer(rig: Rig) -> None:
    before = rig.rows("contacts")
    change(rig, "set_scope", agent_key=ADA, scope="account:read, profile:read, loop:read")
    report = rig.sync(full=True)
    assert not report.failures
    assert result(report, "contacts").status == "not_permitted"
    assert rig.rows("contacts") == before


# -- limits ----------------------------------------------------------------------------------------


class MovingClock(FlyingClock):
    """Whoever pauses moves the sandbox's time on."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self._box = rig.box

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._box.clock.advance(seconds=seconds)


@pytest.mark.parametrize("form", ["ms", "epoch_ms"])
def test_a_full_window_is_waited_for(rig: Rig, form: str) -> None:
    """Others have used the account up: whichever form the reset has, it is a wait of seconds."""
    switch(rig, "reset_as", form)
    rule = fault(rig, "rate_limited", "/profile/42/loop\\?", reset_ms=20_000, times=1)
    clock = MovingClock(rig)
    paced = rig.settings.model_copy(update={"rates": dict(DIALECT.rates)})
    assert not rig.sync(clock=clock, settings=paced).failures
    assert rule.hits == 1
    [pause] = clock.slept
    assert 18 <= pause <= 20.5


# -- lists -----------------------------------------------------------------------------------------


@pytest.fixture
def long(make_rig: MakeRig) -> Iterator[Rig]:
    with make_rig(dotloop_case.CASE, size=LONG) as rig:
        assert len(own_loops(rig.box)) > 150
        yield rig


LISTS = ["accounts", "profiles", "loops"]


def differing(rig: Rig, *entities: str) -> list[str]:
    return [d for d in rig.differences() if d.split(" ", 1)[0] in entities]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_cap", 50),
        pytest.param("updated_min_inclusive", False, marks=pytest.mark.slow),
        pytest.param("view_ids", "two", marks=pytest.mark.slow),
    ],
)
def test_a_long_list_is_read_whole(long: Rig, name: str, value: object) -> None:
    switch(long, name, value)
    assert not long.sync(entities=LISTS).failures
    assert differing(long, "loops") == []


def test_a_loop_that_changes_while_a_long_list_is_read_hides_no_other(long: Rig) -> None:
    rule = fault(long, "shift_page", "/profile/42/loop\\?", times=2, skip=1, agent_key=ADA)
    assert not long.sync(entities=LISTS).failures
    assert rule.hits
    assert [d for d in differing(long, "loops") if d.endswith("is missing")] == []
    long.box.clock.advance(seconds=60)
    assert not long.sync(entities=LISTS).failures
    assert differing(long, "loops") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("updated_min_inclusive", False),
        pytest.param("contact_filter", False, marks=pytest.mark.slow),
        ("inline_details", False),
        pytest.param("participants_touch", True, marks=pytest.mark.slow),
        pytest.param("activities_touch", True, marks=pytest.mark.slow),
        ("view_ids", "two"),
    ],
)
def test_what_the_contract_leaves_open_may_be_either_way(rig: Rig, name: str, value: Any) -> None:
    switch(rig, name, value)
    for one in (rig.case.changes[0], rig.case.changes[4], rig.case.changes[5]):
        one.play(rig.box)
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    # known loops have other ids now, which no increment can tell
    renamed = {"loops", "participants", "activities"} if name == "view_ids" else set()
    assert only(renamed, rig.differences())
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


BOOK = ["accounts", "contacts"]


@pytest.mark.parametrize("cap", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_a_first_reading_of_contacts_takes_batches_of_any_size(new_rig: Rig, cap: int) -> None:
    switch(new_rig, "contact_batch_cap", cap)
    assert not new_rig.sync(entities=BOOK).failures
    assert differing(new_rig, "contacts") == []


@pytest.mark.parametrize("cap", [50, 20])
def test_a_first_reading_of_activities_is_not_cut_off(new_rig: Rig, cap: int) -> None:
    switch(new_rig, "batch_cap", cap)
    assert not new_rig.sync().failures
    loops = Counter(key.rsplit("|", 2)[0] for key in truth_of(new_rig.box, "activities"))
    assert max(loops.values()) > 100
    new_rig.must_equal_truth()


def test_a_contact_that_changes_while_the_list_is_read_hides_no_other(new_rig: Rig) -> None:
    """It leaves its place, and everybody behind it moves up over the edge of a batch."""
    rule = fault(new_rig, "shift_page", "/contact\\?.*batch_number=2", times=1, agent_key=ADA)
    assert not new_rig.sync(entities=BOOK).failures
    assert rule.hits == 1
    assert [d for d in differing(new_rig, "contacts") if d.endswith("is missing")] == []
    new_rig.box.clock.advance(seconds=60)
    assert not new_rig.sync(entities=BOOK).failures
    assert differing(new_rig, "contacts") == []


def test_days_of_life_need_no_full_reading_of_loops(rig: Rig) -> None:
    """Nothing merges or goes by itself, so the increment has every loop."""
    rig.box.advance(days=5)
    assert not rig.sync().failures
    assert differing(rig, "loops", "contacts", "profiles", "accounts") == []


def test_a_loop_that_does_not_fit_is_refused_and_its_people_are_read(new_rig: Rig) -> None:
    fault(new_rig, "string_for_number", "/profile/42/loop\\?", field="totalTaskCount", value="two")
    assert not new_rig.sync().failures
    [(entity, source_id, reason, _)] = new_rig.rejected()
    assert (entity, reason.startswith("totalTaskCount: ")) == ("loops", True)
    assert new_rig.differences() == [f"loops {source_id}: is missing"]
    new_rig.box.clock.advance(seconds=60)
    assert not new_rig.sync(full=True).failures
    new_rig.must_equal_truth()


def test_a_known_loop_that_no_longer_fits_is_not_taken_for_gone(rig: Rig) -> None:
    fault(rig, "string_for_number", "/profile/42/loop\\?", field="totalTaskCount", value="two")
    report = rig.sync(full=True)
    assert result(report, "loops").rows_rejected == 1
    assert sum(r.rows_deleted for r in report.results) == 0
    rig.must_equal_truth()


@pytest.mark.every_time
def test_a_loop_that_a_list_forgot_is_asked_for(rig: Rig) -> None:
    fault(rig, "drop_row", "/profile/42/loop\\?", times=None)
    rig.case.changes[4].play(rig.box)
    report = rig.sync(full=True)
    assert sum(r.rows_deleted for r in report.results) == 0
    rig.must_equal_truth()


# -- profiles --------------------------------------------------------------------------------------


def test_a_profile_that_shows_no_loops_is_named_and_the_others_are_read(loaded: Rig) -> None:
    [(note,)] = loaded.query(
        "select error from raw_dotloop.sync_marks where entity = 'loops' and connection_id = %s",
        f"{ADA}:dotloop",
    )
    refused = [key for key, row in truth_of(loaded.box, "profiles").items()
               if row["type"] == "OFFICE"]  # fmt: skip
    assert note == f"No loops are shown of the profiles {', '.join(refused)}."


def test_loops_of_a_profile_that_is_closed_to_us_stay(rig: Rig) -> None:
    """Losing the right to look is no deletion; what was known of the deals is still true."""
    before = rig.rows("loops").keys()
    [team] = [key for key, row in truth_of(rig.box, "profiles").items() if row["type"] == "TEAM"]
    assert any(key.startswith(f"{team}|") for key in before)
    change(rig, "loop_access", agent_key=ADA, profile_id=team, allowed=False)
    report = rig.sync(full=True)
    assert not report.failures
    assert rig.rows("loops").keys() == before
    assert result(report, "participants").rows_deleted == 0


# -- merged loops ----------------------------------------------------------------------------------


@pytest.mark.every_time
def test_a_merge_shows_when_the_people_of_a_loop_are_asked_for(rig: Rig) -> None:
    """Before the weekly reading of all loops does: the old loop still stands in raw."""
    old = own_loops(rig.box)[0]
    change(rig, "edit_loop", loop_id=old, set={"name": "Soon merged"})
    rule = fault(rig, "merge", f"/loop/{old}/participant", times=1, agent_key=ADA)
    assert not rig.sync().failures
    assert rule.hits == 1
    [row] = rig.rows("merged_loops").values()
    assert row["old_loop_id"] == old
    assert row["new_loop_id"] in {key.split("|")[1] for key in rig.rows("loops")}
    assert only({"loops", "participants", "activities"}, rig.differences())
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


def test_loops_merged_one_after_another_lead_to_the_last(rig: Rig) -> None:
    first, second, third, *_ = own_loops(rig.box)
    change(rig, "merge_loops", loop_id=first, into=second)
    change(rig, "merge_loops", loop_id=second, into=third)
    assert not rig.sync(full=True).failures
    found = {row["old_loop_id"]: row["new_loop_id"] for row in rig.rows("merged_loops").values()
             if row["profile_id"] == "42"}  # fmt: skip
    assert found == {first: third, second: third}


def test_a_merge_is_not_forgotten_when_the_people_fail(rig: Rig) -> None:
    """The loop is marked as gone by then; its people, who are not, remind of it."""
    # this world's lists have shown nothing yet, and its truth knows merges of shown loops only
    assert not rig.sync(full=True).failures
    first, second, *_ = own_loops(rig.box)
    change(rig, "merge_loops", loop_id=first, into=second)
    fault(rig, "status", "/participant", status=503, times=None)
    report = rig.sync(full=True)
    assert failed_entities(report) == {"participants", "merged_loops"}
    assert f"42|{first}" not in rig.rows("loops")
    rig.box.faults.clear()
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()
    assert any(row["old_loop_id"] == first for row in rig.rows("merged_loops").values())


def test_a_loop_that_vanishes_between_list_and_people_costs_only_itself(rig: Rig) -> None:
    old = own_loops(rig.box)[0]
    change(rig, "edit_loop", loop_id=old, set={"name": "Soon gone"})
    rule = fault(rig, "vanish", f"/loop/{old}/participant", times=1, agent_key=ADA)
    report = rig.sync()
    assert rule.hits == 1
    assert not report.failures
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


def test_a_connection_that_is_forgotten_leaves_nothing_and_may_come_back(rig: Rig) -> None:
    """The terms of use want it (§0); what lanes have staged counts as well."""
    rig.box.advance(days=1)
    assert not rig.sync(*AGENTS).failures
    mine, others = f"{ADA}:dotloop", rig.rows("loops", BEN)
    expected = sum(len(rig.rows(entity, live=False)) for entity in rig.case.entities)
    assert forget_connection(DOTLOOP, rig.url, mine) == expected
    tables = rig.query(
        "select table_schema, table_name from information_schema.columns"
        " where column_name = 'connection_id' and table_schema like 'raw_dotloop%%'"
    )
    assert {schema for schema, _ in tables} > {"raw_dotloop"}
    for schema, table in tables:
        count = f"select count(*) from {schema}.{table} where connection_id = %s"
        assert rig.query(count, mine) == [(0,)], (schema, table)
    assert rig.rows("loops", BEN) == others
    report = rig.sync()
    assert {r.cursor_from for r in report.results} == {None}
    rig.must_equal_truth()


@pytest.mark.every_time
def test_no_message_of_an_activity_reaches_a_log(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    change(rig, "add_activity", loop_id=own_loops(rig.box)[0], message="Nia-in-person came by")
    fault(rig, "truncated_json", "/activity", times=3)
    report = rig.sync(full=True)
    messages = Counter(row["message"] for row in rig.rows("activities").values())
    assert messages["Nia-in-person came by"]
    assert "Nia-in-person" not in caplog.text + repr(report)
