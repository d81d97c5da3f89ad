"""Bad answers: each is injected through the sandbox, told in one sentence, and healed from."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.faults import Rule
from tests.sources.rig import FlyingClock, Rig, must_be_one_sentence, result, sentence

pytestmark = pytest.mark.engine(lambda params: params.get("fault") == "down", shown_with="rezen")

PASSING: dict[str, dict[str, Any]] = {
    "down": {"kind": "status", "status": 503},
    "internal_error": {"kind": "status", "status": 500},
    "html": {"kind": "html"},
    "html_with_200": {"kind": "html", "status": 200},
    "half_a_json": {"kind": "truncated_json"},
    "no_json": {"kind": "garbage"},
    "empty_body": {"kind": "empty_body"},
    "cut_connection": {"kind": "reset"},
    "silence": {"kind": "timeout"},
    "429_with_retry_after": {"kind": "429_with_retry_after", "retry_after": 7},
    "429_without": {"kind": "429_without"},
}
LASTING = ("down", "html", "half_a_json", "empty_body", "429_without")
"""Those of which the fast suite shows that they may last."""

SAID = {
    "down": "answered HTTP 503 to GET",
    "internal_error": "answered HTTP 500 to GET",
    "html": "answered HTTP 502 to GET",
    "html_with_200": "and broken JSON (text/html,",
    "half_a_json": "and broken JSON (application/json,",
    "no_json": "and broken JSON",
    "empty_body": "with HTTP 200 and no content",
    "cut_connection": "could not be reached for GET",
    "silence": "did not answer GET",
    "429_with_retry_after": "the rate limit is used up",
    "429_without": "the rate limit is used up",
}


def inject(rig: Rig, kind: str, match: str | None = None, **fields: Any) -> Rule:
    """A fault in the vendor's answers, by default in those of the case's list."""
    return rig.box.faults.add(kind, vendor=rig.case.name, match=match or rig.case.path, **fields)


def impatient(rig: Rig) -> dict[str, Any]:
    return {"settings": rig.settings.model_copy(update={"timeout_seconds": 0.7})}


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_costs_a_retry_and_nothing_else(rig: Rig, fault: str) -> None:
    rig.case.changes[0].play(rig.box)
    rule = inject(rig, **PASSING[fault], times=1)
    rig.box.clock.advance(seconds=60)
    report = rig.sync(**impatient(rig))
    assert rule.hits == 1
    assert not report.failures
    rig.must_equal_truth()


@pytest.mark.parametrize(
    "fault",
    [
        fault if fault in LASTING else pytest.param(fault, marks=pytest.mark.slow)
        for fault in PASSING
    ],
)
def test_a_lasting_fault_is_one_sentence_and_the_next_sync_heals(rig: Rig, fault: str) -> None:
    listed = rig.case.listed
    rig.case.changes[0].play(rig.box)
    before = rig.rows(listed, live=False)
    inject(rig, **PASSING[fault], times=None)
    rig.box.clock.advance(seconds=60)
    report = rig.sync(**impatient(rig))
    said = sentence(report, listed)
    assert said.startswith(rig.case.vendor.title)
    assert SAID[fault].replace("GET", rig.case.asks) in said
    assert said.endswith("again later.") or "then try the sync again" in said
    failed = result(report, listed)
    assert failed.cursor_to == failed.cursor_from, "a failed entity moves no cursor"
    assert report.broken_accounts == {}
    # who needs the list says so, everybody else is read
    needing = {e.name for e in rig.case.vendor.entities if listed in e.depends_on}
    for other in report.failures:
        assert other.entity == listed or "could not be read in the same sync" in (other.error or "")
        assert other.entity in needing | {listed}
    assert rig.rows(listed, live=False) == before
    rig.box.faults.clear()
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_a_fault_of_one_account_never_reaches_another(rig: Rig) -> None:
    for agent in rig.case.pair:
        rig.box.advance(days=1)
        inject(rig, "status", status=503, match="", times=None, agent_key=agent)
        report = rig.sync(*rig.case.pair)
        assert {r.agent_key for r in report.failures} == {agent}
        rig.box.faults.clear()
    assert not rig.sync(*rig.case.pair, full=True).failures
    rig.must_equal_truth(*rig.case.pair)


def test_retry_after_is_obeyed_and_without_it_pauses_double(rig: Rig) -> None:
    clock = FlyingClock()
    inject(rig, "429_with_retry_after", retry_after=37, times=1)
    assert not rig.sync(clock=clock).failures
    assert any(37 <= pause < 38 for pause in clock.slept)
    clock = FlyingClock()
    inject(rig, "status", status=502, times=3)
    assert not rig.sync(clock=clock, entities=entities_of(rig)).failures
    assert [round(pause - 0.125) for pause in clock.slept] == [1, 2, 4]


def test_a_day_of_retry_after_is_not_waited_for(rig: Rig) -> None:
    clock = FlyingClock()
    inject(rig, "429_with_retry_after", retry_after=86_400, times=None)
    report = rig.sync(clock=clock, entities=entities_of(rig))
    assert "the rate limit is used up" in sentence(report, rig.case.listed)
    assert clock.slept == []
    rig.box.faults.clear()
    assert not rig.sync().failures
    rig.must_equal_truth()


def entities_of(rig: Rig) -> list[str]:
    """The list with what it needs."""
    return [rig.case.vendor.entities[0].name, rig.case.listed]


# -- rows that do not fit --------------------------------------------------------------------------


def first_row_spoiled(rig: Rig, kind: str, **fields: Any) -> Any:
    """Read everything for the first time with the first row of the list spoiled."""
    rule = inject(rig, kind, times=rig.case.first_pages, skip=rig.case.skip, **fields)
    report = rig.sync()
    assert rule.hits
    assert not report.failures
    return report


def must_miss_one_row_and_heal(rig: Rig) -> str:
    """The rest equals the truth; afterwards everything does. Returns the key of the row.

    What is asked for row by row of the list cannot be there either.
    """
    hanging = {e.name for e in rig.case.vendor.entities if rig.case.listed in e.depends_on}
    others = [d for d in rig.differences() if d.split(" ")[0] not in hanging]
    missing = {d.split(" ")[1].rstrip(":") for d in others}
    assert len(missing) == 1, rig.differences()
    rig.box.faults.clear()
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()
    return missing.pop()


def test_a_row_without_an_id_is_refused_and_kept_whole(new_rig: Rig) -> None:
    report = first_row_spoiled(new_rig, "missing_id", field=new_rig.case.row_id)
    assert result(report, new_rig.case.listed).rows_rejected == 1
    [(entity, source_id, reason, row)] = new_rig.rejected()
    assert (entity, source_id) == (new_rig.case.listed, None)
    assert reason.startswith(f"{new_rig.case.row_id}: ")
    assert len(row) > 10
    if new_rig.case.reads_again:
        new_rig.must_equal_truth()
    else:
        must_miss_one_row_and_heal(new_rig)


def test_a_string_where_a_number_should_be_is_refused_and_kept_whole(new_rig: Rig) -> None:
    name = new_rig.case.row_number
    report = first_row_spoiled(new_rig, "string_for_number", field=name, value="a lot")
    assert result(report, new_rig.case.listed).rows_rejected == 1
    [(entity, source_id, reason, row)] = new_rig.rejected()
    assert entity == new_rig.case.listed
    assert name in reason
    assert "a lot" not in reason, "a reason repeats no value: it may be personal"
    assert row[name] == "a lot"
    assert source_id == str(row[new_rig.case.row_id])
    differing = [d for d in new_rig.differences() if not d.startswith(f"{entity} {source_id}")]
    assert differing == []
    must_miss_one_row_and_heal(new_rig)


def test_an_unknown_field_is_kept_and_reported_once(new_rig: Rig) -> None:
    case, listed = new_rig.case, new_rig.case.listed
    report = first_row_spoiled(new_rig, "unknown_field", field="moonPhase", value={"is": "full"})
    assert result(report, listed).drift == ("moonPhase",)
    [extra] = [row["_extra"] for row in new_rig.rows(listed).values() if row["_extra"]]
    assert extra == {"moonPhase": {"is": "full"}}
    drift = f"select entity, field, sample_type from {case.vendor.schema}.schema_drift"
    assert new_rig.query(drift) == [(listed, "moonPhase", "dict")]
    new_rig.must_equal_truth()
    new_rig.sync()
    assert new_rig.query(drift) == [(listed, "moonPhase", "dict")]


def test_a_word_never_seen_passes_through(new_rig: Rig) -> None:
    case = new_rig.case
    first_row_spoiled(new_rig, "unknown_enum", field=case.row_text, value="BRAND_NEW")
    column = next(
        name for name, info in case.vendor.entity(case.listed).model.model_fields.items()
        if case.row_text in (info.alias, *getattr(info.validation_alias, "choices", ()))
    )  # fmt: skip
    values = [row[column] for row in new_rig.rows(case.listed).values()]
    assert values.count("BRAND_NEW") == 1
    assert new_rig.rejected() == []
    # the truth may hold the word that was replaced
    assert [d for d in new_rig.differences() if f" {column}: 'BRAND_NEW'" not in d] == []


def test_a_doubled_row_lands_once(new_rig: Rig) -> None:
    first_row_spoiled(new_rig, "duplicate_row")
    new_rig.must_equal_truth()


def test_a_row_left_out_of_a_page_is_not_taken_for_deleted(rig: Rig) -> None:
    """The list forgets a row that its own address still answers."""
    inject(rig, "drop_row", times=None)
    report = rig.sync(full=True)
    assert result(report, rig.case.listed).rows_deleted == 0
    rig.must_equal_truth()


def test_a_renamed_list_is_a_failure_and_not_an_empty_account(rig: Rig) -> None:
    before = rig.content()
    body = {"somethingElse": {"a": 1}}
    inject(rig, "status", status=200, body=body, times=None)
    report = rig.sync(full=True)
    assert f"compare docs/vendors/{rig.case.name}.md" in sentence(report, rig.case.listed)
    assert rig.content()["tombstones"] == before["tombstones"]
    rig.box.faults.clear()
    rig.box.clock.advance(seconds=60)
    assert not rig.sync().failures
    rig.must_equal_truth()


def test_an_answer_of_another_kind_fails_only_its_entity(rig: Rig) -> None:
    """The reader is surprised: a row that is a number, an object where a list was."""
    for body in ([1, 2, 3], {"_metadata": 7, "transactions": [7], "people": [[]]}, "text", 42):
        inject(rig, "status", status=200, body=body, times=None)
        report = rig.sync(entities=entities_of(rig))
        for failure in report.failures:
            assert failure.entity == rig.case.listed
            must_be_one_sentence(failure.error or "")
        rig.box.faults.clear()
    rig.box.clock.advance(seconds=60)
    assert not rig.sync(full=True).failures
    rig.must_equal_truth()


def test_a_resource_that_is_closed_to_us_is_an_answer(rig: Rig) -> None:
    before = rig.rows(rig.case.listed)
    inject(rig, **rig.case.closed, times=None)
    report = rig.sync(entities=entities_of(rig))
    assert result(report, rig.case.listed).status == "not_permitted"
    must_be_one_sentence(result(report, rig.case.listed).error or "")
    assert report.failures == []
    assert rig.rows(rig.case.listed) == before
