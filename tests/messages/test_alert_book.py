"""One alert per cause, told once, told again when it is over; whatever channel is down."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from assets.outcome import failure_sentences
from brokerage.alerts.book import AlertBook
from brokerage.alerts.delivery import MailChannel, OutboxChannel, Telling, Undelivered
from brokerage.alerts.findings import Finding, error_finding, group, take_apart
from brokerage.alerts.message import MOST_ENTRIES, Entry, Message, compose
from brokerage.control.log import ControlLog
from brokerage.mail import make_mailer
from brokerage.settings import Settings, get_settings
from pipelines.common.reading import EntityResult, SyncReport
from pipelines.registry import VENDORS
from resources.notifier import make_slack
from tests.messages.conftest import SLACK_TOKEN
from tests.messages.servers import MailServer, Slack

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def refused(*agents: str, cause: str = "account:fub:1") -> Finding:
    return Finding(
        cause=cause,
        kind="account",
        severity="error",
        title=f"Follow Up Boss refuses {len(agents)} accounts",
        why="The key was revoked.",
        todo="Connect again.",
        agents=agents,
    )


def stale(severity: Any = "warning") -> Finding:
    return Finding("stale:fub", "stale", severity, "Follow Up Boss is not up to date", "Old.", "Go")


class Recorder:
    """A channel that keeps what it was told, and fails when told to."""

    name = "slack"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.broken = False

    def send(self, message: Message, number: int) -> None:
        if self.broken:
            raise Undelivered("Slack cannot be reached.")
        self.messages.append(message)

    @property
    def subjects(self) -> list[str]:
        return [message.subject for message in self.messages]


class Desk:
    """The book and one channel, with a clock of their own."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.book = AlertBook(engine, repeat_after=24 * HOUR)
        self.telling = Telling(engine, settings)
        self.channel = Recorder()
        self.now = NOON

    def see(
        self, *findings: Finding, after: timedelta = timedelta(minutes=10), **more: Any
    ) -> None:
        self.now += after
        self.book.update(findings, now=self.now, **more)
        self.telling.tell(self.channel, self.now)


@pytest.fixture
def desk(engine: Engine, settings: Settings) -> Desk:
    return Desk(engine, settings)


def test_what_stays_wrong_is_told_once_and_its_end_too(desk: Desk) -> None:
    for _ in range(3):
        desk.see(refused("ada", "ben"))
    desk.see()
    desk.see()
    assert desk.channel.subjects == ["1 new problem", "1 recovered"]
    text_of_it = desk.channel.messages[0].text
    for part in ("For: ada, ben", "Why: The key was revoked.", "Do: Connect again."):
        assert part in text_of_it
    assert "Lasted: 30 min" in desk.channel.messages[1].text
    assert desk.book.open_alerts() == []


def test_many_problems_are_one_message(desk: Desk) -> None:
    desk.see(refused("ada"), stale(), refused("ben", cause="account:rezen:2"))
    assert desk.channel.subjects == ["3 new problems"]


def test_an_account_that_joins_an_open_cause_is_told(desk: Desk) -> None:
    desk.see(refused("ada"))
    desk.see(refused("ada", "ben"))
    desk.see(refused("ben"))
    assert desk.channel.subjects == ["1 new problem", "1 still open"]
    assert "(more are affected)" in desk.channel.messages[1].text


def test_a_warning_that_becomes_an_error_is_told(desk: Desk) -> None:
    desk.see(stale())
    desk.see(stale("error"))
    assert len(desk.channel.messages) == 2


def test_an_open_error_is_told_again_each_day_and_a_warning_is_not(desk: Desk) -> None:
    desk.see(refused("ada"), stale())
    for _ in range(30):
        desk.see(refused("ada"), stale(), after=HOUR)
    assert desk.channel.subjects == ["2 new problems", "1 still open"]


def test_what_flickers_is_not_told_as_over(desk: Desk) -> None:
    desk.see(stale())
    desk.see(after=MINUTE)
    desk.see(stale(), after=MINUTE)
    desk.see(after=MINUTE)
    assert desk.channel.subjects == ["1 new problem"]
    desk.see(after=6 * MINUTE)
    assert desk.channel.subjects == ["1 new problem", "1 recovered"]


