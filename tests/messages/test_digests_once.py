"""Each recipient gets each digest once, whatever fails, is repeated or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine

from brokerage.control.digests import DeliveryLedger, Recipients
from brokerage.digests.sending import SendReport, send_digests, unsettled
from brokerage.mail import make_mailer
from brokerage.settings import PROJECT_DIR, get_settings
from sensors.digests import days_to_send
from tests.messages.newsroom import ADA, BEN, CORA, DAY, happen, news_for_all
from tests.messages.servers import MailServer, mail_server

ADDRESSES = sorted(f"{agent}@example.com" for agent in (ADA, BEN, CORA))

SEND = """
from datetime import date
from brokerage.database.engine import make_engine
from brokerage.digests.sending import send_digests
from brokerage.mail import make_mailer
from brokerage.settings import get_settings
settings = get_settings()
with make_mailer(settings) as mailer:
    send_digests(make_engine(), mailer, "daily", date(2026, 6, 15), settings)
"""


def send(engine: Engine) -> SendReport:
    settings = get_settings()
    with make_mailer(settings) as mailer:
        return send_digests(engine, mailer, "daily", DAY, settings)


def send_in_a_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", SEND], cwd=PROJECT_DIR, stdout=subprocess.PIPE, env=os.environ
    )


def addresses(mails: MailServer) -> list[str]:
    return sorted(mail.recipient for mail in mails.taken)


def statuses(engine: Engine) -> Counter[str]:
    return Counter(d.status for d in DeliveryLedger(engine).of_day("daily", DAY).values())


def test_everybody_gets_one_mail_however_often_it_is_run(
    newsroom: Engine, mails: MailServer
) -> None:
    news_for_all(newsroom)
    assert send(newsroom).sent == 3
    again = send(newsroom)
    assert (again.sent, again.before) == (0, 3)
    assert addresses(mails) == ADDRESSES
    assert len({mail.message_id for mail in mails.taken}) == 3
    assert mails.connections == 1


def test_who_has_no_news_gets_no_mail(newsroom: Engine, mails: MailServer) -> None:
    happen(newsroom, ADA, "new_member", member_name="Mia Sample", tier=1)
    happen(newsroom, BEN, "new_member", DAY - timedelta(days=1), member_name="Mia", tier=1)
    report = send(newsroom)
    assert (report.sent, report.empty) == (1, 2)
    assert addresses(mails) == [f"{ADA}@example.com"]
    assert unsettled(newsroom, "daily", DAY) == []


def test_only_what_a_recipient_wants_is_news(newsroom: Engine, mails: MailServer) -> None:
    news_for_all(newsroom)
    happen(newsroom, CORA, "closing", subject="1 Elm", tier=0, amount="10.50", currency="USD")
    people = Recipients(newsroom)
    people.save(ADA, f"{ADA}@example.com", wants_daily=False)
    people.save(BEN, f"{BEN}@example.com", show_network=False)
    people.save(CORA, f"{CORA}@example.com", show_network=False)
    assert send(newsroom).sent == 1
    [mail] = mails.taken
    assert mail.recipient == f"{CORA}@example.com"
    assert "Mia" not in mail.text + mail.html
    assert "$10.50" in mail.text


def test_a_refused_address_stops_nobody_and_is_not_tried_again(
    newsroom: Engine, mails: MailServer
) -> None:
    news_for_all(newsroom)
    mails.codes[f"{ADA}@example.com"] = 550
    report = send(newsroom)
    assert (report.sent, report.refused) == (2, 1)
    assert not report.succeeded
    assert "example.com" not in report.sentence
    assert send(newsroom).succeeded
    assert addresses(mails) == ADDRESSES[1:]


def test_what_the_server_puts_off_is_sent_by_the_next_run(
    newsroom: Engine, mails: MailServer
) -> None:
    news_for_all(newsroom)
    mails.codes[f"{BEN}@example.com"] = 451
    assert send(newsroom).failed == 1
    assert days_to_send(newsroom, "daily", DAY) == [DAY]
    mails.codes.clear()
    assert send(newsroom).sent == 1
    assert addresses(mails) == ADDRESSES


def test_while_the_server_is_down_nothing_is_lost_and_few_are_bothered(
    newsroom: Engine, mails: MailServer, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    news_for_all(newsroom)
    monkeypatch.setenv("BROKERAGE_SMTP_PORT", str(unused_port))
    get_settings.cache_clear()
    report = send(newsroom)
    assert (report.failed, report.waiting, report.sent) == (1, 2, 0)
    assert "cannot be used" in report.sentence
    # the next day's schedule remembers it
    assert days_to_send(newsroom, "daily", DAY + timedelta(days=1)) == [
        DAY,
        DAY + timedelta(days=1),
    ]
    with mail_server(unused_port) as up:
        assert send(newsroom).sent == 3
        assert addresses(up) == ADDRESSES


def test_killed_between_two_mails_the_next_run_sends_the_rest(
    newsroom: Engine, mails: MailServer
) -> None:
    news_for_all(newsroom)
    sender: list[subprocess.Popen[bytes]] = []
    begun = threading.Event()

    def kill_at_the_second(address: str) -> None:
        if len(mails.taken) == 1:
            begun.wait()
            sender[0].send_signal(signal.SIGKILL)
            sender[0].wait()

    mails.when_recipient_is_named = kill_at_the_second
    sender.append(send_in_a_process())
    begun.set()
    sender[0].communicate(timeout=60)
    assert sender[0].returncode == -signal.SIGKILL
    assert len(mails.taken) == 1
    assert statuses(newsroom) == {"sent": 1, "claimed": 1}

    mails.when_recipient_is_named = lambda address: None
    report = send(newsroom)
    assert (report.before, report.sent, report.repeated) == (1, 2, 0)
    assert addresses(mails) == ADDRESSES


def test_killed_before_the_server_could_say_yes_the_same_mail_comes_again(
    newsroom: Engine, mails: MailServer
) -> None:
    news_for_all(newsroom)
    sender: list[subprocess.Popen[bytes]] = []
    begun = threading.Event()

    def kill_at_the_second(number: int) -> bool:
        if number == 2:
            begun.wait()
            sender[0].send_signal(signal.SIGKILL)
            sender[0].wait()
            return False
        return True

    mails.when_text_is_here = kill_at_the_second
    sender.append(send_in_a_process())
    begun.set()
    sender[0].communicate(timeout=60)
    assert statuses(newsroom) == {"sent": 1, "handed_over": 1}

    mails.when_text_is_here = lambda number: True
    report = send(newsroom)
    assert (report.before, report.sent, report.repeated) == (1, 2, 1)
    # the one that was in doubt is there twice, and every mail program sees that it is the same
    copies = Counter(mail.message_id for mail in mails.taken)
    assert sorted(copies.values()) == [1, 1, 2]
    [twice] = [mid for mid, number in copies.items() if number == 2]
    first, second = (mail for mail in mails.taken if mail.message_id == twice)
    assert (first.html, first.message["Date"]) == (second.html, second.message["Date"])
    assert statuses(newsroom) == {"sent": 3}


def test_a_server_that_hangs_up_after_the_text_leaves_a_doubt_not_a_gap(
    newsroom: Engine, mails: MailServer
) -> None:
    news_for_all(newsroom)
    mails.when_text_is_here = lambda number: number != 1
    report = send(newsroom)
    assert (report.sent, report.failed) == (2, 1)
    assert statuses(newsroom) == {"sent": 2, "handed_over": 1}
    assert send(newsroom).repeated == 1
    assert len({mail.message_id for mail in mails.taken}) == 3


def test_two_schedulers_at_once_send_each_mail_once(newsroom: Engine, mails: MailServer) -> None:
    news_for_all(newsroom)
    both = threading.Barrier(2)
    reports: list[SendReport] = []

    def run() -> None:
        both.wait()
        reports.append(send(newsroom))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert addresses(mails) == ADDRESSES
    assert sum(report.sent for report in reports) == 3
    assert sum(report.before + report.busy for report in reports) == 3


def test_a_delivery_that_another_process_works_on_is_left_alone(
    newsroom: Engine, mails: MailServer
) -> None:
    news_for_all(newsroom)
    ben = next(r for r in Recipients(newsroom).all(BEN))
    with DeliveryLedger(newsroom).locked(ben.recipient_id, "daily", DAY) as mine:
        assert mine
        report = send(newsroom)
    assert (report.sent, report.busy) == (2, 1)
    assert send(newsroom).sent == 1
    assert addresses(mails) == ADDRESSES


def test_without_a_server_the_mails_are_files(newsroom: Engine) -> None:
    news_for_all(newsroom)
    assert send(newsroom).sent == 3
    assert send(newsroom).sent == 0
    files = sorted((get_settings().outbox / "mail").glob("*.eml"))
    assert len(files) == 3
    assert b"Mia Sample" in files[0].read_bytes()
