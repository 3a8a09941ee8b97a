from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import cast

import pytest

from cmp_relay.client_tokens import ClientTokens
from cmp_relay.credentials import Credentials
from cmp_relay.errors import CredentialsError
from cmp_relay.oauth import Grant, TokenEndpoint
from cmp_relay.tokens import Token
from tests.support.clock import Clock

PLANTED = "-".join(["must", "not", "show"])
CREDENTIALS = Credentials("id", PLANTED)


@dataclass
class Issuer:
    """Grants one token after the other, or refuses."""

    issued: list[Credentials] = field(default_factory=list)
    expires_in: float = 3599
    refuses: bool = False

    def request(self, credentials: Credentials) -> Grant:
        if self.refuses:
            raise CredentialsError("POST /token: 401 invalid_client", delay=300)
        self.issued.append(credentials)
        return Grant(f"{PLANTED}-{len(self.issued)}", self.expires_in)


def tokens(issuer: Issuer, clock: Clock | None = None) -> ClientTokens:
    now = clock or Clock()
    return ClientTokens(cast("TokenEndpoint", issuer), CREDENTIALS, lambda: now() / 1000)


def test_a_token_is_asked_for_once_and_kept() -> None:
    issuer = Issuer()
    own = tokens(issuer)

    assert {own.current().value for _ in range(5)} == {f"{PLANTED}-1"}
    assert issuer.issued == [CREDENTIALS]


def test_nothing_is_asked_for_before_it_is_needed() -> None:
    issuer = Issuer()
    tokens(issuer)

    assert issuer.issued == []


@pytest.mark.parametrize(("seconds", "value"), [(3538, f"{PLANTED}-1"), (3539, f"{PLANTED}-2")])
def test_a_token_is_renewed_a_minute_before_its_end(seconds: float, value: str) -> None:
    clock = Clock()
    own = tokens(Issuer(), clock)
    own.current()

    clock.advance(seconds)

    assert own.current().value == value


def test_a_token_of_a_month_is_kept_as_long() -> None:
    clock = Clock()
    own = tokens(Issuer(expires_in=30 * 86_400), clock)
    first = own.current()

    clock.advance(29 * 86_400)

    assert own.current() == first


def test_a_refused_token_is_replaced_once_for_all_who_had_it() -> None:
    issuer = Issuer()
    own = tokens(issuer)
    failed = own.current()
    together = Barrier(8)

    def replace() -> Token:
        together.wait()
        return own.replace(failed)

    with ThreadPoolExecutor(8) as pool:
        replaced = {one.result().value for one in [pool.submit(replace) for _ in range(8)]}

    assert replaced == {f"{PLANTED}-2"}
    assert len(issuer.issued) == 2


def test_refused_credentials_are_told_without_them() -> None:
    own = tokens(Issuer(refuses=True))

    with pytest.raises(CredentialsError) as caught:
        own.current()

    assert PLANTED not in str(caught.value)
    assert PLANTED not in repr(own)
