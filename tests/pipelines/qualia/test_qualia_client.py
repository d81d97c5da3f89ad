"""Keys, errors and values as the contract has them (qualia.md §1, §2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pipelines.common.errors import (
    AccountBroken,
    ContractBroken,
    RecordUnavailable,
    ResourceUnavailable,
    RetryLater,
    VendorError,
)
from pipelines.common.http import Failure
from pipelines.common.moments import as_text
from pipelines.qualia.client import (
    QualiaSettings,
    authorize,
    block_of,
    classify,
    lack_of,
    moment,
    refusal,
)

SETTINGS = QualiaSettings(base_url="http://qualia.test/api/platform/graphql")


def test_the_header_is_the_one_of_rfc_7617() -> None:
    keys = {"username": "Aladdin", "api_key": "open sesame"}
    assert authorize(keys, SETTINGS) == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}


def test_a_credential_that_lacks_a_part_is_named() -> None:
    with pytest.raises(AccountBroken, match="lacks the api key"):
        authorize({"username": "Aladdin"}, SETTINGS)


def failure(status: int, headers: dict[str, str] | None = None) -> VendorError | None:
    return classify(Failure(status, "", b"", httpx.Headers(headers or {}), "/graphql", False))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AccountBroken),
        (403, AccountBroken),
        (404, ContractBroken),
        (405, ContractBroken),
        (429, RetryLater),
        (503, RetryLater),
    ],
)
def test_what_a_status_means(status: int, kind: type[VendorError]) -> None:
    assert isinstance(failure(status), kind)


@pytest.mark.parametrize("status", [400, 500, 502, 504])
def test_other_statuses_have_their_common_meaning(status: int) -> None:
    assert failure(status) is None


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "wait"),
    [({}, 60.0), ({"Retry-After": "7"}, 7.0), ({"Retry-After": "0"}, 1.0),
     ({"Retry-After": "Wed, 01 Jul 2026 00:00:00 GMT"}, 60.0)],
)  # fmt: skip
def test_too_fast_waits_a_minute_or_what_is_said(
    status: int, headers: dict[str, str], wait: float
) -> None:
    said = failure(status, headers)
    assert isinstance(said, RetryLater)
    assert (said.limited, said.retry_after) == (True, wait)


def error(path: list[Any] | None = None, code: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"message": "No."}
    if path is not None:
        found["path"] = path
    if code is not None:
        found["extensions"] = {"code": code}
    return found


NODE = ["ordersList", "edges", 3, "node"]


@pytest.mark.parametrize(
    ("path", "block"),
    [
        ([*NODE, "accounting"], ("accounting",)),
        ([*NODE, "accounting", "receipts", 4, "amount"], ("accounting", "receipts", "amount")),
        (["order", "tasks"], ("tasks",)),
        ([*NODE, "purchasePrice"], None),
        ([*NODE, "settlementAgency", "name"], None),
        (NODE, None),
        (["ordersList"], None),
        (["users", 0, "email"], None),
        (["accounting"], None),
        ("accounting", None),
        (None, None),
    ],
)
def test_where_an_error_lies(path: Any, block: tuple[str, ...] | None) -> None:
    assert block_of({"path": path}) == block


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"data": {"users": []}}, None),
        ({"data": {"users": []}, "errors": []}, None),
        ({"data": {"users": []}, "errors": None}, None),
        ({"data": {"ordersList": {}}, "errors": [error([*NODE, "charges"])]}, None),
        ({"data": {"ordersList": {}}, "errors": [error([*NODE, "charges"]), error([*NODE, "id"])]},
         ContractBroken),
        ({"data": None, "errors": [error([*NODE, "charges"])]}, RetryLater),
        ({"data": None, "errors": [error()]}, ContractBroken),
        ({"errors": [error(code="GRAPHQL_VALIDATION_FAILED")]}, ContractBroken),
        ({"errors": [error(code="INTERNAL_SERVER_ERROR")]}, RetryLater),
        ({"errors": [error(code="UNAUTHORIZED")]}, AccountBroken),
        ({"errors": [error(code="FORBIDDEN")]}, ResourceUnavailable),
        ({"errors": [error(["ordersList"], "FORBIDDEN")]}, ResourceUnavailable),
        ({"data": {"order": None}, "errors": [error(["order"], "FORBIDDEN")]}, RecordUnavailable),
        ({"data": {"order": None}, "errors": [error(["order"], "NOT_FOUND")]}, RecordUnavailable),
        ({"data": None, "errors": [error(["companyContact"])]}, RecordUnavailable),
        ({"data": None, "errors": [error(["order"], "INTERNAL_SERVER_ERROR")]}, RetryLater),
        ({"data": None, "errors": [error(["order"], "UNAUTHORIZED")]}, AccountBroken),
        ({"data": None, "errors": [error(["order", "status"], "FORBIDDEN")]}, ResourceUnavailable),
        ({"errors": "all wrong"}, ContractBroken),
        ({"errors": [7]}, ContractBroken),
        ([1, 2], None),
        ("text", None),
        (None, None),
    ],
)  # fmt: skip
def test_what_a_list_of_errors_means(body: Any, kind: type[VendorError] | None) -> None:
    found = refusal(body)
    assert type(found) is (kind or type(None))


def test_what_is_told_is_short_and_on_one_line() -> None:
    found = refusal({"errors": [{"message": "Cannot query\n field 'x'. " + "y" * 900}]})
    assert found is not None
    assert found.sentence.startswith("Qualia answered an error (Cannot query field 'x'. yyy")
    assert len(found.sentence) < 400
    assert "\n" not in found.sentence


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("The field is deprecated.", "The field is deprecated"),
        ('String cannot represent value: { first: "Robin", at: ["x"] }',
         "String cannot represent value: …"),
        ("""Enum "Status" cannot be 'Robin' or `Ada`""", "Enum … cannot be … or …"),
        ("No phone 555-0100 of robin@example.com", "No phone … of …"),
        (None, "INTERNAL_SERVER_ERROR"),
    ],
)  # fmt: skip
def test_what_is_told_of_a_block_has_no_values(message: Any, said: str) -> None:
    """Blocks hold people, and servers quote the value that they could not send."""
    found = lack_of({**error([*NODE, "contacts"], "INTERNAL_SERVER_ERROR"), "message": message})
    assert found is not None
    assert (found.block, found.said, found.is_closed) == (("contacts",), said, False)


@pytest.mark.parametrize(
    "value",
    ["2026-03-02T00:00:00Z", "2026-03-02T00:00:00.000+00:00", "2026-03-01T19:00:00-05:00",
     "2026-03-02T00:00:00", 1772409600000, "1772409600000"],
)  # fmt: skip
def test_an_instant_is_read_in_every_form(value: object) -> None:
    assert moment(value) == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "soon", True, {"a": 1}, 1.5])
def test_what_is_no_instant_is_none(value: object) -> None:
    assert moment(value) is None


def test_a_filter_takes_an_instant_in_utc() -> None:
    assert as_text(datetime.fromisoformat("2026-03-01T19:00:00.9-05:00")) == "2026-03-02T00:00:00Z"