def test_messages_are_rate_limited_and_nothing_is_lost_by_it(desk: Desk) -> None:
    desk.see(refused("ada"))
    for number in range(4):
        desk.see(
            *(refused("ben", cause=f"account:{n}") for n in range(number + 1)),
            refused("ada"),
            after=MINUTE,
        )
    assert desk.channel.subjects == ["1 new problem"]
    desk.telling.tell(desk.channel, desk.now + 5 * MINUTE)
    assert desk.channel.subjects == ["1 new problem", "4 new problems"]


def test_while_slack_is_down_everything_waits_for_it(desk: Desk) -> None:
    desk.channel.broken = True
    desk.see(refused("ada"))
    desk.see(refused("ada"), stale())
    desk.see(stale())
    [state] = desk.telling.channels()
    assert state["attempts"] >= 2
    assert state["error"] == "Slack cannot be reached."
    desk.channel.broken = False
    desk.see(stale(), after=HOUR)
    assert desk.channel.subjects == ["1 new problem, 1 came and went"]
    [state] = desk.telling.channels()
    assert (state["attempts"], state["error"]) == (0, None)


def test_a_channel_that_is_down_is_tried_ever_less_often(desk: Desk) -> None:
    desk.channel.broken = True
    tries = 0
    desk.see(refused("ada"))
    for _ in range(180):
        desk.now += MINUTE
        tries += desk.telling.tell(desk.channel, desk.now).error is not None
    assert 6 <= tries <= 12


def test_a_channel_that_is_down_delays_no_other(desk: Desk) -> None:
    other = Recorder()
    other.name = "email"
    desk.channel.broken = True
    desk.see(refused("ada"))
    desk.telling.tell(other, desk.now)
    assert other.subjects == ["1 new problem"]


def test_killed_between_sending_and_noting_it_is_sent_again(desk: Desk) -> None:
    class Killed(BaseException):
        pass

    class Dying(Recorder):
        def send(self, message: Message, number: int) -> None:
            super().send(message, number)
            raise Killed

    dying = Dying()
    desk.book.update([refused("ada")], now=NOON)
    with pytest.raises(Killed):
        desk.telling.tell(dying, NOON)
    desk.telling.tell(desk.channel, NOON)
    desk.telling.tell(desk.channel, NOON + HOUR)
    assert dying.subjects == desk.channel.subjects == ["1 new problem"]


def test_two_schedulers_tell_once(desk: Desk, settings: Settings) -> None:
    both = threading.Barrier(2)

    def run() -> None:
        both.wait()
        desk.book.update([refused("ada"), stale()], now=NOON)
        both.wait()
        desk.telling.tell(desk.channel, NOON)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.channel.subjects == ["2 new problems"]


# -- errors ----------------------------------------------------------------------------------------


def errors_of(engine: Engine) -> dict[int, Finding | None]:
    return {
        row["error_id"]: error_finding(
            row["module"], row["message"], run_id=row["run_id"], job=(row["data"] or {}).get("job")
        )
        for row in ControlLog(engine).unnotified_errors()
    }


def test_errors_of_one_cause_are_one_alert_over_agents_and_tables(
    desk: Desk, engine: Engine
) -> None:
    log = ControlLog(engine)
    for line in (
        "ada, ben · Follow Up Boss · people: HTTP 503 after 5 attempts",
        "cora · Follow Up Boss · calls: HTTP 502 after 7 attempts",
    ):
        log.error("dagster", line, run_id="r1", data={"job": "fub__fast"})
    desk.see(errors=errors_of(engine))
    assert log.unnotified_errors() == []
    [alert] = desk.book.open_alerts()
    assert alert.title == "Follow Up Boss failed"
    assert (alert.agents, alert.details) == (["ada", "ben", "cora"], ["people", "calls"])
    assert alert.occurrences == 2
    assert "runs/r1" in desk.channel.messages[0].text


