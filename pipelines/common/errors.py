"""Vendor errors, typed by what recovers from them. Every message is one sentence for a person.

| type                  | meaning                         | what happens                    |
|-----------------------|---------------------------------|---------------------------------|
| `RetryLater`          | passing: limit, outage, garbage | the HTTP layer tries again      |
| `RecordUnavailable`   | one record is gone or not ours  | the reader skips it             |
| `ResourceUnavailable` | no such resource for us         | the entity gets a status        |
| `CredentialExpired`   | the access token ran out        | it is renewed once              |
| `AccountBroken`       | the credential is refused       | this account stops, others go on|
| `ContractBroken`      | the vendor changed, or we err   | the entity stops with the reason|
"""

from __future__ import annotations

from typing import Literal


class VendorError(Exception):
    """Base of everything a vendor can do to us; `sentence` is safe to show and to log."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class RetryLater(VendorError):
    """A passing failure; `retry_after` is the vendor's own wish in seconds, if it gave one."""

    def __init__(
        self, sentence: str, *, retry_after: float | None = None, limited: bool = False
    ) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        self.limited = limited


class RecordUnavailable(VendorError):
    """One record cannot be read: it is gone (`missing`) or belongs to others (`denied`)."""

    def __init__(self, sentence: str, *, reason: Literal["missing", "denied"]) -> None:
        super().__init__(sentence)
        self.reason = reason


class ResourceUnavailable(VendorError):
    """A whole resource cannot be read by this account."""

    def __init__(self, sentence: str, *, status: Literal["not_permitted", "not_available"]) -> None:
        super().__init__(sentence)
        self.status = status


class CredentialExpired(VendorError):
    """The access token has run out; refreshing it once may help."""


class AccountBroken(VendorError):
    """The credential is refused for good; a person has to connect the account again."""


class ContractBroken(VendorError):
    """The answer does not fit the contract, or the request was refused as malformed."""
