"""What every source promises when nothing goes wrong; a new vendor inherits all of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.common.account import StaticCredentials
from pipelines.common.entity import check_account
from tests.sources.rig import Case, Rig, folder_texts, only


def test_the_entities_are_the_documented_ones(case: Case) -> None:
    assert {entity.name for entity in case.vendor.entities} == set(case.entities)


def test_every_raw_table_has_every_column_of_its_model(loaded: Rig) -> None:
    found = loaded.query(
        "select table_name, column_name, case when data_type = 'numeric' then format("
        "  'numeric(%%s,%%s)', numeric_precision, numeric_scale) else udt_name end,"
        " is_nullable = 'YES',"
        " col_description(format('%%I.%%I', table_schema, table_name)::regclass, ordinal_position)"
        " from information_schema.columns where table_schema = %s order by ordinal_position",
        loaded.case.vendor.schema,
    )
    types = {"int8": "bigint", "bool": "boolean"}
    for entity in loaded.case.vendor.entities:
        built = [
            (name, types.get(type_, type_), nullable, text)
            for table, name, type_, nullable, text in found
            if table == entity.name
        ]
        wanted = [(c.name, c.data_type, c.nullable, c.description) for c in entity.columns()]
        assert built == wanted, entity.name
        assert all(c.description for c in entity.columns()), entity.name


def test_no_field_is_unknown_and_no_row_refused(loaded: Rig) -> None:
    schema = loaded.case.vendor.schema
    assert loaded.query(f"select entity, field from {schema}.schema_drift") == []
    assert loaded.rejected() == []


def test_every_declared_column_is_filled_by_somebody(loaded: Rig) -> None:
    """Of a column that is empty in every row nothing is proved; the case says why there is one."""
    case = loaded.case
    filled = [entity for entity in case.entities if entity not in case.later]
    empty = {f"{entity}.{name}" for entity in filled for name in loaded.empty_columns(entity)}
    unsent = {f"{entity}.{name}" for entity, names in case.unsent.items() for name in names}
    missing, sent = sorted(empty - unsent), sorted(unsent - empty)
    assert not missing, f"filled in no row: {', '.join(missing)}"
    assert not sent, f"filled, although the case says why not: {', '.join(sent)}"


def test_a_full_read_equals_the_truth_field_by_field(loaded: Rig, agent: str) -> None:
    loaded.must_equal_truth(agent)


def test_every_entity_holds_rows_of_somebody(loaded: Rig) -> None:
    filled = {e for e in loaded.case.entities if any(loaded.rows(e, a) for a in loaded.case.agents)}
    assert filled == set(loaded.case.entities) - loaded.case.later


def test_all_entities_ended_well_and_all_marks_count(loaded: Rig) -> None:
    schema = loaded.case.vendor.schema
    marks = loaded.query(
        f"select entity, connection_id, m.status, mode, rows_read = rows_written, rows_rejected,"
        f" l.status from {schema}.sync_marks m join {schema}._dlt_loads l on l.load_id ="
        f" m._dlt_load_id"
    )
    expected = {
        (e, f"{a}:{loaded.case.name}") for e in loaded.case.entities for a in loaded.case.agents
    }
    assert {mark[:2] for mark in marks} == expected
    # the roster is shown to leaders and admins only: a missing right is an answer
    assert {mark[2] for mark in marks} <= {"ok", "not_permitted"}
    assert {mark[5:] for mark in marks} == {(0, 0)}


def test_reading_twice_writes_nothing_and_is_cheap(rig: Rig) -> None:
    before = rig.content()
    first_calls = rig.query(
        f"select sum(api_calls) from {rig.case.vendor.schema}.sync_marks where connection_id = %s",
        f"{rig.case.first}:{rig.case.name}",
    )[0][0]
    report = rig.sync()
    assert not report.failures
    assert [r.entity for r in report.results if r.rows_written or r.rows_deleted] == []
    assert rig.content() == before
    calls = sum(r.api_calls for r in report.results)
    assert calls == rig.box.requests.count(vendor=rig.case.name)
    assert calls <= rig.case.most_calls < first_calls


@pytest.mark.engine
def test_a_full_reading_again_writes_nothing(rig: Rig) -> None:
    before = rig.content()
    report = rig.sync(*rig.case.agents, full=True)
    assert not report.failures
    assert [(r.entity, r.agent_key) for r in report.results if r.rows_written] == []
    assert rig.content() == before


def test_only_reads_are_sent(rig: Rig) -> None:
    rig.sync(*rig.case.agents, full=True)
    assert rig.box.requests.writes_refused == 0
    assert {method for _, _, method, _, _ in rig.box.requests.counts} <= rig.case.methods


def test_days_of_life_arrive_with_an_increment_and_a_full_reading(rig: Rig) -> None:
    """What an increment may miss by contract is there after the next full reading."""
    rig.box.advance(days=5)
    assert not rig.sync(*rig.case.agents).failures
    late = frozenset().union(*(change.late for change in rig.case.changes))
    for agent in rig.case.agents:
        unexpected = [d for d in rig.differences(agent) if d.split(" ", 1)[0] not in late]
        assert unexpected == []
    assert not rig.sync(*rig.case.agents, full=True).failures
    rig.must_equal_truth(*rig.case.agents)


@pytest.mark.slow
def test_the_periodic_full_reading_comes_by_itself(rig: Rig) -> None:
    """A month of syncs every eight days: nothing is asked for, and all that was missed arrives."""
    for _ in range(4):
        rig.box.advance(days=8)
        assert not rig.sync().failures
    assert only(rig.case.only_when_asked, rig.differences())


@pytest.mark.engine
def test_an_account_that_was_away_for_weeks_catches_up(rig: Rig) -> None:
    rig.box.advance(days=45)
    assert not rig.sync().failures
    assert only(rig.case.only_when_asked, rig.differences())
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


def test_a_credential_is_checked_before_it_is_kept(loaded: Rig) -> None:
    identity = check_account(
        loaded.case.vendor, loaded.account(loaded.case.pair[-1]), loaded.settings
    )
    assert identity.account_source_id == loaded.case.account_id(loaded.box, loaded.case.pair[-1])
    assert identity.label
    assert identity.limited is None


def test_no_secret_reaches_raw_tables_files_or_logs(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither what was entered nor what the vendor gave on the way; not even in a debugging log."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("tests").debug("somebody is listening")
    rig.box.faults.add("status", vendor=rig.case.name, status=500, match=rig.case.path, times=None)
    granted = about_to_end(rig)
    before = dict(granted.get())
    report = rig.sync(rig.account(rig.case.first, granted), *rig.case.agents[1:], full=True)
    assert report.failures
    assert granted.get() != before or "renew_at" not in before, "the grant was to be renewed"
    own = [books.account(a) for a in rig.case.agents for books in rig.box.books.values()]
    sessions = getattr(rig.box.books[rig.case.name], "sessions", {})
    secrets = {
        secret.encode()
        for secret in (
            *(part for account in own if account for part in secrets_of(rig.case, account)),
            *secrets_of(rig.case, {"oauth": before}),
            *secrets_of(rig.case, {"oauth": granted.get()}),
            *secrets_of(rig.case, {"secrets": sessions}),
            *(part.get_secret_value() for _, part in rig.settings if isinstance(part, SecretStr)),
            "DO-NOT-STORE",
            "1901-01-01",
        )
    }
    places = [
        *((str(path), text) for path, text in folder_texts(rig.folder)),
        *((table, repr(rows).encode()) for table, rows in rig.content().items()),
        ("marks", repr(rig.query(f"select * from {rig.case.vendor.schema}.sync_marks")).encode()),
        ("report", repr(report).encode()),
        ("log", caplog.text.encode()),
        (
            "account",
            repr(
                rig.account(rig.case.first, StaticCredentials({"api_key": "key-of-ada"}))
            ).encode(),
        ),
    ]
    found = {(name, secret) for name, text in places for secret in secrets if secret in text}
    assert found == set()
    assert "somebody is listening" in caplog.text
    assert b"key-of-ada" not in places[-1][1]


def about_to_end(rig: Rig) -> StaticCredentials:
    """The first account's grant when it is time to renew it; its key where there are no grants."""
    account = rig.box.account(rig.case.first, rig.case.name)
    own = dict(account.get("oauth") or account["credentials"])
    if "refresh_token" in own:
        own["renew_at"] = "2020-01-01T00:00:00+00:00"
    return StaticCredentials(own)


