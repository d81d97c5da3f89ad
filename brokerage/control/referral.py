"""An agent's referral code: seven letters and digits in the sign-up links that people share.

reZEN has no API for it: a person pastes the link, or the code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from brokerage.errors import ConfigurationError

_SEEN_FORM = re.compile(r"[a-z0-9]{7}")


@dataclass(frozen=True)
class Referral:
    """A referral code; `looks_right` is False for a form that was never seen in a link."""

    code: str

    @property
    def looks_right(self) -> bool:
        return _SEEN_FORM.fullmatch(self.code) is not None


def read_referral(text: str) -> Referral:
    """The code in a pasted sign-up link (parameter `sponsorCode`), or the code itself.

    Raises:
        ConfigurationError: for a link without a code, or something that is neither.
    """
    pasted = text.strip()
    if "/" in pasted or "?" in pasted:
        query = parse_qs(urlsplit(pasted).query)
        [code] = query.get("sponsorCode", [""])[:1]
        if not code:
            raise ConfigurationError(
                "The link holds no sponsorCode: copy the sign-up link that the agent shares, or "
                "give the code alone."
            )
        pasted = code.strip()
    if not pasted or not pasted.isprintable() or any(sign.isspace() for sign in pasted):
        raise ConfigurationError(
            "That is no referral code: give the sign-up link that the agent shares, or its code."
        )
    return Referral(pasted)
