"""What was injected, by names: what a plan promises, and how often each was met."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

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
    from collections.abc import Iterable, Mapping

    from tools.chaos.plan import Trouble
    from tools.stand_in.records import RequestRecord

EXPIRED = "access tokens expired"
REVOKED = "credentials revoked"


def promised(troubles: Iterable[Trouble]) -> set[str]:
    """Return the names of all troubles of a plan that a run has to meet."""
    return {_name(trouble) for trouble in troubles if not isinstance(trouble, Stray)}


def met(
    requests: Iterable[RequestRecord], aws: Mapping[str, int], done: Mapping[str, int]
) -> Counter[str]:
    """Count what was met: by CMP's requests, by calls of AWS, and what the driver did itself."""
    faults = Counter(
        _cmp_name(str(one["fault"]), one["status"]) for one in requests if one["fault"]
    )
    return Counter(done) + faults + Counter({f"AWS {name}": count for name, count in aws.items()})


def killed(function: str) -> str:
    """Name the end of a function's execution environments."""
    return f"{function} killed"


def _name(trouble: Trouble) -> str:
    match trouble:
        case CmpFault():
            return _cmp_name(trouble.kind, trouble.status)
        case Outage():
            return _cmp_name("status", 503)
        case ExpiredTokens():
            return EXPIRED
        case RevokedCredentials():
            return REVOKED
        case Kill():
            return killed(trouble.function)
        case AwsTrouble():
            return f"AWS {trouble.fault.name}"
        case Stray():
            return f"stray {trouble.kind}"


def _cmp_name(fault: str, status: int | None) -> str:
    return f"CMP {fault} {status}" if fault == "status" else f"CMP {fault}"
