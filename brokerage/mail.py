"""Sending mail: through an SMTP server, or into a folder where none is configured.

A mail is handed over in two steps, because the second cannot be taken back: everything that a
server may object to is said first (`open`, sender, recipient), then the caller notes that it is
about to hand over, then the text goes out. See `docs/alerts-and-digests.md`.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path
from typing import Protocol, Self

from brokerage.errors import ConfigurationError
from brokerage.settings import Settings

_TIMEOUT_SECONDS = 20.0
_PERMANENT = 500


class MailDelayed(Exception):
    """The mail was not taken now; trying again later may help. One sentence without an address."""


class MailServerDown(MailDelayed):
    """No mail can be sent at all now: whoever has more of them need not try."""


class MailRefused(Exception):
    """The server will never take this mail for this recipient. One sentence without an address."""


class MailUnknown(Exception):
    """The connection broke after the text was sent: the server may have taken the mail or not."""


@dataclass(frozen=True)
class Mail:
    """One mail to one recipient; `message_id` is the same whenever the same mail is made again."""

    to: str
    subject: str
    text: str
    html: str
    message_id: str
    date: datetime
    to_name: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def to_message(self, sender: str) -> EmailMessage:
        """The mail as MIME: text with an HTML alternative.

        Raises:
            ValueError: when an address or the subject holds a line break.
        """
        message = EmailMessage(policy=SMTP_POLICY)
        message["From"] = sender
        message["To"] = formataddr((self.to_name or "", self.to))
        message["Subject"] = self.subject
        message["Date"] = format_datetime(self.date)
        message["Message-ID"] = self.message_id
        message["Auto-Submitted"] = "auto-generated"
        for name, value in self.headers.items():
            message[name] = value
        message.set_content(self.text, cte="quoted-printable")
        message.add_alternative(self.html, subtype="html", cte="quoted-printable")
        return message


Handover = Callable[[], None]


class Mailer(Protocol):
    """Sends mails one by one; used as a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def send(self, mail: Mail, before_handover: Handover) -> None:
        """Send a mail; `before_handover` is called right before it can no longer be taken back.

        Raises:
            MailDelayed: when it was certainly not taken and may be later; a `MailServerDown` says
                that no other mail can be sent either.
            MailRefused: when it was certainly not taken and never will be.
            MailUnknown: when nobody can tell whether it was taken.
        """
        ...


def make_mailer(settings: Settings) -> Mailer:
    """The mailer of the settings.

    Raises:
        ConfigurationError: when the settings do not fit together.
    """
    if not parseaddr(settings.mail_from)[1]:
        raise ConfigurationError(
            "BROKERAGE_MAIL_FROM holds no address: write it as `Name <address>`."
        )
    if settings.smtp_host is None:
        return OutboxMailer(settings.outbox / "mail", settings.mail_from)
    if (settings.smtp_user is None) != (settings.smtp_password is None):
        raise ConfigurationError(
            "BROKERAGE_SMTP_USER and BROKERAGE_SMTP_PASSWORD go together: set both or neither."
        )
    return SmtpMailer(settings)


class OutboxMailer(AbstractContextManager["OutboxMailer"]):
    """The stand-in without a server: mails become `.eml` files, named by their Message-ID."""

    def __init__(self, folder: Path, sender: str) -> None:
        self.folder = folder
        self._sender = sender

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def send(self, mail: Mail, before_handover: Handover) -> None:
        """Write the mail; one that was written already is written over by itself."""
        message = mail.to_message(self._sender)
        before_handover()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = mail.message_id.strip("<>").partition("@")[0]
        partial = self.folder / f".{name}.partial"
        partial.write_bytes(message.as_bytes())
        partial.replace(self.folder / f"{name}.eml")


class SmtpMailer:
    """One connection for many mails; a connection that broke is opened anew for the next mail."""

    def __init__(self, settings: Settings) -> None:
        if settings.smtp_host is None:
            raise ConfigurationError("Mail needs BROKERAGE_SMTP_HOST: see docs/settings.md.")
        self._host = settings.smtp_host
        self._settings = settings
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (smtplib.SMTPException, OSError):
                # every mail has had its answer; how the connection ends does not matter
                self._smtp.close()
            self._smtp = None

    def send(self, mail: Mail, before_handover: Handover) -> None:
        """See `Mailer.send`."""
        message = mail.to_message(self._settings.mail_from)
        sender = parseaddr(self._settings.mail_from)[1]
        smtp = self._connected()
        try:
            self._say(smtp.mail(sender), "the sender")
            self._say(smtp.rcpt(mail.to), "the recipient")
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise MailDelayed(self._sentence(error)) from error
        except (MailDelayed, MailRefused):
            self._reset()
            raise
        before_handover()
        try:
            code, _ = smtp.data(message.as_bytes())
        except smtplib.SMTPDataError as error:
            # the server did not even want to see the text
            self._reset()
            raise self._no(error.smtp_code, "the mail") from error
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise MailUnknown(self._sentence(error)) from error
        if code != 250:
            self._reset()
            raise self._no(code, "the mail")

    def _connected(self) -> smtplib.SMTP:
        if self._smtp is not None:
            return self._smtp
        settings = self._settings
        tls = ssl.create_default_context()
        try:
            smtp: smtplib.SMTP
            if settings.smtp_security == "tls":
                smtp = smtplib.SMTP_SSL(
                    self._host, settings.smtp_port, timeout=_TIMEOUT_SECONDS, context=tls
                )
            else:
                smtp = smtplib.SMTP(self._host, settings.smtp_port, timeout=_TIMEOUT_SECONDS)
            smtp.ehlo_or_helo_if_needed()
            if settings.smtp_security == "starttls":
                smtp.starttls(context=tls)
                smtp.ehlo()
            if settings.smtp_user is not None and settings.smtp_password is not None:
                smtp.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        except smtplib.SMTPAuthenticationError as error:
            raise MailServerDown(
                "The mail server refuses the login: correct BROKERAGE_SMTP_USER and "
                "BROKERAGE_SMTP_PASSWORD."
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerDown(self._sentence(error)) from error
        self._smtp = smtp
        return smtp

    def _say(self, answer: tuple[int, bytes], what: str) -> None:
        if answer[0] not in (250, 251):
            raise self._no(answer[0], what)

    def _no(self, code: int, what: str) -> MailDelayed | MailRefused:
        # what the server says beside the code may quote the address
        if code >= _PERMANENT:
            return MailRefused(f"The mail server refuses {what} for good (code {code}).")
        return MailDelayed(f"The mail server does not take {what} now (code {code}).")

    def _sentence(self, error: Exception) -> str:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else None
        return (
            f"The mail server {self._host}:{self._settings.smtp_port} cannot be used "
            f"({reason or type(error).__name__})."
        )

    def _reset(self) -> None:
        if self._smtp is None:
            return
        try:
            self._smtp.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None
