"""What a vendor tells by webhook is in the warehouse after one pass; nothing else is touched."""

from __future__ import annotations

import pytest

from tests.webhooks.office import Office


@pytest.mark.parametrize("vendor", ["rezen", "fub", "dotloop", "lofty", "stripe"])
def test_registers_once_and_is_alive(office: Office, vendor: str) -> None:
    connection = office.connect(vendor)
    first = office.register(connection)
    assert first.made > 0
    again = office.register(connection)
    assert (again.made, again.replaced, again.kept) == (0, 0, first.made)
    assert all(state.problem is None for state in office.registry.endpoints.states())


def test_a_person_of_follow_up_boss(office: Office) -> None:
    office.register(office.connect("fub"))
    key = sorted(office.live("raw_fub.people"))[3]
    office.play(op="fub.update_person", id=int(key), set={"first_name": "Webhooked"})
    done = office.work_off("fub")
    assert (done.letters, done.done) == (1, 1)
    assert office.live("raw_fub.people", "first_name")[key] == ("Webhooked",)