def test_an_error_is_over_when_its_job_has_succeeded_for_long_enough(
    desk: Desk, engine: Engine
) -> None:
    ControlLog(engine).error("dagster", "It broke", run_id="r1", data={"job": "fub__fast"})
    desk.see(errors=errors_of(engine))
    [alert] = desk.book.open_alerts()
    good = desk.now + 5 * MINUTE
    desk.see(succeeded={})
    desk.see(succeeded={alert.alert_id: good})
    assert len(desk.book.open_alerts()) == 1
    desk.see(succeeded={alert.alert_id: good}, after=20 * MINUTE)
    assert desk.channel.subjects == ["1 new problem", "1 recovered"]


def test_an_error_nobody_can_ask_about_becomes_quiet_without_a_word(
    desk: Desk, engine: Engine
) -> None:
    ControlLog(engine).error("webhooks", "The body is no JSON")
    desk.see(errors=errors_of(engine))
    for _ in range(26):
        desk.see(after=HOUR)
    assert desk.channel.subjects == ["1 new problem"]
    assert desk.book.open_alerts() == []
    ControlLog(engine).error("webhooks", "The body is no JSON")
    desk.see(errors=errors_of(engine))
    assert desk.channel.subjects == ["1 new problem", "1 new problem"]


def test_an_error_that_another_process_has_taken_is_not_counted_again(
    desk: Desk, engine: Engine
) -> None:
    ControlLog(engine).error("webhooks", "The body is no JSON")
    read_by_both = errors_of(engine)
    desk.see(errors=read_by_both)
    desk.see(errors=read_by_both)
    [alert] = desk.book.open_alerts()
    assert alert.occurrences == 1


def test_the_sentences_of_a_failed_sync_can_be_taken_apart() -> None:
    vendor = VENDORS["fub"]
    agents = {f"a-{n}:fub": f"a-{n}" for n in range(7)}
    results = [
        EntityResult(
            *(connection, agent, "people", "failed", "full", 0, 0, 0, 0, 0, 1, None, None, 0.1),
            error="the vendor is down: HTTP 503.",
        )
        for connection, agent in agents.items()
    ]
    report = SyncReport("fub", "run", results, {}, (), (), 1.0)
    [line] = failure_sentences(vendor, report, agents)
    said = take_apart(line)
    assert said.vendor == "Follow Up Boss"
    assert said.entity == "people"
    assert said.why == "the vendor is down: HTTP 503"
    assert said.agents == ("a-0", "a-1", "a-2", "a-3", "a-4")
    assert take_apart("not_null_x: Got 3 results").why == "not_null_x: Got 3 results"


# -- the message -----------------------------------------------------------------------------------


def entry(**values: Any) -> Entry:
    base: dict[str, Any] = {
        "told": "opened",
        "severity": "error",
        "title": "Something broke",
        "why": "A < B & C > D.",
        "todo": "Mend it.",
        "agents": (),
        "details": (),
        "since": NOON,
    }
    return Entry(**{**base, **values})


def test_a_message_fits_slack_whatever_it_tells() -> None:
    long = entry(
        why="x" * 9000,
        agents=tuple(f"agent-{n}" for n in range(400)),
        details=tuple(f"table_{n}" for n in range(400)),
        run_id="0123456789abcdef",
        link="http://127.0.0.1:3000/runs/0123456789abcdef",
    )
    message = compose([long] * 60, overview="http://127.0.0.1:3000")
    assert len(message.blocks) <= 50
    assert all(len(json.dumps(b["text"]["text"])) < 3100 for b in message.blocks if "text" in b)
    assert message.blocks[1]["text"]["text"].endswith("|Run 01234567>")
    assert f"And {60 - MOST_ENTRIES} more" in message.text
    assert "and 392 more" in message.text


def test_markup_in_words_stays_words() -> None:
    message = compose([entry(title="<!channel> & <b>")], overview="http://x")
    body = message.blocks[1]["text"]["text"]
    assert "&lt;!channel&gt; &amp; &lt;b&gt;" in body
    assert "A &lt; B &amp; C &gt; D." in body
    assert "&lt;!channel&gt; &amp; &lt;b&gt;" in message.html


