"""Servers that take messages, and settings that lead there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import Engine

from brokerage.settings import Settings, get_settings
from tests.brokerage.conftest import run
from tests.messages.newsroom import open_newsroom
from tests.messages.servers import MailServer, Slack, mail_server, slack_server

# the fixture of the tests of the command line serves here, too
__all__ = ["run"]

SLACK_TOKEN = "xoxb-the-token-of-the-tests"


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    with mail_server() as server:
        monkeypatch.setenv("BROKERAGE_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("BROKERAGE_SMTP_PORT", str(server.port))
        monkeypatch.setenv("BROKERAGE_SMTP_SECURITY", "none")
        monkeypatch.setenv("BROKERAGE_MAIL_FROM", "Network news <news@example.com>")
        get_settings.cache_clear()
        yield server


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    with slack_server() as server:
        monkeypatch.setenv("BROKERAGE_SLACK_TOKEN", SLACK_TOKEN)
        monkeypatch.setenv("BROKERAGE_SLACK_BASE_URL", server.url)
        get_settings.cache_clear()
        yield server


@pytest.fixture
def settings(database: str) -> Settings:
    return get_settings()


@pytest.fixture
def newsroom(engine: Engine) -> Engine:
    open_newsroom(engine)
    return engine
