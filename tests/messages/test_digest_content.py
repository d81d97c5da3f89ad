"""What stands in a digest, which days it covers, and when it is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email import message_from_bytes
from email.policy import default
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from dagster import RunRequest, SkipReason
from dagster._utils.schedules import schedule_execution_time_iterator
from sqlalchemy.engine import Engine

from brokerage.control.digests import SECTIONS, Recipients
from brokerage.digests.days import digest_day, first_day
from brokerage.digests.news import News
from brokerage.digests.render import render, to_mail
from brokerage.digests.sending import preview
from brokerage.digests.wording import MOST_LINES, money
from brokerage.errors import ConfigurationError
from brokerage.settings import get_settings
from sensors.digests import digest_cron, plan_digest
from tests.messages.newsroom import ADA, DAY, happen

NEW_YORK = "America/New_York"


def item(kind: str, name: str | None = "Mia Sample", **values: object) -> News:
    base = {
        "news_date": DAY,
        "news_kind": kind,
        "subject_id": f"{kind}-{name}-{values.get('subject')}",
        "member_name": name,
        "tier": 2,
        "subject": None,
        "value_old": None,
        "value_new": None,
        "amount": None,
        "currency": None,
        "detected_at": datetime(2026, 6, 15, 20, tzinfo=UTC),
    }
    return News(**{**base, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("news", "line"),
    [
        (item("new_member", value_new="ACTIVE"), "- Mia Sample (tier 2 · active)"),
        (item("new_member", None), "- A member without a name (tier 2)"),
        (item("departure", value_new="2026-06-14"), "- Mia Sample (tier 2 · on Jun 14, 2026)"),
        (item("departure"), "- Mia Sample (tier 2 · no longer listed)"),
        (
            item("status", value_old="CANDIDATE", value_new="ACTIVE"),
            "- Mia Sample (tier 2): candidate → active",
        ),
        (item("tier", value_old="3", value_new="2"), "- Mia Sample: tier 3 → tier 2"),
        (item("network_size", value_old="9", value_new="12"), "- Mia Sample (tier 2): 9 → 12"),
        (
            item("join_date", value_new="2024-02-29"),
            "- Mia Sample (tier 2): none → Feb 29, 2024",
        ),
        (
            item("closing", subject="1 Elm, Troy, NY", amount=Decimal("512345.67"), currency="USD"),
            "- 1 Elm, Troy, NY (Mia Sample · tier 2): $512,345.67",
        ),
        (
            item("closing", subject="1 Elm", tier=0, amount=Decimal(5), currency="CAD"),
            "- 1 Elm (yours): CA$5.00",
        ),
        (
            item("new_listing", subject="1 Elm", tier=None, amount=Decimal(5), currency="EUR"),
            "- 1 Elm (Mia Sample): 5.00 EUR",
        ),
        (
            item(
                "revenue", None, tier=None, value_new="12.34", amount=Decimal("-2"), currency="USD"
            ),
            "- Revenue share earned (now $12.34 in all): -$2.00",
        ),
    ],
)
def test_each_kind_has_its_line(news: News, line: str) -> None:
    assert line in render("daily", DAY, "Ada Sample", [news], SECTIONS).text.splitlines()


def test_the_subject_says_what_is_new_and_adds_over_no_currency() -> None:
    news = [
        item("new_member"),
        item("new_member", "Noah"),
        item("closing", subject="1 Elm", amount=Decimal(1), currency="USD"),
        item("revenue", None, value_new="1", amount=Decimal("1.25"), currency="USD"),
        item("revenue", "x", value_new="1", amount=Decimal("2.50"), currency="USD"),
        item("revenue", "y", value_new="1", amount=Decimal("-4"), currency="CAD"),
    ]
    rendered = render("daily", DAY, "Ada Sample", news, SECTIONS)
    assert rendered.subject == (
        "Network news, Mon, Jun 15: 2 new members, 1 closing, -CA$4.00 revenue share, and more"
    )
    assert "+$3.75" in rendered.html


def test_the_weekly_digest_names_its_days() -> None:
    rendered = render("weekly", date(2026, 6, 21), "Ada", [item("new_member")], SECTIONS)
    assert rendered.subject.startswith("Network news of the week, Jun 15 to Jun 21, 2026: ")
    assert "- Mia Sample (Jun 15 · tier 2)" in rendered.text.splitlines()


def test_what_people_are_called_cannot_break_the_mail() -> None:
    hostile = item("new_member", "<script>alert(1)</script>\r\nBcc: x@example.com")
    rendered = render("daily", DAY, "Ada <b>Sample", [hostile], SECTIONS)
    assert "<script>" not in rendered.html
    assert "Ada &lt;b&gt;Sample" in rendered.html
    assert "\n" not in rendered.subject


def test_a_long_list_is_cut_and_counted() -> None:
    news = [item("new_member", f"Member {number}") for number in range(MOST_LINES + 7)]
    rendered = render("daily", DAY, "Ada", news, SECTIONS)
    assert f"New in your network ({MOST_LINES + 7})" in rendered.text
    assert "and 7 more" in rendered.text
    assert rendered.html.count("Member ") == MOST_LINES


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1234567.891", "USD", "$1,234,567.89"),
        ("0.005", "USD", "$0.01"),
        ("-1.50", "CAD", "-CA$1.50"),
        ("3", None, "3.00"),
    ],
)
def test_money_is_shown_to_the_cent(amount: str, currency: str | None, shown: str) -> None:
    assert money(Decimal(amount), currency) == shown


def test_a_mail_has_both_forms_and_says_whose_it_is(newsroom: Engine) -> None:
    happen(newsroom, ADA, "new_member", member_name="Mia Sample", tier=2)
    rendered, count = preview(newsroom, ADA, "daily", DAY, SECTIONS)
    assert count == 1
    [ada] = Recipients(newsroom).all(ADA)
    mail = to_mail(rendered, ada, "daily", DAY, get_settings())
    parsed = message_from_bytes(mail.to_message("News <n@example.com>").as_bytes(), policy=default)
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert parsed["To"] == f"{ADA}@example.com"
    assert "List-Unsubscribe" in parsed
    # due at eight in the morning of the day after, in New York
    assert parsed["Date"].datetime == datetime(2026, 6, 16, 12, tzinfo=UTC)


def test_the_html_stands_alone() -> None:
    html = render("daily", DAY, "Ada", [item("new_member")], SECTIONS).html
    assert "max-width: 600px" in html
    assert "prefers-color-scheme: dark" in html
    for remote in ("src=", "http://", "https://", "@import", "url("):
        assert remote not in html


# -- days and hours --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "daily", "weekly"),
    [
        # Monday eight in the morning in New York, summer and winter
        ("2026-06-15T12:00:00", "2026-06-14", "2026-06-14"),
        ("2026-01-12T13:00:00", "2026-01-11", "2026-01-11"),
        # Sunday evening there is Monday in UTC already
        ("2026-06-15T02:00:00", "2026-06-13", "2026-06-07"),
        ("2026-06-18T12:00:00", "2026-06-17", "2026-06-14"),
        # eight in the morning in Tokyo: the day of New York is not over
        ("2026-06-14T23:00:00", "2026-06-13", "2026-06-07"),
        # the days on which the clock is changed
        ("2026-03-08T12:00:00", "2026-03-07", "2026-03-01"),
        ("2026-11-01T13:00:00", "2026-10-31", "2026-10-25"),
    ],
)
def test_a_digest_tells_days_that_are_over(moment: str, daily: str, weekly: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert digest_day("daily", at, NEW_YORK) == date.fromisoformat(daily)
    assert digest_day("weekly", at, NEW_YORK) == date.fromisoformat(weekly)


def test_the_weeks_follow_each_other_without_a_gap() -> None:
    mondays = [datetime(2026, 2, 2, 13, tzinfo=UTC) + timedelta(days=7 * n) for n in range(60)]
    weeks = [digest_day("weekly", at, NEW_YORK) for at in mondays]
    for before, after in pairwise(weeks):
        assert first_day("weekly", after) == before + timedelta(days=1)


def ticks(kind: str, zone: str, first: datetime, days: int) -> list[datetime]:
    """When Dagster would evaluate the schedule."""
    cron = digest_cron(kind, 8)  # type: ignore[arg-type]
    found = []
    for at in schedule_execution_time_iterator(first.timestamp(), cron, zone, True):
        if at >= first + timedelta(days=days):
            return found
        found.append(at)
    return found


@pytest.mark.parametrize("change", ["2026-03-08", "2026-11-01"])
@pytest.mark.parametrize("zone", [NEW_YORK, "Europe/Berlin", "Australia/Sydney"])
def test_each_day_has_its_hour_when_the_clock_is_changed(change: str, zone: str) -> None:
    start = datetime.fromisoformat(change).replace(tzinfo=ZoneInfo(zone)) - timedelta(days=3)
    found = ticks("daily", zone, start, 7)
    at_eight = [at for at in found if (at.hour, at.minute) == (8, 0)]
    days = [at.date() for at in at_eight]
    assert days == [(start + timedelta(days=n)).date() for n in range(7)]
    covered = [digest_day("daily", at, NEW_YORK) for at in at_eight]
    assert covered == sorted(set(covered))
    assert len(covered) == 7
    assert len(found) == 7 * 8


def test_the_weekly_one_is_due_on_mondays() -> None:
    found = ticks("weekly", NEW_YORK, datetime(2026, 6, 14, tzinfo=ZoneInfo(NEW_YORK)), 14)
    assert {at.strftime("%a") for at in found} == {"Mon"}


def test_a_tick_asks_for_one_run_with_its_days() -> None:
    due = datetime(2026, 6, 16, 12, tzinfo=UTC)
    days = [DAY - timedelta(days=1), DAY]
    planned = plan_digest("daily", days, due)
    assert isinstance(planned, RunRequest)
    config = planned.run_config["ops"]["operations__daily_digest"]["config"]
    assert config == {"days": ["2026-06-14", "2026-06-15"]}
    # two schedulers that tick at once ask for the same run
    again = plan_digest("daily", days, due)
    assert isinstance(again, RunRequest)
    assert planned.run_key == again.run_key
    later = plan_digest("daily", days, due + timedelta(minutes=30))
    assert isinstance(later, RunRequest)
    assert later.run_key != planned.run_key
    assert isinstance(plan_digest("daily", [], due), SkipReason)


# -- recipients ------------------------------------------------------------------------------------


def test_what_is_not_named_stays(newsroom: Engine) -> None:
    people = Recipients(newsroom)
    people.save(ADA, f"  {ADA}@EXAMPLE.com ", show_revenue=False)
    people.save(ADA, f"{ADA}@example.com", wants_weekly=False)
    [ada] = people.all(ADA)
    assert (ada.wants_daily, ada.wants_weekly, ada.show_revenue) == (True, False, False)
    assert ada.sections == ("network", "transactions", "listings")


@pytest.mark.parametrize("address", ["ada", "a@b@c", "@example.com", "a b@example.com", "a@b\r\nx"])
def test_what_is_no_address_is_refused(newsroom: Engine, address: str) -> None:
    with pytest.raises(ConfigurationError, match="no e-mail address"):
        Recipients(newsroom).save(ADA, address)


def test_an_agent_who_has_left_gets_nothing(newsroom: Engine) -> None:
    from brokerage.control.repository import ControlRepository

    ControlRepository(newsroom).offboard_agent(ADA)
    assert ADA not in {r.agent_key for r in Recipients(newsroom).due("daily")}
