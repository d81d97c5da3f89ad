"""A sign-in service that is not there says nothing about the credential; one that refuses does."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from pipelines.common.errors import RetryLater
from pipelines.common.sign_in import ask_sign_in


def sending(answer: httpx.Response | Exception) -> Callable[[], httpx.Response]:
    def send() -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return send


@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_a_yes_and_a_no_are_answers(status: int) -> None:
    answer = httpx.Response(status)
    assert ask_sign_in(sending(answer), "Vendor's login") is answer


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_service_that_is_not_able_to_answer_is_asked_later(status: int) -> None:
    with pytest.raises(RetryLater) as caught:
        ask_sign_in(sending(httpx.Response(status)), "Vendor's login")
    said = f"Vendor's login answered HTTP {status}; try the sync again later."
    assert caught.value.sentence == said


def test_a_service_that_cannot_be_reached_is_asked_later() -> None:
    with pytest.raises(RetryLater, match="Vendor's login could not be reached"):
        ask_sign_in(sending(httpx.ConnectError("no route")), "Vendor's login")
