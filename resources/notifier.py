"""Where alerts go: Slack, or a folder while no token is set, and mail if addresses are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from brokerage.alerts.delivery import Channel, MailChannel, OutboxChannel, Undelivered
from brokerage.mail import make_mailer
from brokerage.settings import Settings, get_settings

if TYPE_CHECKING:
    from slack_sdk.web.client import WebClient

    from brokerage.alerts.message import Message

_TIMEOUT_SECONDS = 10


class SlackChannel:
    """Posts messages to one Slack channel."""

    name = "slack"

    def __init__(self, client: WebClient, channel: str) -> None:
        self._client = client
        self._channel = channel

    def send(self, message: Message, number: int) -> None:
        """Post a message. Raises `Undelivered` if Slack has not said that it took it."""
        from slack_sdk.errors import SlackApiError, SlackClientError

        try:
            self._client.chat_postMessage(
                channel=self._channel,
                text=message.subject,
                blocks=list(message.blocks),
                unfurl_links=False,
            )
        except SlackApiError as error:
            # the answer holds a code such as channel_not_found
            code = error.response.get("error") or f"HTTP {error.response.status_code}"
            raise Undelivered(
                f"Slack did not take the message ({code}): check BROKERAGE_SLACK_TOKEN and "
                "BROKERAGE_SLACK_CHANNEL if that stays."
            ) from error
        except (SlackClientError, OSError) as error:
            raise Undelivered(f"Slack cannot be reached ({type(error).__name__}).") from error


def make_slack(settings: Settings) -> Channel:
    """Slack as the settings say, or its stand-in in the home folder."""
    if settings.slack_token is None:
        return OutboxChannel(settings.outbox / "slack")
    from dagster_slack import SlackResource

    client = SlackResource(token=settings.slack_token.get_secret_value()).get_client()
    client.base_url = settings.slack_base_url.rstrip("/") + "/"
    client.timeout = _TIMEOUT_SECONDS
    # a failed post is tried again by the next look, when it can say what has happened meanwhile
    client.retry_handlers = []
    return SlackChannel(client, settings.slack_channel)


class NotifierResource(dg.ConfigurableResource[None]):
    """The channels that alerts are told to, as the settings say."""

    def channels(self) -> list[Channel]:
        """Slack or its stand-in, and mail if there are addresses."""
        settings = get_settings()
        found = [make_slack(settings)]
        if settings.alert_addresses:
            found.append(MailChannel(make_mailer(settings), settings.alert_addresses, settings))
        return found
