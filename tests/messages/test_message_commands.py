"""`brokerage digest`, `recipients` and `alerts`, and the jobs and sensor behind them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    DagsterInstance,
    Definitions,
    RunRequest,
    SkipReason,
    build_schedule_context,
    build_sensor_context,
)
from dagster._core.test_utils import instance_for_test
from sqlalchemy import text
from sqlalchemy.engine import Engine

from brokerage.control.log import ControlLog
from brokerage.control.repository import ControlRepository
from brokerage.control.sync_state import refresh_views
from brokerage.errors import ExitCode
from brokerage.settings import get_settings
from resources.connections import ConnectionsResource
from resources.notifier import NotifierResource
from tests.brokerage.running import Run, one_sentence
from tests.messages.newsroom import ADA, BEN, CORA, happen, news_for_all
from tests.messages.servers import MailServer, Slack

DUE = "2026-06-15"


@pytest.fixture(scope="session")
def defs() -> Definitions:
    from definitions import build_definitions

    return build_definitions()


# -- digest ----------------------------------------------------------------------------------------


def test_a_digest_is_shown_as_it_would_be_sent(newsroom: Engine, run: Run, tmp_path: Path) -> None:
    happen(newsroom, ADA, "new_member", member_name="Mia Sample", tier=2)
    path = tmp_path / "mail.html"
    shown = run("digest", ADA, "--day", DUE, "--output", str(path))
    assert shown.code == 0
    assert "Network news, Mon, Jun 15: 1 new member" in shown.out
    assert "- Mia Sample (tier 2)" in shown.out
    assert "Mia Sample" in path.read_text("utf-8")
    told = json.loads(run("digest", ADA, "--day", DUE, "--weekly", "--json").out)
    assert told["news"] == 1
    assert "Jun 9 to Jun 15, 2026" in told["subject"]


def test_a_day_without_news_says_which_day_has_some(newsroom: Engine, run: Run) -> None:
    happen(newsroom, ADA, "new_member", member_name="Mia", tier=2)
    shown = run("digest", ADA, "--day", "2026-06-14")
    assert "the last ones are of 2026-06-15, see --day 2026-06-15" in shown.err
    assert "there are none at all" in run("digest", BEN, "--day", DUE).err


def test_a_digest_can_be_sent_by_hand_and_is_sent_once(newsroom: Engine, run: Run) -> None:
    news_for_all(newsroom)
    first = run("digest", "--send", "--day", DUE)
    assert first.code == 0
    assert first.out.startswith("Daily digest of 2026-06-15: 3 sent.")
    assert "No mail server is set" in first.err
    assert "3 sent before" in run("digest", "--send", "--day", DUE).out
    listed = run("digest", "--deliveries")
    assert listed.out.count("sent") == 3


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), ExitCode.CONFIGURATION, "Name the agent to show"),
        (("nobody",), ExitCode.CONFIGURATION, "There is no agent 'nobody'"),
        ((ADA, "--send"), ExitCode.CONFIGURATION, "leave the agent away"),
        ((ADA, "--day", "yesterday"), ExitCode.CONFIGURATION, "'yesterday' is no day"),
    ],
)
def test_a_mistake_is_one_sentence(
    newsroom: Engine, run: Run, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    outcome = run("digest", *arguments)
    assert outcome.code == code
    assert sentence in one_sentence(outcome)


def test_before_the_first_build_there_is_no_digest(engine: Engine, run: Run) -> None:
    ControlRepository(engine).add_agent(ADA, "Ada")
    outcome = run("digest", ADA)
    assert outcome.code == ExitCode.UNAVAILABLE
    assert "build the warehouse" in one_sentence(outcome)


def test_recipients_are_set_changed_and_forgotten(engine: Engine, run: Run) -> None:
    ControlRepository(engine).add_agent(ADA, "Ada")
    assert "Nobody gets digests yet" in run("recipients", "list").out
    told = run("recipients", "set", ADA, "Ada@Example.com", "--no-weekly").out
    assert told == (
        "ada@example.com gets the daily network news of ada-sample: network, transactions, "
        "listings, revenue.\n"
    )
    run("recipients", "set", ADA, "ada@example.com", "--no-revenue")
    [listed] = json.loads(run("recipients", "list", "--json").out)
    assert (listed["wants_weekly"], listed["show_revenue"]) == (False, False)
    assert "is paused" in run("recipients", "set", ADA, "ada@example.com", "--paused").out
    assert run("recipients", "set", "nobody", "x@example.com").code == ExitCode.CONFIGURATION
    assert run("recipients", "remove", ADA, "ada@example.com").code == 0
    assert run("recipients", "remove", ADA, "ada@example.com").code == ExitCode.CONFIGURATION


# -- the jobs of the digests -----------------------------------------------------------------------


def test_the_schedule_asks_for_a_run_until_everybody_has_theirs(
    newsroom: Engine, defs: Definitions, mails: MailServer
) -> None:
    news_for_all(newsroom)
    due = datetime(2026, 6, 16, 12, tzinfo=UTC)
    with instance_for_test() as instance:

        def tick(at: datetime) -> Any:
            with build_schedule_context(
                instance=instance,
                scheduled_execution_time=at,
                resources={"connections": ConnectionsResource()},
                repository_def=defs.get_repository_def(),
            ) as context:
                return defs.resolve_schedule_def("digests__daily")(context)

        request = tick(due)
        assert isinstance(request, RunRequest)

        def send() -> Any:
            return defs.resolve_job_def("digests__daily").execute_in_process(
                instance=instance, run_config=request.run_config, raise_on_error=False
            )

        mails.codes[f"{BEN}@example.com"] = 451
        failed = send()
        assert not failed.success
        assert sorted(mail.recipient for mail in mails.taken) == [
            f"{ADA}@example.com",
            f"{CORA}@example.com",
        ]
        mails.codes.clear()
        assert isinstance(tick(due + timedelta(minutes=30)), RunRequest)
        good = send()
        assert good.success
        [event] = good.asset_materializations_for_node("operations__daily_digest")
        assert event.metadata["sent"].value == 1
        assert event.metadata["sent_before"].value == 2
        assert len(mails.taken) == 3
        assert isinstance(tick(due + timedelta(hours=1)), SkipReason)
        stored = str([entry.to_json() for entry in instance.all_logs(failed.run_id)])
        assert "example.com" not in stored


# -- alerts ----------------------------------------------------------------------------------------


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    # one that knows of ticks, unlike an ephemeral one
    with instance_for_test() as stored:
        yield stored


def tick(defs: Definitions, instance: DagsterInstance) -> str:
    with build_sensor_context(
        instance=instance,
        repository_def=defs.get_repository_def(),
        resources={"connections": ConnectionsResource(), "notifier": NotifierResource()},
    ) as context:
        found: Any = defs.resolve_sensor_def("alerts__raised")(context)
    assert isinstance(found, SkipReason)
    return str(found.skip_message)


def test_the_sensor_tells_slack_what_is_wrong_and_what_is_over(
    defs: Definitions,
    instance: DagsterInstance,
    engine: Engine,
    slack: Slack,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BROKERAGE_ALERT_INTERVAL_MINUTES", "0")
    get_settings.cache_clear()
    refresh_views(engine)
    assert tick(defs, instance) == "slack: nothing told."
    assert run("alerts").out.startswith("Nothing is wrong.\n")

    repository = ControlRepository(engine)
    for agent in (ADA, BEN):
        repository.add_agent(agent, agent)
        repository.save_connection(agent, "fub")
        repository.set_connection_status(f"{agent}:fub", "needs_reauth", "The key was revoked.")
        ControlLog(engine).error(
            "sync", "The key was revoked.", connection_id=f"{agent}:fub", run_id="r1"
        )
    slack.answers.append("ratelimited")
    assert tick(defs, instance).startswith("slack: not told, Slack did not take the message")
    assert "failed:" in run("alerts").out
    execute(engine, "update control.alert_channels set next_attempt_at = now()")
    assert tick(defs, instance) == "slack: 1 told."
    assert tick(defs, instance) == "slack: nothing told."
    [post] = slack.posts
    body = post["blocks"][1]["text"]["text"]
    assert "*Follow Up Boss refuses 2 accounts*" in body
    assert "*For:* ada-sample, ben-example" in body
    assert "`brokerage connect AGENT fub`" in body

    shown = run("alerts")
    assert "Follow Up Boss refuses 2 accounts" in shown.out
    assert json.loads(run("alerts", "--json").out)["channels"][0]["attempts"] == 0

    for agent in (ADA, BEN):
        repository.save_connection(agent, "fub")
    assert tick(defs, instance) == "slack: 1 told."
    assert slack.posts[-1]["text"] == "1 recovered"


def test_nothing_secret_is_told(
    defs: Definitions, instance: DagsterInstance, engine: Engine, run: Run
) -> None:
    refresh_views(engine)
    tick(defs, instance)
    assert run("alerts", "--test").code == 0
    [told] = (get_settings().outbox / "slack").glob("*.txt")
    assert "This is a test" in told.read_text("utf-8")
    assert told.parent.stat().st_mode & 0o077 == 0


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))
