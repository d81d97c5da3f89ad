"""The register of the former backend's background tasks, held against what is really there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dagster import Definitions

from sensors.background_tasks import PAGE, missing_objects, read_register, render

IDS = Path(__file__).with_name("background_task_ids.txt")


def test_every_id_that_there_was_has_one_row() -> None:
    wanted = [int(line) for line in IDS.read_text("ascii").split()]
    rows = [task.id for task in read_register()]
    assert len(wanted) == len(set(wanted)) == 366
    assert sorted(set(wanted) - set(rows)) == []
    assert sorted(set(rows) - set(wanted)) == []
    assert len(rows) == len(set(rows))


def test_every_name_is_an_object_of_the_loaded_definitions(defs: Definitions) -> None:
    assert missing_objects(defs, read_register()) == []


def test_a_name_that_does_not_exist_is_found(defs: Definitions) -> None:
    wrong = (
        "schedule:rezen__yearly",
        "sensor:nobody__asked",
        "job:rezen__fast ",
        "asset:raw_rezen/unicorns",
        "model:raw_rezen/transactions",
        "check:raw_rezen/transactions:is_green",
        "freshness:core/agent",
        "timer:rezen__fast",
    )
    task = replace(read_register()[0], now=wrong)
    assert missing_objects(defs, [task]) == [f"{task.id}: {name}" for name in wrong]


def test_every_row_says_what_does_its_work_or_why_nothing_has_to() -> None:
    for task in read_register():
        assert task.name, task.id
        assert task.now or task.because, task.id
        assert task.same_as != task.id, task.id


def test_nothing_that_harmed_is_scheduled() -> None:
    """One timer unregistered all webhooks every day."""
    [task] = [task for task in read_register() if task.id == 3138]
    assert task.now == ()


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == render(read_register())
