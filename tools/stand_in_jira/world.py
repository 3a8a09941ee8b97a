"""Everything that one stand-in Jira consists of."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field

from tools.stand_in.faults import Faults
from tools.stand_in.request_log import RequestLog
from tools.stand_in_jira.issues import Issues
from tools.stand_in_jira.webhooks import Webhooks


@dataclass
class World:
    """The state behind one address, and whose credentials it takes."""

    base: str
    email: str
    api_token: str
    issues: Issues = field(default_factory=Issues)
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        """Make what needs the address or the credentials."""
        self.webhooks = Webhooks(self.base)
        self.requests = RequestLog(self.judge)

    def judge(self, authorization: str | None) -> str:
        """Tell what an Authorization header is worth: valid, unknown or none."""
        if authorization is None:
            return "none"
        pair = b64encode(f"{self.email}:{self.api_token}".encode()).decode()
        good = {f"Basic {pair}", f"Bearer {self.api_token}"}
        return "valid" if authorization in good else "unknown"

    def clear(self) -> None:
        """Forget all that has happened."""
        self.issues.clear()
        self.webhooks.clear()
        self.faults.pending.clear()
        self.requests.records.clear()
