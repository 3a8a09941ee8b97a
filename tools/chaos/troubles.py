"""Troubles: what goes wrong while the load runs, drawn by a seed; each kind at least once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from tools.chaos.aws_faults import AwsFault
from tools.chaos.lives import KINDS, LOAD_SECONDS
from tools.chaos.plan import (
    AwsTrouble,
    CmpFault,
    ExpiredTokens,
    Kill,
    Outage,
    RevokedCredentials,
    Stray,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tools.chaos.plan import Asset, Trouble

FUNCTIONS = (
    "on_asset_published",
    "on_asset_synced",
    "on_asset_unpublished",
    "on_library_asset",
    "receive_webhook",
)
SERVICES = ("dynamodb", "events", "s3", "secretsmanager", "sqs")
OUTAGE = 0.42
"""When CMP's outage begins, as a part of the load."""
OUTAGE_SECONDS = 30.0
REVOKED_SECONDS = 8.0
RETRY_DATE = "date"
"""Stands for an HTTP date some seconds away: only the driver knows what time it will be."""
# botocore asks three times: a longer burst makes calls fail for good.
BURST = (4, 10)
# A rotated refresh token that could not be stored is lost: this is what the retries make up for.
SECRET_BURST = (1, 2)


def draw(seed: int, assets: Sequence[Asset]) -> list[Trouble]:
    """Draw the troubles in the order of their time; `assets` are such that CMP is asked for."""
    rng = random.Random(f"troubles {seed}")  # noqa: S311 - to be repeated, not to be secret
    drawn: list[Trouble] = [
        *_cmp_faults(rng, assets),
        *_token_troubles(rng),
        *_kills(rng),
        *_aws_troubles(rng),
        Outage(_moment(rng, OUTAGE, OUTAGE + 0.05), OUTAGE_SECONDS),
        Stray(_moment(rng, 0.1, 0.9), "no_job"),
        Stray(_moment(rng, 0.1, 0.9), "unreadable_delivery"),
        Stray(_moment(rng, 0.1, 0.9), "other_event"),
    ]
    return sorted(drawn, key=lambda trouble: trouble.at)


def _cmp_faults(rng: random.Random, assets: Sequence[Asset]) -> Iterable[CmpFault]:
    """Spread the faults evenly over the time before and after the outage, in any order."""
    kinds: list[dict[str, Any]] = [
        *(
            {"kind": "status", "count": 3, "status": 429, "retry_after": after}
            for after in (None, rng.randint(1, 3), RETRY_DATE)
        ),
        *({"kind": "status", "count": 2, "status": status} for status in (500, 502, 504)),
        {"kind": "timeout", "count": 2, "seconds": 20.0},
        {"kind": "slow", "count": 2, "seconds": 2.0},
        {"kind": "malformed"},
        {"kind": "disconnect"},
    ]
    rng.shuffle(kinds)
    half = len(kinds) // 2
    yield from _spread(rng, kinds[:half], 0.03, OUTAGE)
    yield from _spread(rng, kinds[half:], OUTAGE + OUTAGE_SECONDS / LOAD_SECONDS + 0.1, 1.0)
    yield CmpFault(0.0, "redirect", asset=rng.choice(assets))


def _spread(
    rng: random.Random, kinds: Sequence[Mapping[str, Any]], first: float, last: float
) -> Iterable[CmpFault]:
    step = (last - first) / len(kinds)
    for number, options in enumerate(kinds):
        begins = first + step * number
        at, asset_kind = _moment(rng, begins, begins + step / 2), rng.choice(KINDS)
        # Of one kind of assets: each fault that a probe of the breaker met would double its wait.
        yield CmpFault(at, asset_kind=asset_kind, **options)


def _token_troubles(rng: random.Random) -> Iterable[Trouble]:
    expired = ExpiredTokens(_moment(rng, 0.15, 0.25))
    # Whoever asks refresh_token first does not reach it.
    yield AwsTrouble(expired.at, AwsFault("lambda", "dropped"))
    yield expired
    yield RevokedCredentials(_moment(rng, 0.8, 0.85), REVOKED_SECONDS)
    yield ExpiredTokens(_moment(rng, 0.95, 1.0))


def _kills(rng: random.Random) -> Iterable[Kill]:
    for function in FUNCTIONS:
        yield Kill(_moment(rng, 0.1, 0.95), function)
    yield Kill(_moment(rng, 0.1, 0.95), "on_asset_published")


def _aws_troubles(rng: random.Random) -> Iterable[AwsTrouble]:
    for service in SERVICES:
        longest = SECRET_BURST if service == "secretsmanager" else BURST
        for kind, moment in (
            ("throttled", "before"),
            ("failing", "before"),
            ("failing", "after"),
            ("dropped", "before"),
            ("dropped", "after"),
        ):
            fault = AwsFault(service, kind, moment, rng.randint(*longest))  # type: ignore[arg-type]
            yield AwsTrouble(_moment(rng, 0.05, 0.95), fault)


def _moment(rng: random.Random, earliest: float, latest: float) -> float:
    return round(rng.uniform(earliest, latest) * LOAD_SECONDS, 2)
