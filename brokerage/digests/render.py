"""A digest as a mail: subject, HTML and text, out of the templates beside this file."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from email.utils import parseaddr
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from brokerage.control.digests import DigestKind, Recipient
from brokerage.digests.days import first_day
from brokerage.digests.wording import Worded, long_date, short_date, word
from brokerage.mail import Mail
from brokerage.settings import Settings

if TYPE_CHECKING:
    from jinja2 import Environment

    from brokerage.digests.news import News

_NAMES: dict[DigestKind, str] = {"daily": "Network news", "weekly": "Network news of the week"}


@dataclass(frozen=True)
class Rendered:
    """A digest that is ready to be shown or sent."""

    subject: str
    html: str
    text: str


@cache
def environment() -> Environment:
    """Jinja with this package's templates; HTML is escaped, a name that is missing is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("brokerage.digests"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(
    kind: DigestKind,
    day: date,
    agent_name: str,
    news: Collection[News],
    sections: Collection[str],
) -> Rendered:
    """Lay out a digest.

    Args:
        kind: daily or weekly.
        day: the last day that it covers.
        agent_name: whose network it is about.
        news: the rows of the mart for these days and sections.
        sections: the blocks that the recipient wants.
    """
    worded = word(news, sections, with_days=kind == "weekly")
    period = _period(kind, day)
    values = {
        "title": _NAMES[kind],
        "kind": kind,
        "period": period,
        "agent_name": agent_name,
        "worded": worded,
        "preheader": worded.headline or "Nothing new",
    }
    templates = environment()
    return Rendered(
        subject=_subject(kind, day, worded),
        html=templates.get_template("digest.html.j2").render(values),
        text=templates.get_template("digest.txt.j2").render(values),
    )


def _period(kind: DigestKind, day: date) -> str:
    if kind == "daily":
        return long_date(day)
    first = first_day(kind, day)
    return f"{short_date(first)} to {short_date(day)}, {day.year}"


def _subject(kind: DigestKind, day: date, worded: Worded) -> str:
    when = f"{day:%a}, {short_date(day)}" if kind == "daily" else _period(kind, day)
    return f"{_NAMES[kind]}, {when}: {worded.headline or 'nothing new'}"


def message_id(recipient: Recipient, kind: DigestKind, day: date, sender: str) -> str:
    """The same for the same digest of the same recipient, whenever and wherever it is made."""
    made = f"{recipient.agent_key}|{recipient.email}|{recipient.created_at.isoformat()}"
    digest = hashlib.sha256(made.encode()).hexdigest()[:16]
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<digest-{kind}-{day.isoformat()}-{recipient.recipient_id}-{digest}@{domain}>"


def to_mail(
    rendered: Rendered, recipient: Recipient, kind: DigestKind, day: date, settings: Settings
) -> Mail:
    """The mail to a recipient. Its date is the hour at which it is due: a second copy of a mail has
    to be like the first."""
    sender = settings.mail_from
    address = parseaddr(sender)[1]
    hour = time(settings.digest_hour, tzinfo=ZoneInfo(settings.digest_zone))
    return Mail(
        to=recipient.email,
        to_name=recipient.display_name,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        message_id=message_id(recipient, kind, day, sender),
        date=datetime.combine(day + timedelta(days=1), hour),
        headers={
            "List-Id": f"Network news <network-news-{kind}.{address.rpartition('@')[2]}>",
            "List-Unsubscribe": f"<mailto:{address}?subject=Stop%20{kind}%20network%20news>",
        },
    )
