"""Asking a vendor's sign-in or token service, which has no part in the budgets of its API."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from pipelines.common.errors import RetryLater

_PASSING = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT)


def ask_sign_in(send: Callable[[], httpx.Response], service: str) -> httpx.Response:
    """What the service answers, be it a yes or a no; `service` begins the sentence of an error.

    Raises `RetryLater` if it cannot be reached or is not able to answer now: that says nothing
    about the credential.
    """
    try:
        response = send()
    except httpx.TransportError as error:
        raise RetryLater(f"{service} could not be reached; try the sync again later.") from error
    if response.status_code in _PASSING or response.status_code >= 500:
        raise RetryLater(
            f"{service} answered HTTP {response.status_code}; try the sync again later."
        )
    return response
