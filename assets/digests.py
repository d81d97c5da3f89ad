"""The digests: mails with the network news of a day or a week, each sent once."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from assets.outcome import materialised
from assets.raw import OWNER
from brokerage.control.digests import DigestKind
from brokerage.digests.days import digest_day, parse_day
from brokerage.digests.sending import SendReport, send_digests
from brokerage.mail import make_mailer
from brokerage.settings import get_settings
from resources.connections import ConnectionsResource

if TYPE_CHECKING:
    from datetime import date

_DESCRIPTIONS: dict[DigestKind, str] = {
    "daily": "The mail with yesterday's network news, to everybody who wants it, once.",
    "weekly": "The mail with the network news of the last week, to everybody who wants it, once.",
}


class DigestConfig(dg.Config):
    """Which digests to send: the last days that they cover, as `2026-06-15`.

    Empty for the one that is due now.
    """

    days: list[str] = Field(default_factory=list)


def digest_key(kind: DigestKind) -> dg.AssetKey:
    """The asset of a digest."""
    return dg.AssetKey(["operations", f"{kind}_digest"])


def build_digest_asset(kind: DigestKind) -> dg.AssetsDefinition:
    """The asset that is materialised by sending."""

    @dg.asset(
        key=digest_key(kind),
        deps=[dg.AssetKey(["marts", "network_news"])],
        description=_DESCRIPTIONS[kind],
        group_name="operations",
        kinds={"python", "email"},
        owners=[OWNER],
    )
    def send(
        context: dg.AssetExecutionContext, config: DigestConfig, connections: ConnectionsResource
    ) -> dg.MaterializeResult[None]:
        settings = get_settings()
        days: list[date] = [parse_day(day) for day in config.days]
        if not days:
            now = settings.as_of or datetime.now(UTC)
            days = [digest_day(kind, now, settings.reporting_timezone)]
        reports: list[SendReport] = []
        with make_mailer(settings) as mailer:
            for day in days:
                report = send_digests(connections.engine, mailer, kind, day, settings)
                reports.append(report)
                context.log.info(report.sentence)
        failures = [report.sentence for report in reports if not report.succeeded]
        if failures:
            # what was not sent is tried again by the next tick of the schedule
            raise dg.Failure("\n".join(failures), allow_retries=False)
        return materialised(
            metadata={
                "days": ", ".join(day.isoformat() for day in days),
                "sent": sum(report.sent for report in reports),
                "without_news": sum(report.empty for report in reports),
                "sent_before": sum(report.before for report in reports),
                "sent_again": sum(report.repeated for report in reports),
            }
        )

    return send


def build_digest_assets() -> list[dg.AssetsDefinition]:
    """Both digests."""
    return [build_digest_asset("daily"), build_digest_asset("weekly")]
