"""Copies of agents' pictures: only those that changed are fetched, and written under their hash."""

import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import dagster as dg
import httpx
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from assets.outcome import materialised
from assets.raw import OWNER
from brokerage.control.tables import image_copies
from brokerage.settings import get_settings
from resources.connections import ConnectionsResource

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

AGENT_IMAGES = dg.AssetKey(["operations", "agent_images"])

_MOST_BYTES = 10 * 1024 * 1024
_TIMEOUT_SECONDS = 20.0
_MOST_REASONS = 5


@dataclass
class CopyReport:
    """What a pass over the pictures came to."""

    copied: int = 0
    unchanged: int = 0
    gone: int = 0
    bytes: int = 0
    failures: list[str] = field(default_factory=list)


@dg.asset(
    key=AGENT_IMAGES,
    deps=[dg.AssetKey(["staging", "stg_rezen__agents"])],
    description="Copies of the agents' pictures in a folder or an object store; unchanged ones are "
    "not fetched again.",
    group_name="operations",
    kinds={"python", "fsspec"},
    owners=[OWNER],
)
def agent_images(
    context: dg.AssetExecutionContext, connections: ConnectionsResource
) -> dg.MaterializeResult[None]:
    """Copy what has changed. Does nothing while nobody has said where the pictures are."""
    settings = get_settings()
    if settings.images_source_url is None:
        context.log.info("No picture is copied: BROKERAGE_IMAGES_SOURCE_URL is not set.")
        return materialised({"copied": 0, "skipped": "no source is set"})
    target = settings.images_url or str(settings.home / "images")
    with httpx.Client(timeout=_TIMEOUT_SECONDS) as client:
        report = copy_images(
            connections.engine,
            client,
            wanted_images(connections.engine),
            source=settings.images_source_url,
            target=target,
        )
    if report.failures:
        more = len(report.failures) - _MOST_REASONS
        lines = report.failures[:_MOST_REASONS] + ([f"and {more} more"] if more > 0 else [])
        raise dg.Failure("\n".join(lines), allow_retries=False)
    return materialised(
        metadata={
            "copied": report.copied,
            "unchanged": report.unchanged,
            "gone": report.gone,
            "bytes": report.bytes,
        }
    )


def wanted_images(engine: "Engine") -> list[tuple[str, str]]:
    """The pictures that the warehouse knows, as (path, agent's source id); none before a build."""
    with engine.connect() as connection:
        built = text("select to_regclass('staging.stg_rezen__agents') is not null")
        if not connection.scalar(built):
            return []
        rows = connection.execute(
            text(
                "select avatar_path, min(agent_source_id) from staging.stg_rezen__agents "
                "where avatar_path is not null group by avatar_path order by avatar_path"
            )
        )
        return [(str(path), str(agent)) for path, agent in rows]


def copy_images(
    engine: "Engine",
    client: httpx.Client,
    wanted: Iterable[tuple[str, str]],
    *,
    source: str,
    target: str,
) -> CopyReport:
    """Copy the pictures that changed since they were copied last.

    Args:
        engine: one that may write `control.image_copies`.
        client: fetches the pictures.
        wanted: (path, agent's source id).
        source: the address that the paths are relative to.
        target: where the copies go, as fsspec reads it.
    """
    import fsspec

    storage, root = fsspec.core.url_to_fs(target)
    report = CopyReport()
    for path, agent in wanted:
        if not _is_plain(path):
            report.failures.append(f"The picture of agent {agent} has a path that leads elsewhere.")
            continue
        with engine.begin() as connection:
            query = select(image_copies).where(image_copies.c.image_path == path)
            known = connection.execute(query).one_or_none()
        try:
            answer = client.get(f"{source.rstrip('/')}/{path}", headers=_conditions(known))
        except httpx.TransportError as error:
            report.failures.append(
                f"The pictures cannot be fetched ({type(error).__name__}): see "
                "BROKERAGE_IMAGES_SOURCE_URL."
            )
            return report
        values = _take(answer, path, agent, known, storage, root, report)
        if values is None:
            continue
        with engine.begin() as connection:
            new = insert(image_copies).values(image_path=path, agent_source_id=agent, **values)
            connection.execute(
                new.on_conflict_do_update(
                    index_elements=["image_path"],
                    set_={"agent_source_id": agent, "checked_at": func.now(), **values},
                )
            )
    return report


def _is_plain(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "://" not in path


def _conditions(known: Any) -> dict[str, str]:
    """What makes the server answer "not modified" if the copy is current."""
    if known is None or known.stored_as is None:
        return {}
    headers = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in headers.items() if value}


def _take(
    answer: httpx.Response,
    path: str,
    agent: str,
    known: Any,
    storage: Any,
    root: str,
    report: CopyReport,
) -> dict[str, Any] | None:
    """What is to be noted of an answer; None if nothing is, because it failed."""
    if answer.status_code == httpx.codes.NOT_MODIFIED:
        report.unchanged += 1
        return {}
    if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        report.gone += 1
        return {}
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if answer.status_code != httpx.codes.OK or not kind.startswith("image/"):
        report.failures.append(
            f"The picture of agent {agent} was answered with HTTP {answer.status_code} and "
            f"{kind or 'no type'}."
        )
        return None
    if len(answer.content) > _MOST_BYTES:
        report.failures.append(f"The picture of agent {agent} has more than 10 MB.")
        return None
    digest = hashlib.sha256(answer.content).hexdigest()
    validators = {
        "etag": answer.headers.get("ETag"),
        "last_modified": answer.headers.get("Last-Modified"),
    }
    if known is not None and known.content_hash == digest:
        report.unchanged += 1
        return validators
    suffix = PurePosixPath(path).suffix or mimetypes.guess_extension(kind) or ""
    # a copy never changes under its name, so that a reader who has it may keep it
    name = f"{agent}/{digest[:16]}{suffix}"
    place = f"{root.rstrip('/')}/{name}"
    storage.makedirs(place.rpartition("/")[0], exist_ok=True)
    storage.pipe_file(place, answer.content)
    report.copied += 1
    report.bytes += len(answer.content)
    return {
        **validators,
        "content_hash": digest,
        "stored_as": name,
        "bytes": len(answer.content),
        "copied_at": func.now(),
    }
