"""A receiver that is killed, ten thousand deliveries in any order, vendors that deliver badly."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from brokerage.database.embedded import free_port
from brokerage.settings import PROJECT_DIR
from tests.webhooks.office import Office


@contextmanager
def _service(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The receiver as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "brokerage.webhooks", "--port", str(port)],
        cwd=PROJECT_DIR,
        env=dict(os.environ),
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1.0).close()
                break
            except OSError:
                assert process.poll() is None, "the receiver ended at its start"
                assert time.monotonic() < deadline, "the receiver does not start"
        yield process
    finally:
        process.kill()
        process.wait(20)


def _lofty(lead: int) -> bytes:
    item = {"leadId": lead, "updateTime": 1_769_000_000_000 + lead}
    return json.dumps({"listId": 2, "teamId": 1, "updatedLead": [item]}).encode()


async def _post_all(
    url: str, bodies: list[bytes], *, after: int = 0, then: subprocess.Popen[bytes] | None = None
) -> list[int]:
    """Post with sixteen at a time; the statuses, 0 for no answer. Kill `then` after so many."""
    statuses = [0] * len(bodies)
    left = iter(range(len(bodies)))
    answered = 0
    limits = httpx.Limits(max_connections=16)

    async with httpx.AsyncClient(limits=limits, timeout=20.0) as client:

        async def work() -> None:
            nonlocal answered
            for number in left:
                try:
                    answer = await client.post(url, content=bodies[number])
                except httpx.HTTPError:
                    continue
                statuses[number] = answer.status_code
                answered += 1
                if then is not None and answered == after:
                    then.kill()

        await asyncio.gather(*(work() for _ in range(16)))
    return statuses


def _leads_in(office: Office) -> list[int]:
    return sorted(int(row[0]) for row in office.letters("body ->> 'leadId'"))


def test_killed_under_load_no_acknowledged_event_is_lost(office: Office) -> None:
    connection = office.connect("lofty")
    office.registry.endpoints.ensure(connection.connection_id, "lofty", own_key=False)
    path = office.url(connection).removeprefix(office.address)
    port = free_port()
    bodies = [_lofty(lead) for lead in range(600)]
    with _service(port) as process:
        statuses = asyncio.run(
            _post_all(f"http://127.0.0.1:{port}{path}", bodies, after=250, then=process)
        )
    acknowledged = [lead for lead, status in enumerate(statuses) if status == 200]
    assert 250 <= len(acknowledged) < 600, "it was killed in the middle"
    assert set(acknowledged) <= set(_leads_in(office))
    # the vendor delivers again what was not acknowledged, some of which was stored all the same
    again = [bodies[lead] for lead, status in enumerate(statuses) if status != 200]
    assert set(asyncio.run(_post_all(office.url(connection), again))) == {200}
    assert _leads_in(office) == list(range(600)), "each is there, and once"


@pytest.mark.parametrize("events", [300, pytest.param(2_500, marks=pytest.mark.slow)])
def test_duplicated_and_shuffled(office: Office, events: int) -> None:
    """Each event four times in any order: each is stored once, each lead read once."""
    connection = office.connect("lofty", entities=("account", "leads"))
    office.registry.endpoints.ensure(connection.connection_id, "lofty", own_key=False)
    known = sorted(int(key) for key in office.live("raw_lofty.leads"))[:20]
    bodies = []
    for number in range(events):
        item = {"leadId": known[number % len(known)], "updateTime": number}
        bodies.append(json.dumps({"listId": 2, "updatedLead": [item]}).encode())
    told = bodies * 4
    random.Random(7).shuffle(told)
    begun = time.monotonic()
    statuses = asyncio.run(_post_all(office.url(connection), told))
    rate = len(told) / (time.monotonic() - begun)
    assert set(statuses) == {200}
    assert office.counts("lofty").new == events
    office.box.requests.clear()
    assert office.work_off("lofty").done == events
    asked = [r for r in office.box.requests.describe(100)["recent"] if "/leads/" in r["path"]]
    assert len(asked) == len(known), f"{rate:.0f} deliveries a second"
    assert office.counts("lofty").new == 0


class TestBadDeliveries:
    def test_forged_and_stale_ones_are_refused_and_tried_again(self, office: Office) -> None:
        office.register(office.connect("stripe", entities=("events", "customers")))
        office.box.hooks.set_flaws({"wrong_signature": 1, "speed": 1e9})
        office.play(op="stripe.update_customer", agent_key="ada-sample", name="Forged")
        office.box.hooks.set_flaws({"stale": 1})
        office.play(op="stripe.update_customer", agent_key="ada-sample", name="Stale")
        office.box.hooks.set_flaws({"altered_body": 1})
        office.play(op="stripe.update_customer", agent_key="ada-sample", name="Altered")
        counts = office.box.hooks.counts
        assert counts["401"] == 9, "each three times, which is all that test mode does"
        # what a forged delivery named is nowhere; the next poll brings it
        office.work_off("stripe")
        office.sync("stripe", entities=("events", "customers"))
        assert ("Altered",) in office.live("raw_stripe.customers", "name").values()

    def test_what_is_lost_comes_with_the_next_poll(self, office: Office) -> None:
        office.register(office.connect("fub", entities=("identity", "people")))
        office.box.hooks.set_flaws({"drop_every": 1})
        person = sorted(office.live("raw_fub.people"))[0]
        office.play(op="fub.update_person", id=int(person), set={"first_name": "Unheard"})
        assert not office.letters("body")
        office.sync("fub", entities=("identity", "people"))
        assert office.live("raw_fub.people", "first_name")[person] == ("Unheard",)

    def test_a_receiver_that_was_away_gets_it_again(self, office: Office) -> None:
        office.register(office.connect("fub", entities=("identity", "people")))
        person = int(sorted(office.live("raw_fub.people"))[0])
        for subscription in office.box.hooks.of("fub", "ada-sample"):
            subscription.shown["url"] = subscription.url
            subscription.url = f"http://127.0.0.1:{free_port()}/nobody"
        office.box.hooks.set_flaws({"speed": 60.0})
        office.box.mutate(
            {"op": "fub.update_person", "id": person, "set": {"first_name": "Patient"}}
        )
        deadline = time.monotonic() + 20
        while office.box.hooks.counts["0"] == 0 and time.monotonic() < deadline:
            os.sched_yield()
        for subscription in office.box.hooks.of("fub", "ada-sample"):
            subscription.url = subscription.shown["url"]
        assert office.box.hooks.settle()
        assert office.counts("fub").new == 1
