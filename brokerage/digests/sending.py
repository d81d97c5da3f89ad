"""Sending the digests of a day: to each recipient once, however often this is run or killed.

A delivery is claimed under a lock, marked before the mail's text goes out and marked again when the
server has taken it. Only a death between these last two leaves a doubt, and then the mail is sent
again with the same Message-ID: a mail that is there twice can be recognised, one that is missing
cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from brokerage.control.digests import DONE, DeliveryLedger, DigestKind, Recipient, Recipients
from brokerage.control.repository import ControlRepository
from brokerage.digests.days import first_day
from brokerage.digests.news import read_news, wanted
from brokerage.digests.render import Rendered, message_id, render, to_mail
from brokerage.mail import MailDelayed, Mailer, MailRefused, MailServerDown, MailUnknown
from brokerage.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


@dataclass
class SendReport:
    """What became of the digests of one day, by number of recipients.

    `before` had theirs already, `busy` are being served by another process, `waiting` were not
    tried because the server is down. `reasons` has one sentence per cause, without addresses.
    """

    kind: DigestKind
    day: date
    sent: int = 0
    repeated: int = 0
    empty: int = 0
    before: int = 0
    busy: int = 0
    failed: int = 0
    refused: int = 0
    waiting: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """True if nobody waits for this digest and nobody was refused just now."""
        return not (self.failed or self.refused or self.waiting)

    def note(self, reason: str) -> None:
        """Add a reason that is not there yet."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    @property
    def sentence(self) -> str:
        """What happened, in one sentence."""
        parts = [
            f"{number} {word}"
            for number, word in (
                (self.sent, "sent"),
                (self.repeated, "of them sent again, because a process died while sending"),
                (self.empty, "without news"),
                (self.before, "sent before"),
                (self.busy, "being sent by another process"),
                (self.failed + self.waiting, "not sent"),
                (self.refused, "refused for good"),
            )
            if number
        ]
        told = ", ".join(parts) or "nobody wants it"
        why = f": {' '.join(self.reasons)}" if self.reasons else "."
        return f"{self.kind.capitalize()} digest of {self.day}: {told}{why}"


def preview(
    engine: Engine, agent_key: str, kind: DigestKind, day: date, sections: Sequence[str]
) -> tuple[Rendered, int]:
    """A digest as it would be sent, and how many news are in it."""
    agent = ControlRepository(engine).agent(agent_key)
    name = agent.display_name if agent else agent_key
    news = wanted(read_news(engine, agent_key, first_day(kind, day), day), sections)
    return render(kind, day, name, news, sections), len(news)


def unsettled(engine: Engine, kind: DigestKind, day: date) -> list[Recipient]:
    """The recipients whose digest of a day is still to be sent."""
    settled = {
        recipient_id
        for recipient_id, delivery in DeliveryLedger(engine).of_day(kind, day).items()
        if delivery.status in (*DONE, "empty")
    }
    return [r for r in Recipients(engine).due(kind) if r.recipient_id not in settled]


def send_digests(
    engine: Engine, mailer: Mailer, kind: DigestKind, day: date, settings: Settings
) -> SendReport:
    """Send the digest of a day to everybody who wants it and does not have it yet.

    Args:
        engine: one that may read the marts and write `control`.
        mailer: an open mailer.
        kind: daily or weekly.
        day: the last day that the digest covers.
        settings: who sends, and when.
    """
    report = SendReport(kind, day)
    recipients = Recipients(engine).due(kind)
    names = {agent.agent_key: agent.display_name for agent in ControlRepository(engine).agents()}
    ledger = DeliveryLedger(engine)
    for position, recipient in enumerate(recipients):
        with ledger.locked(recipient.recipient_id, kind, day) as mine:
            if not mine:
                report.busy += 1
                continue
            try:
                _send(
                    engine, mailer, ledger, recipient, names[recipient.agent_key], settings, report
                )
            except MailServerDown as down:
                report.note(str(down))
                report.waiting = len(recipients) - position - 1
                return report
    return report


def _send(
    engine: Engine,
    mailer: Mailer,
    ledger: DeliveryLedger,
    recipient: Recipient,
    name: str,
    settings: Settings,
    report: SendReport,
) -> None:
    kind, day = report.kind, report.day
    known = ledger.find(recipient.recipient_id, kind, day)
    if known is not None and known.status in DONE:
        report.before += 1
        return
    news = wanted(
        read_news(engine, recipient.agent_key, first_day(kind, day), day), recipient.sections
    )
    delivery = ledger.claim(
        recipient.recipient_id, kind, day, message_id(recipient, kind, day, settings.mail_from)
    )
    if not news:
        ledger.end(delivery, "empty")
        report.empty += 1
        return
    rendered = render(kind, day, name, news, recipient.sections)
    mail = to_mail(rendered, recipient, kind, day, settings)
    try:
        mailer.send(mail, lambda: ledger.hand_over(delivery))
    except MailRefused as refused:
        ledger.end(delivery, "refused", error=str(refused), news=len(news))
        report.refused += 1
        report.note(f"{refused} See `brokerage digest --deliveries`.")
    except MailUnknown as unknown:
        # stays handed over: the next run sends it again with the same Message-ID
        ledger.hand_over(delivery, error=str(unknown))
        report.failed += 1
        report.note(str(unknown))
    except MailDelayed as delayed:
        ledger.end(delivery, "failed", error=str(delayed), news=len(news))
        report.failed += 1
        if isinstance(delayed, MailServerDown):
            raise
        report.note(str(delayed))
    else:
        ledger.end(delivery, "sent", news=len(news))
        report.sent += 1
        if known is not None and known.status == "handed_over":
            report.repeated += 1
