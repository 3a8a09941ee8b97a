"""Troubles: what goes wrong while the load runs, drawn by a seed; each kind at least once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from tools.chaos.aws_faults import FILES, AwsFault
from tools.chaos.lives import KINDS, LOAD_SECONDS
from tools.chaos.plan import (
    AwsTrouble,
    CmpFault,
    ExpiredTokens,
    FileFault,
    Kill,
    Outage,
    RevokedCredentials,
    Stray,
    TalkFault,
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
    "receive_ticket",
)
"""Workers that are killed at any moment; that of files amid an upload, which has troubles enough:
five attempts that come to nothing would end its job."""
AT_WORK = {
    "run_command": "COMMAND",
    "on_external_work": "EXTERNAL_WORK",
    "on_other_event": "OTHER_EVENT",
    "on_ticket": "TICKET",
}
"""Workers that have little to do, and the queues in which it is to be seen that they do it."""
TASKS = "/v3/tasks"
REPORTS = "/v3/publishing-events"
JIRA = "/rest/api/3/"
ISSUES = "/rest/api/3/issue"
SERVICES = ("dynamodb", "events", "s3", "secretsmanager", "sqs", FILES)
OUTAGE = 0.42
"""When CMP's outage begins, as a part of the load."""
OUTAGE_SECONDS = 30.0
REVOKED_SECONDS = 8.0
RETRY_DATE = "date"
"""Stands for an HTTP date some seconds away: only the driver knows what time it will be."""
# Calls about files are rare, so that faults gather: all of them may befall one job.
FILE_BURST = (1, 1)
LONGEST_FILE_BURST = 3
# botocore asks three times: a longer burst makes calls fail for good.
BURST = (4, 10)
# A rotated refresh token that could not be stored is lost: this is what the retries make up for.
SECRET_BURST = (1, 2)


def draw(seed: int, assets: Sequence[Asset], downloaded: Sequence[Asset]) -> list[Trouble]:
    """Draw the troubles in the order of their time.

    `assets` are such that CMP is asked for, `downloaded` such whose files are asked for.
    """
    rng = random.Random(f"troubles {seed}")  # noqa: S311 - to be repeated, not to be secret
    drawn: list[Trouble] = [
        *_cmp_faults(rng, assets),
        *_file_troubles(random.Random(f"files {seed}"), downloaded),  # noqa: S311
        *_token_troubles(rng),
        *_kills(rng),
        *_aws_troubles(rng),
        Outage(_moment(rng, OUTAGE, OUTAGE + 0.05), OUTAGE_SECONDS),
        Stray(_moment(rng, 0.1, 0.9), "no_job"),
        Stray(_moment(rng, 0.1, 0.9), "unreadable_delivery"),
        *_talk_troubles(random.Random(f"talks {seed}")),  # noqa: S311
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


def _file_troubles(rng: random.Random, assets: Sequence[Asset]) -> Iterable[Trouble]:
    """Let one or two things befall the first downloads of an asset: five would end its job."""
    assets = [asset for asset in assets if asset.has_files]
    files = [asset for asset in assets if asset.is_a_file and not asset.size]
    rng.shuffle(files)
    private = next((asset for asset in files if asset.is_private), files[0])
    public = [asset for asset in files if not asset.is_private] or files
    large = next((asset for asset in assets if asset.size), files[0])
    others = [one for one in assets if one not in (*public, private, large)] or files
    # Those after which a file has come are last: two may befall the same asset.
    kinds: list[dict[str, Any]] = [
        {"kind": "truncated", "count": 2},
        {"kind": "length", "count": 1, "more_bytes": -1},
        {"kind": "length", "count": 1, "more_bytes": 7},
        {"kind": "type", "count": 1},
        {"kind": "redirect", "count": 1},
        {"kind": "slow", "count": 1, "bytes_per_second": 10_000},
    ]
    for number, options in enumerate(kinds):
        yield FileFault(0.0, asset=public[number % len(public)], **options)
    yield FileFault(0.0, "status", 2, private, status=403)
    yield FileFault(0.0, "slow", 2, large, bytes_per_second=1_500_000)
    yield FileFault(0.0, "truncated", 1, large, after_bytes=12_000_000)
    yield Kill(0.0, "on_asset_file", amid_upload=True)
    for asset in others[:3]:
        yield FileFault(0.0, "status", 2, asset, status=503)


def _talk_troubles(rng: random.Random) -> Iterable[Trouble]:
    """Let two or three things befall what is said to tasks, to Jira and of publications."""
    # An answer to a new ticket that is lost, not one that breaks off: nobody knows what that did,
    # and for five minutes Jira's search does not say either.
    yield TalkFault(0.0, "Jira", "lost", ISSUES, method="POST")
    yield TalkFault(0.0, "CMP reports", "lost", REPORTS, method="POST")
    yield TalkFault(_moment(rng, 0.4, 0.5), "CMP reports", "status", REPORTS, status=500)
    faults: list[dict[str, Any]] = [
        {"where": "CMP tasks", "path": TASKS, "kind": "status", "status": 429, "retry_after": 1},
        {"where": "CMP tasks", "path": TASKS, "kind": "status", "status": 500},
        {"where": "CMP tasks", "path": TASKS, "kind": "timeout"},
        {"where": "CMP tasks", "path": TASKS, "kind": "lost", "method": "POST", "count": 2},
        {"where": "Jira", "path": JIRA, "kind": "status", "status": 429, "retry_after": 2},
        {"where": "Jira", "path": f"{ISSUES}/", "kind": "status", "status": 500},
        {"where": "Jira", "path": f"{ISSUES}/", "kind": "timeout"},
        {"where": "Jira", "path": f"{ISSUES}/", "kind": "lost", "method": "POST", "count": 2},
    ]
    for options in faults:
        yield TalkFault(_moment(rng, 0.25, 0.8), **options)
    yield TalkFault(_moment(rng, 0.9, 1.0), "CMP tasks", "lost", TASKS, method="PATCH")
    yield TalkFault(_moment(rng, 0.15, 0.2), "CMP reports", "status", REPORTS, status=429)
    for function, queue in AT_WORK.items():
        yield Kill(_moment(rng, 0.15, 0.6), function, queue=queue)


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
    yield AwsTrouble(_moment(rng, 0.2, 0.8), AwsFault(FILES, "failing", calls=LONGEST_FILE_BURST))
    for service in SERVICES:
        longest = {"secretsmanager": SECRET_BURST, FILES: FILE_BURST}.get(service, BURST)
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