def secrets_of(case: Case, account: Mapping[str, Any]) -> Iterator[str]:
    """What must be kept secret of an account as the sandbox tells of it."""
    public = {*case.public, "expires_at", "renew_at", "session_ends"}
    for part in ("credentials", "oauth", "keys"):
        yield from (text for name, text in account.get(part, {}).items() if name not in public)
    yield from account.get("secrets", ())
    if "system_key" in account:
        yield account["system_key"]


def test_a_change_is_written_once_and_nothing_else_is(rig: Rig) -> None:
    rig.case.changes[0].play(rig.box)
    rig.box.clock.advance(seconds=60)
    report = rig.sync()
    assert not report.failures
    assert sum(r.rows_written for r in report.results) > 0
    rig.must_equal_truth()
    rig.box.clock.advance(seconds=60)
    assert sum(r.rows_written for r in rig.sync().results) == 0


@pytest.mark.applies(lambda case: bool(case.late_commits))
def test_the_overlap_covers_a_late_commit(rig: Rig) -> None:
    """What is shown only after something newer was read is within every cursor's overlap."""
    for commit in rig.case.late_commits:
        commit.newer(rig.box)
    rig.box.clock.advance(seconds=1)
    assert not rig.sync().failures
    for commit in rig.case.late_commits:
        with rig.box.clock.behind(commit.by):
            commit.late(rig.box)
    covered = {commit.entity for commit in rig.case.late_commits}
    unread = {difference.split(" ", 1)[0] for difference in rig.differences()}
    assert covered <= unread
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    assert [d for d in rig.differences() if d.split(" ", 1)[0] in covered] == []
