"""One message about many alerts: as text, as blocks for Slack, and as HTML for mail.

Pure functions. Whoever writes an alert's words keeps secrets and people's messages out of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from brokerage.alerts.findings import MOST_DETAILS

if TYPE_CHECKING:
    from jinja2 import Environment

Told = Literal["opened", "spread", "reminded", "recovered", "passed", "noticed"]

MOST_ENTRIES = 12
"""Alerts that a message shows; Slack takes at most 50 blocks of 3,000 characters."""

_MOST_AGENTS = 8
_MOST_TEXT = 2900
_MARKS = {
    "error": ":red_circle:",
    "warning": ":large_yellow_circle:",
    "over": ":large_green_circle:",
    "info": ":information_source:",
}
_ORDER = {"error": 0, "warning": 1, "info": 2}
_COLOURS = {"error": "#b3261e", "warning": "#a06a00", "over": "#1b7f3b", "info": "#1559a6"}
_WORDS = {
    "opened": "",
    "spread": "more are affected",
    "reminded": "still open",
    "recovered": "recovered",
    "passed": "came and went",
    "noticed": "",
}


@dataclass(frozen=True)
class Entry:
    """What a message says of one alert. `link` leads to the run, if there was one."""

    told: Told
    severity: str
    title: str
    why: str
    todo: str
    agents: tuple[str, ...]
    details: tuple[str, ...]
    since: datetime
    until: datetime | None = None
    occurrences: int = 1
    run_id: str | None = None
    link: str | None = None

    @property
    def is_over(self) -> bool:
        """True if nothing is to be done any more."""
        return self.told in ("recovered", "passed")

    @property
    def look(self) -> str:
        """What the mark and the colour say."""
        return "over" if self.is_over else self.severity

    @property
    def heading(self) -> str:
        """What it is about, and why it is told now."""
        word = _WORDS[self.told]
        return f"{self.title} ({word})" if word else self.title

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What is said below the heading, as (name, value)."""
        facts = [("For", for_whom(self.agents))] if self.agents else []
        if self.details:
            facts.append(("Where", _where(self.details)))
        if self.is_over:
            span = lasted((self.until or self.since) - self.since)
            facts.append(("Lasted", f"{span}, since {_moment(self.since)}"))
            return facts
        if self.told == "noticed":
            return [*facts, ("What", self.why)]
        facts += [("Why", self.why), ("Do", self.todo)]
        if self.told in ("reminded", "spread") or self.occurrences > 1:
            times = f", {self.occurrences} times" if self.occurrences > 1 else ""
            facts.append(("Since", f"{_moment(self.since)}{times}"))
        return facts


@dataclass(frozen=True)
class Message:
    """A message that is ready to be sent; `blocks` is Slack's form of `text`."""

    subject: str
    text: str
    html: str
    blocks: tuple[dict[str, Any], ...]


def compose(entries: Sequence[Entry], *, overview: str) -> Message:
    """One message about some alerts.

    Args:
        entries: what is told, at least one.
        overview: where everything that is open can be seen.
    """
    ordered = sorted(entries, key=lambda e: (e.is_over, _ORDER[e.severity], e.since))
    shown, hidden = ordered[:MOST_ENTRIES], len(ordered) - MOST_ENTRIES
    subject = _subject(ordered)
    more = f"And {hidden} more: see `brokerage alerts`." if hidden > 0 else ""
    return Message(
        subject=subject,
        text=_text(subject, shown, more),
        html=_html(subject, shown, more, overview),
        blocks=tuple(_blocks(subject, shown, more)),
    )


def _subject(entries: Sequence[Entry]) -> str:
    counts = [
        (sum(e.told == "opened" for e in entries), "new problem", "new problems"),
        (sum(e.told in ("spread", "reminded") for e in entries), "still open", "still open"),
        (sum(e.told == "recovered" for e in entries), "recovered", "recovered"),
        (sum(e.told == "passed" for e in entries), "came and went", "came and went"),
        (sum(e.told == "noticed" for e in entries), "notice", "notices"),
    ]
    return ", ".join(f"{n} {many if n != 1 else one}" for n, one, many in counts if n)


def for_whom(agents: Sequence[str]) -> str:
    """The agents as people read them; the first few by name."""
    more = len(agents) - _MOST_AGENTS
    return ", ".join(agents[:_MOST_AGENTS]) + (f" and {more} more" if more > 0 else "")


def _where(details: Sequence[str]) -> str:
    more = len(details) - MOST_DETAILS
    return "; ".join(details[:MOST_DETAILS]) + (f"; and {more} more" if more > 0 else "")


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def lasted(span: timedelta) -> str:
    """A span for people: `5 min`, `3 h`, `2 days`."""
    minutes = max(int(span.total_seconds() // 60), 1)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _text(subject: str, entries: Sequence[Entry], more: str) -> str:
    lines = [subject]
    for entry in entries:
        lines += ["", f"{'OK' if entry.is_over else entry.severity.upper()}: {entry.heading}"]
        lines += [f"  {name}: {value}" for name, value in entry.facts]
        if entry.link and not entry.is_over:
            lines.append(f"  Run: {entry.link}")
    return "\n".join([*lines, *(["", more] if more else [])]) + "\n"


def _slack(text: str) -> str:
    """Text in Slack's markup: these three characters are all that has to be escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _blocks(subject: str, entries: Sequence[Entry], more: str) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": subject[:150]}}
    ]
    for entry in entries:
        lines = [f"{_MARKS[entry.look]} *{_slack(entry.heading)}*"]
        lines += [f"*{name}:* {_slack(value)}" for name, value in entry.facts]
        body = "\n".join(lines)
        if len(body) > _MOST_TEXT:
            body = body[: _MOST_TEXT - 1] + "…"
        if entry.link and entry.run_id and not entry.is_over:
            body += f"\n<{entry.link}|Run {entry.run_id[:8]}>"
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": body}})
    if more:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": _slack(more)}]})
    return blocks


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("brokerage.alerts"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _html(subject: str, entries: Sequence[Entry], more: str, overview: str) -> str:
    template = _environment().get_template("alert.html.j2")
    return template.render(
        subject=subject, entries=entries, more=more, overview=overview, colours=_COLOURS
    )
