"""`brokerage webhooks …` as a person or a script meets it."""

from __future__ import annotations

import json

import pytest

from brokerage.cli.session import Session
from brokerage.control.webhooks import Arrival
from tests.brokerage.running import Run, one_sentence
from tests.webhooks.office import Office

ADA = "ada-sample"


@pytest.fixture(autouse=True)
def _the_sandbox_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The office's sandbox is no process that a command could find."""
    monkeypatch.setattr(Session, "ensure_sandbox", lambda _session: None)


PERSON = (("people", "11", False),)


def _arrive(
    office: Office, number: int, *, hints: tuple[tuple[str, str, bool], ...] = PERSON
) -> None:
    arrival = Arrival(
        vendor="fub",
        connection_id=f"{ADA}:fub",
        event_source_id=f"event-{number}",
        event_type="peopleUpdated",
        body={"resourceIds": [11]},
        hints=hints,
        status="failed",
        error="Follow Up Boss did not answer.",
    )
    assert office.inbox.store([arrival]) == 1


def _ids(office: Office) -> list[int]:
    return [row[0] for row in office.letters("webhook_id")]


def test_subscriptions_are_made_once_checked_and_taken_back(office: Office, run: Run) -> None:
    office.connect("fub")
    assert "No webhooks are registered" in run("webhooks", "check").out
    made = run("webhooks", "register", ADA, "fub")
    assert made.code == 0, made.err
    count = len(office.box.hooks.describe()["subscriptions"])
    assert f"ada-sample:fub: {count} made, 0 replaced, 0 kept." in made.out
    assert f"0 made, 0 replaced, {count} kept" in run("webhooks", "register").out
    checked = run("webhooks", "check", "--json")
    assert checked.code == 0
    told = json.loads(checked.out)
    assert len(told["subscriptions"]) == count
    assert not told["failures"]
    token = office.url(office.repository.connections(agent_key=ADA)[0]).rpartition("/")[2]
    for outcome in (made, checked):
        assert token not in outcome.out + outcome.err

    gone = run("webhooks", "unregister", ADA, "fub", "--yes")
    assert gone.code == 0
    assert f"{count} subscriptions of ada-sample:fub are removed" in gone.out
    assert office.box.hooks.describe()["subscriptions"] == []
    assert "No webhooks are registered" in run("webhooks", "check").out


def test_a_dead_subscription_is_named_and_the_check_fails(office: Office, run: Run) -> None:
    connection = office.connect("fub")
    assert run("webhooks", "register", ADA).code == 0
    endpoint = office.registry.endpoints.of(connection.connection_id)
    assert endpoint is not None
    # somebody removes them at the vendor
    office.box.hooks.clear()
    outcome = run("webhooks", "check")
    assert outcome.code == 1
    assert "peopleUpdated" in outcome.out
    again = run("webhooks", "register", ADA)
    assert again.code == 0
    assert run("webhooks", "check").code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("register", "nobody"), "There is no agent 'nobody'"),
        (("register", ADA, "qualia"), "Qualia sends no webhooks"),
        (("unregister", ADA, "stripe", "--yes"), "no active connection of ada-sample stripe"),
        (("replay", "--vendor", "nobody"), "nobody"),
    ],
)
def test_a_mistake_is_one_sentence(
    office: Office, run: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    office.connect("fub")
    outcome = run("webhooks", *arguments)
    assert outcome.code == 3
    assert sentence in one_sentence(outcome)


def test_dead_letters_are_shown_replayed_and_put_aside(office: Office, run: Run) -> None:
    office.connect("fub")
    assert "No webhook has come yet" in run("webhooks", "inbox").out
    assert "nothing to replay" in run("webhooks", "replay").out
    for number in (1, 2):
        _arrive(office, number)
    _arrive(office, 3, hints=())
    shown = run("webhooks", "inbox")
    assert shown.code == 0
    assert "Follow Up Boss did not answer." in shown.out
    told = json.loads(run("webhooks", "inbox", "--json").out)
    assert len(told["dead_letters"]) == 3
    assert "resourceIds" not in shown.out, "what a delivery holds is not for a screen"

    first, *_ = _ids(office)
    assert "1 webhooks are due again" in run("webhooks", "replay", str(first)).out
    assert "1 webhooks are due again" in run("webhooks", "replay", "--vendor", "fub").out
    assert office.counts("fub").new == 2
    # the third names nothing that could be read
    left = run("webhooks", "replay")
    assert left.code == 0
    assert "1 dead letters name nothing" in left.err
    last = _ids(office)[-1]
    assert "1 dead letters are put aside" in run("webhooks", "dismiss", str(last)).out
    assert "nothing to replay" in run("webhooks", "replay").out
