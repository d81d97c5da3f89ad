"""Reading a pasted referral link or code."""

from __future__ import annotations

import pytest

from brokerage.control.referral import read_referral
from brokerage.errors import ConfigurationError


@pytest.mark.parametrize(
    "pasted",
    [
        "ab12cd3",
        "  ab12cd3\n",
        "https://bolt.example.com/register?sponsorCode=ab12cd3&sponsorName=Ada%20Sample",
        "bolt.example.com/register?sponsorName=Ada&sponsorCode=ab12cd3",
    ],
)
def test_a_link_or_a_code_gives_the_code(pasted: str) -> None:
    found = read_referral(pasted)
    assert found.code == "ab12cd3"
    assert found.looks_right


@pytest.mark.parametrize("code", ["AB12CD3", "ab12cd", "ab12cd34", "ab-12cd"])
def test_an_unusual_form_is_kept_and_told(code: str) -> None:
    found = read_referral(code)
    assert found.code == code
    assert not found.looks_right


@pytest.mark.parametrize("pasted", ["", " ", "two words", "https://bolt.example.com/register"])
def test_what_is_no_code_is_refused(pasted: str) -> None:
    with pytest.raises(ConfigurationError, match=r"code"):
        read_referral(pasted)
