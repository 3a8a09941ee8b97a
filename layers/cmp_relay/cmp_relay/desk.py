"""The desk: where a worker asks and tells CMP what concerns one resource, one worker at a time.

The lease of the resource keeps the slot of the API budget if its moment is not near, and keeps two
workers from telling CMP the same thing side by side.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

from cmp_relay import clients, lookup
from cmp_relay.leases import Leases
from cmp_relay.lookup import Access
from cmp_relay.open_api import OpenApi
from cmp_relay.slots import Lane

LEASE_SECONDS = 60
"""No worker lives longer, so a lease that has ended has no holder."""
LONGEST_NAME = 128
"""Characters of a name that a lease takes as it is; a key of DynamoDB's has 2,048 bytes at most."""


@dataclass(frozen=True, slots=True)
class Desk:
    """CMP's Open API, resource by resource."""

    access: Access
    leases: Leases

    @contextmanager
    def at(self, resource: str, errand: int, lane: Lane | None = None) -> Iterator[OpenApi]:
        """Hold a resource for so many requests in a row; raises LeaseHeldError.

        `lane` is another lane than that of the function.
        """
        name = _short(resource)
        with self.leases.held(name, str(uuid.uuid4()), LEASE_SECONDS) as lease:
            yield self.access.api.behind(self.access.permits.of(lease, errand, lane))


def _short(resource: str) -> str:
    """Return what stands for a resource: a link may be longer than a key, and logs show names.

    So a link with a query, which nobody is to read there, never stands for itself.
    """
    if len(resource) <= LONGEST_NAME and "?" not in resource:
        return resource
    kind = resource.partition("#")[0]
    return f"{kind}#{sha256(resource.encode()).hexdigest()}"


def build(environment: Mapping[str, str], table_name: str) -> Desk:
    """Build what a function's environment names, in the live lane; raises SettingsError."""
    return Desk(
        access=lookup.build_access(environment, table_name, "live"),
        leases=Leases(clients.dynamodb(), table_name),
    )
