"""Refusals in the many forms in which Lofty writes them (contract §2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.http import Headers, Reply


@dataclass(frozen=True, slots=True)
class Kind:
    """An error: HTTP status, number, and the form that it has where no switch says otherwise."""

    status: int
    code: int
    style: str = "int"


ERRORS: Mapping[str, Kind] = {
    "INVALID_PARAMETER": Kind(400, 20012),
    "MISSING_PARAMETER": Kind(400, 20012, "symbol"),
    "LIMIT_NOT_VALID": Kind(400, 20042),
    "LIMIT_PARAM_OVERSIZE": Kind(400, 20042, "symbol"),
    "OFFSET_EXCEED_LIMIT": Kind(400, 20012, "symbol"),
    "PERMISSION_DENIED": Kind(400, 20017, "string"),
    "USER_IN_TOKEN_NOT_FOUND": Kind(400, 200058),
    "CONTENT_TYPE_MISSING": Kind(400, 20001),
    "WEBHOOK_TYPE_ERROR": Kind(400, 20012, "symbol"),
    "WEBHOOK_CALLBACK_URL_INVALID": Kind(400, 20012, "symbol"),
    "WEBHOOK_EXCEED_LIMIT": Kind(400, 20012, "symbol"),
    "WEBHOOK_DELETE_NOT_EXIST": Kind(400, 20012, "symbol"),
    "BAD_CREDENTIALS": Kind(401, 20004),
    "VENDOR_HAS_NO_PERMISSION": Kind(403, 200100),
    "LEAD_NOT_EXIST": Kind(404, 20006, "exception"),
    "USER_NOT_EXIST": Kind(404, 20003),
    "NOT_FOUND": Kind(404, 404, "bare"),
    "UNSUPPORTED_MEDIA_TYPE": Kind(415, 415, "bare"),
    "INTERNAL_ERROR": Kind(500, 20005, "error_code"),
}


class Refused(Exception):
    """An answer that is no 200; ``name`` is one of ``ERRORS``."""

    def __init__(self, name: str, status: int | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.status = ERRORS[name].status if status is None else status
        self.headers: Headers = ()

    def reply(self, style: str) -> Reply:
        """The answer; ``style`` "mixed" leaves each error its own form."""
        kind = ERRORS[self.name]
        body = form(self.name, kind.code, kind.style if style == "mixed" else style)
        return Reply.json(body, self.status, self.headers)


def form(name: str, code: int, style: str) -> Any:
    """An error's body in one of the observed forms."""
    text = name.replace("_", " ").lower()
    match style:
        case "string":
            return {"code": str(code), "message": text}
        case "symbol":
            return {"code": name, "message": text}
        case "error_code":
            return {"errorCode": code, "message": text}
        case "bare":
            return text
        case "exception":
            return {"message": f"com.example.api.ApiException: errorCode={code}, {name}"}
        case _:
            return {"code": code, "message": text}


def too_many(headers: Headers) -> Reply:
    """429."""
    return Reply.json({"message": "Too Many Requests"}, 429, headers)
