"""All parts of the stand-in together, and how they start afresh."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.stand_in.faults import Faults
from tools.stand_in.limits import Limits
from tools.stand_in.oauth import OAuth
from tools.stand_in.request_log import RequestLog
from tools.stand_in.sender import Sender
from tools.stand_in.world import World


@dataclass
class Cmp:
    """The state of one stand-in, in memory; the credentials are those that it starts with."""

    client_id: str
    client_secret: str
    world: World = field(default_factory=World)
    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)
    sender: Sender = field(default_factory=Sender)
    oauth: OAuth = field(init=False)
    requests: RequestLog = field(init=False)

    def __post_init__(self) -> None:
        """Give the token endpoint its client, and the log its judge of tokens."""
        self.oauth = OAuth(self.client_id, self.client_secret)
        self.requests = RequestLog(self.oauth.bearer)

    def reset(self) -> None:
        """Start afresh; tokens stay good, since a relay that runs holds one of them."""
        self.world.clear()
        self.limits.clear()
        self.faults.pending.clear()
        self.sender.clear()
        self.requests.records.clear()
        self.oauth.restore(self.client_id, self.client_secret)
