"""OAuth 2.0 by authorisation code, as vendors do it alike: consent, code, tokens, renewal.

A vendor says where consent is given and how a grant is sent. What an answer means, how long a
token lasts, and which failure says something about the account is here. `exchange` is run by
`CredentialProvider.refresh`: once, under a lock, stored before the old tokens are forgotten.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from pipelines.common.account import Credentials
from pipelines.common.errors import AccountBroken, ContractBroken, CredentialExpired, RetryLater
from pipelines.common.http import VendorSettings, retry_after
from pipelines.common.moments import moment

Form = Mapping[str, str]

RENEW_BEFORE = timedelta(minutes=10)
"""A token that ends sooner is renewed before it is used, whatever its life was."""

_REFUSALS = (httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED)
"""How a token service says no to a grant (RFC 6749 §5.2). Anything else is not about the grant."""
_PASSING = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT)
_CLOCKS = ("expires_at", "renew_at")


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
            f"{service} answered HTTP {response.status_code}; try the sync again later.",
            retry_after=retry_after(response.headers),
            limited=response.status_code == httpx.codes.TOO_MANY_REQUESTS,
        )
    return response


@dataclass(frozen=True)
class Attempt:
    """One attempt to be allowed an access, from the consent page to the first tokens.

    `state` comes back with the code and `nonce` inside the id token, where there is one: both say
    that it is this attempt's. `verifier` is PKCE's secret; a browser sees only its `challenge`.
    """

    redirect_uri: str
    state: str
    nonce: str
    verifier: str = field(repr=False)

    @classmethod
    def begin(cls, redirect_uri: str) -> Attempt:
        """A new one, of chance."""
        return cls(redirect_uri, *(secrets.token_urlsafe(length) for length in (16, 16, 48)))

    @property
    def challenge(self) -> str:
        """The verifier's S256 challenge (RFC 7636)."""
        digest = sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _takes_any(_tokens: Mapping[str, Any], _attempt: Attempt, _settings: VendorSettings) -> None:
    """Plain OAuth tells nothing more about an attempt."""