def test_errors_come_first_and_what_is_over_last() -> None:
    entries = [
        entry(told="recovered", title="over"),
        entry(severity="warning", title="warned"),
        entry(title="broken"),
    ]
    lines = compose(entries, overview="http://x").text.splitlines()
    titles = [line.partition(": ")[2] for line in lines if line and not line.startswith(" ")][1:]
    assert titles == ["broken", "warned", "over (recovered)"]


def test_findings_of_one_cause_are_one() -> None:
    found = group([refused("ben"), stale(), refused("ada", "ben")])
    assert [f.cause for f in found] == ["account:fub:1", "stale:fub"]
    assert found[0].agents == ("ada", "ben")


# -- channels --------------------------------------------------------------------------------------


def tell(engine: Engine, channel: Any, at: datetime = NOON) -> Any:
    return Telling(engine, get_settings()).tell(channel, at)


@pytest.fixture
def two_alerts(engine: Engine) -> Engine:
    AlertBook(engine, repeat_after=24 * HOUR).update([refused("ada"), stale()], now=NOON)
    return engine


def test_slack_gets_blocks_by_the_library(two_alerts: Engine, slack: Slack) -> None:
    outcome = tell(two_alerts, make_slack(get_settings()))
    assert outcome.told == 2
    [post] = slack.posts
    assert post["channel"] == "#data-alerts"
    assert post["text"] == "2 new problems"
    assert [block["type"] for block in post["blocks"]] == ["header", "section", "section"]
    assert slack.tokens == [f"Bearer {SLACK_TOKEN}"]


@pytest.mark.parametrize("answer", ["channel_not_found", "ratelimited", 503])
def test_a_no_of_slack_is_tried_again_and_tells_no_token(
    two_alerts: Engine, slack: Slack, answer: str | int
) -> None:
    slack.answers.append(answer)
    channel = make_slack(get_settings())
    outcome = tell(two_alerts, channel)
    assert outcome.error is not None
    assert SLACK_TOKEN not in outcome.error
    assert tell(two_alerts, channel, NOON + HOUR).told == 2
    assert len(slack.posts) == 1


def test_a_slack_that_is_not_there_is_one_sentence(
    two_alerts: Engine, slack: Slack, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setenv("BROKERAGE_SLACK_BASE_URL", f"http://127.0.0.1:{unused_port}/api/")
    get_settings.cache_clear()
    outcome = tell(two_alerts, make_slack(get_settings()))
    assert outcome.error == "Slack cannot be reached (URLError)."


def test_without_a_token_the_messages_are_files(two_alerts: Engine) -> None:
    settings = get_settings()
    channel = make_slack(settings)
    assert isinstance(channel, OutboxChannel)
    assert tell(two_alerts, channel).told == 2
    [told] = (settings.outbox / "slack").glob("*.txt")
    assert "Follow Up Boss refuses 1 accounts" in told.read_text("utf-8")
    [body] = (settings.outbox / "slack").glob("*.json")
    assert len(json.loads(body.read_text("utf-8"))["blocks"]) == 3


def test_mail_goes_to_each_address(two_alerts: Engine, mails: MailServer) -> None:
    settings = get_settings()
    mails.codes["gone@example.com"] = 550
    addresses: Sequence[str] = ["gone@example.com", "on-call@example.com"]
    assert tell(two_alerts, MailChannel(make_mailer(settings), addresses, settings)).told == 2
    [mail] = mails.taken
    assert mail.recipient == "on-call@example.com"
    assert mail.message["Subject"] == "Brokerage data platform: 2 new problems"
    assert "The key was revoked." in mail.text
    assert "The key was revoked." in mail.html


def test_a_channel_that_is_new_is_not_told_old_stories(two_alerts: Engine) -> None:
    later = NOON + timedelta(days=30)
    channel = Recorder()
    assert tell(two_alerts, channel, later).told == 0
    with two_alerts.connect() as connection:
        assert connection.scalar(text("select count(*) from control.alert_events")) == 2
