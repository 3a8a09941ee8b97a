"""What was injected, by names: what a plan promises, and how often each was met."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

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
    from collections.abc import Iterable, Mapping

    from tools.chaos.plan import Trouble
    from tools.stand_in.records import DownloadRecord, RequestRecord

EXPIRED = "access tokens expired"
REVOKED = "credentials revoked"


def promised(troubles: Iterable[Trouble]) -> set[str]:
    """Return the names of all troubles of a plan that a run has to meet."""
    return {_name(trouble) for trouble in troubles if not isinstance(trouble, Stray)}


def met(
    requests: Iterable[RequestRecord],
    downloads: Iterable[DownloadRecord],
    aws: Mapping[str, int],
    done: Mapping[str, int],
) -> Counter[str]:
    """Count what was met: by requests, downloads, calls of AWS, and what the driver did itself.

    `requests` are those to CMP and to Jira.
    """
    faults = Counter(
        _fault_name(_where(one["path"]), one["fault"], one["status"])
        for one in requests
        if one["fault"]
    )
    faults += Counter(
        _fault_name("file", one["fault"], one["status"]) for one in downloads if one["fault"]
    )
    return Counter(done) + faults + Counter({f"AWS {name}": count for name, count in aws.items()})


def killed(kill: Kill) -> str:
    """Name the end of a function's execution environments."""
    return f"{kill.function} killed" + (" amid an upload" if kill.amid_upload else "")


def _name(trouble: Trouble) -> str:
    match trouble:
        case CmpFault():
            return _fault_name("CMP", trouble.kind, trouble.status)
        case TalkFault():
            return _fault_name(trouble.where, trouble.kind, trouble.status)
        case FileFault():
            return _fault_name("file", trouble.kind, trouble.status)
        case Outage():
            return _fault_name("CMP", "status", 503)
        case ExpiredTokens():
            return EXPIRED
        case RevokedCredentials():
            return REVOKED
        case Kill():
            return killed(trouble)
        case AwsTrouble():
            return f"AWS {trouble.fault.name}"
        case Stray():
            return f"stray {trouble.kind}"


def _where(path: str) -> str:
    prefixes = {
        "/v3/tasks": "CMP tasks",
        "/v3/publishing-events": "CMP reports",
        "/rest/api/": "Jira",
    }
    return next((name for prefix, name in prefixes.items() if path.startswith(prefix)), "CMP")


def _fault_name(where: str, fault: str, status: int | None) -> str:
    return f"{where} {fault} {status}" if fault == "status" else f"{where} {fault}"