@dataclass(frozen=True)
class OAuth:
    """One vendor's OAuth.

    `ask` sends a grant (`grant_type` and what goes with it) with the app's credentials; it raises
    `ContractBroken` if no app is set up. `consent` is the address where a person allows the
    access, and raises as `ask`. `app_settings` names the variables of the app.
    `unwrap` finds the tokens in an answer, None if it is a refusal. `share_left` is the part of a
    token's life with which it is renewed; 0 means ten minutes. `refused` is what is said about
    a grant that is gone, where the vendor tells no reason. `pkce` says that the code is traded in
    with the attempt's verifier, `sends_state` that its state goes with it, `issuer` who the answer
    to consent must be from. `code_seconds` is how long the code may be traded in, None if long
    enough. `proves` looks at the first tokens and raises `AccountBroken` if they are another
    attempt's. `grant_life` is how long a refresh token lives after it was given or used; None if it
    does not end by itself, or nobody knows. `withdraw` gives an access back; None where the vendor
    has no call for that.
    """

    vendor: str
    title: str
    app_settings: str
    ask: Callable[[httpx.Client, VendorSettings, Form], httpx.Response]
    consent: Callable[[httpx.Client, VendorSettings, Attempt], str]
    key_owner: str = "the account"
    unwrap: Callable[[Any], Any] = lambda body: body
    withdraw: Callable[[httpx.Client, VendorSettings, Credentials], httpx.Response] | None = None
    share_left: float = 0.0
    refused: str | None = None
    pkce: bool = False
    sends_state: bool = False
    issuer: Callable[[VendorSettings], str | None] = lambda _settings: None
    code_seconds: int | None = None
    proves: Callable[[Mapping[str, Any], Attempt, VendorSettings], None] = _takes_any
    grant_life: timedelta | None = None

    def bearer(self, credentials: Credentials) -> str:
        """The access token. Raises `CredentialExpired` if there is none, or none that lasts.

        Of a token that was entered by hand the end may not be known, and one that cannot be
        renewed is used to its end: the vendor will say.
        """
        token = credentials.get("access_token")
        renewable = bool(credentials.get("refresh_token"))
        if not token or (renewable and self._is_due(credentials)):
            raise CredentialExpired(
                f"{self.title} gave an access that has ended; connect the account again."
            )
        return token

    def _is_due(self, credentials: Credentials) -> bool:
        clock = next((name for name in reversed(_CLOCKS) if credentials.get(name)), None)
        if clock is None:
            return False
        at = moment(credentials[clock])
        if at is None:
            raise AccountBroken(
                f"The {self.title} credential has an end that is no instant; connect the account "
                f"again."
            )
        return at - (RENEW_BEFORE if clock == "expires_at" else timedelta()) <= datetime.now(UTC)

    def exchange(
        self, client: httpx.Client, credentials: Credentials, settings: VendorSettings
    ) -> Credentials:
        """Renew the access; a refresh token that comes back replaces the old one.

        Raises `AccountBroken` if the grant is gone or the credential cannot be renewed,
        `RetryLater` if the token service is down, `ContractBroken` if it does not know this app or
        answers in another shape, which says nothing about the account.
        """
        if not credentials.get("refresh_token"):
            if "access_token" in credentials:
                raise AccountBroken(
                    f"{self.title} refused the access token (HTTP 401) and it cannot be renewed; "
                    f"connect the account again."
                )
            raise AccountBroken(
                f"{self.title} refused the API key (HTTP 401); connect the account again with a "
                f"new key of {self.key_owner}."
            )
        form = {"grant_type": "refresh_token", "refresh_token": credentials["refresh_token"]}
        token = self._granted(client, settings, form, "does not renew the access")
        kept = {name: part for name, part in credentials.items() if name not in _CLOCKS}
        return {**kept, **self._kept(token, form)}

    def revoke(
        self, client: httpx.Client, credentials: Credentials, settings: VendorSettings
    ) -> bool:
        """Give the access back. True if it is gone now, False if the vendor has no call for it.

        A token that is over is renewed first. Raises `RetryLater` if the vendor is not able to
        answer now, `ContractBroken` or `AccountBroken` if it does not take it back.
        """
        if self.withdraw is None or not credentials.get("access_token"):
            return False
        withdraw, service = self.withdraw, f"{self.title}'s token service"
        response = ask_sign_in(lambda: withdraw(client, settings, credentials), service)
        if not response.is_success and credentials.get("refresh_token"):
            fresh = self.exchange(client, credentials, settings)
            response = ask_sign_in(lambda: withdraw(client, settings, fresh), service)
        if not response.is_success:
            raise ContractBroken(
                f"{self.title} does not take the access back (HTTP {response.status_code}); "
                f"withdraw it in the account's settings there."
            )
        return True

    def redeem(
        self, client: httpx.Client, settings: VendorSettings, code: str, attempt: Attempt
    ) -> Credentials:
        """The first tokens for the code that consent gave. Raises as `exchange`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            **({"code_verifier": attempt.verifier} if self.pkce else {}),
            **({"state": attempt.state} if self.sends_state else {}),
        }
        token = self._granted(client, settings, form, "does not accept the code")
        self.proves(token, attempt, settings)
        return self._kept(token, form)

    def _granted(
        self, client: httpx.Client, settings: VendorSettings, form: Form, refusal: str
    ) -> Mapping[str, Any]:
        response = ask_sign_in(
            lambda: self.ask(client, settings, form), f"{self.title}'s token service"
        )
        body = _body(response)
        error = body.get("error") if isinstance(body, Mapping) else None
        if response.status_code == httpx.codes.NOT_FOUND:
            raise ContractBroken(
                f"{self.title}'s token service is not at its address; check the base URLs of "
                f"{self.title} in docs/settings.md."
            )
        if error == "invalid_client":
            raise ContractBroken(
                f"{self.title} does not know the registered app; check {self.app_settings}."
            )
        if not response.is_success and response.status_code not in _REFUSALS:
            raise ContractBroken(
                f"{self.title}'s token service answered HTTP {response.status_code}, which says "
                f"nothing about the account; check the base URLs of {self.title} in "
                f"docs/settings.md and what stands between here and there."
            )
        token = self.unwrap(body)
        if not response.is_success or token is None:
            said = error if isinstance(error, str) else f"HTTP {response.status_code}"
            raise AccountBroken(
                self.refused or f"{self.title} {refusal} ({said}); connect the account again."
            )
        if not isinstance(token, Mapping) or not token.get("access_token"):
            raise ContractBroken(
                f"{self.title}'s token service answered without a token; compare "
                f"docs/vendors/{self.vendor}.md."
            )
        return token

    def _kept(self, token: Mapping[str, Any], form: Form) -> dict[str, str]:
        """What is stored of an answer."""
        refresh = token.get("refresh_token") or form.get("refresh_token")
        return {
            "access_token": str(token["access_token"]),
            **({"refresh_token": str(refresh)} if refresh else {}),
            **self._clocks(token.get("expires_in")),
        }

    def _clocks(self, seconds: Any) -> dict[str, str]:
        """When a new token ends and when it is to be renewed; nothing if that was not told."""
        if isinstance(seconds, str) and seconds.isdigit():
            seconds = int(seconds)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
            return {}
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        share = timedelta(seconds=seconds * self.share_left)
        left = share or min(RENEW_BEFORE, timedelta(seconds=seconds / 2))
        return {"expires_at": ends.isoformat(), "renew_at": (ends - left).isoformat()}


def code_of(answer: str, state: str, issuer: str | None = None) -> str:
    """The code out of the address that consent led to, or the code itself.

    Raises ValueError, one sentence, if consent was refused, the state is another one, or another
    service than `issuer` says that it sent the answer (RFC 9207).
    """
    if "://" not in answer and "code=" not in answer:
        return answer.strip()
    query = parse_qs(urlsplit(answer.strip()).query or answer.strip())
    told = {name: values[0] for name, values in query.items()}
    if told.get("error") or told.get("response") == "denied":
        raise ValueError("The access was not allowed: ask the person to allow it, then try again.")
    if issuer is not None and told.get("iss", issuer).rstrip("/") != issuer:
        raise ValueError("The address was not sent by the vendor: do not use it, begin anew.")
    if told.get("state", state) != state:
        raise ValueError("The address belongs to another attempt: begin anew with this one.")
    if not told.get("code"):
        raise ValueError("The address holds no code: copy it whole, as the browser shows it.")
    return told["code"]


def _body(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return {}
