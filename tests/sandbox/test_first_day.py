"""A world that is read back is the world that was built, and lives on like it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import first_day
from sandbox.box import Sandbox
from sandbox.clock import Clock


@pytest.fixture(scope="module")
def boxes() -> Iterator[tuple[Sandbox, Sandbox, Sandbox]]:
    with pytest.MonkeyPatch.context() as patch:
        # whatever other tests have built in this process
        patch.setattr(first_day, "_built", Counter())
        patch.setattr(first_day, "_kept", {})
        built, kept = Sandbox(), Sandbox()
        with pytest.MonkeyPatch.context() as forbidding:
            # a third one that is built would raise
            forbidding.setattr(Sandbox, "_built", None)
            read_back = Sandbox()
        yield built, kept, read_back


def _told(box: Sandbox) -> dict[str, Any]:
    return {
        "truth": box.truth(),
        "house": box.house,
        "due": len(box.books["stripe"].billing._plan),  # type: ignore[attr-defined]
    }


def test_it_is_the_world_that_was_built_and_lives_on_like_it(
    boxes: tuple[Sandbox, Sandbox, Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clock, "now", lambda clock: clock._base)
    for box in boxes:
        box.clock.restart(box.start)
    built, kept, read_back = boxes
    at_first = _told(built)
    assert _told(kept) == at_first
    assert _told(read_back) == at_first
    for box in boxes:
        box.advance(days=40)
        box.mutate({"op": "add_member", "agent_key": "ada-sample"})
    later = _told(built)
    assert later != at_first
    assert _told(kept) == later
    assert _told(read_back) == later
    # what one has lived through is not in the next
    read_back.reset()
    read_back.clock.restart(read_back.start)
    assert _told(read_back) == at_first


def test_it_belongs_to_its_own_sandbox(boxes: tuple[Sandbox, Sandbox, Sandbox]) -> None:
    for box in boxes:
        assert box.world.clock is box.clock
        assert all(
            vars(books).get("_world", box.world) is box.world for books in box.books.values()
        )
