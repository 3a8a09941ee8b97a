"""The ticket system as the relay needs it, whichever it is, and what a ticket's state tells CMP.

Another system than Jira is another class with the methods of `Tickets`, and another reader of its
webhooks (`jira_webhook`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Protocol

Verdict = Literal["open", "done", "rejected"]
LABEL = "cmp-relay"
"""On each ticket of ours, so that the ticket system can be asked to tell of these alone."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket that is to be opened; `label` is found on no other."""

    label: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it is: `key` is what people call it, `url` where they look at it (https).

    `done` says that nobody works on it any more, `resolution` how that came about.
    """

    id: str
    key: str
    title: str
    status: str
    done: bool
    resolution: str | None = None
    url: str | None = None
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TicketComment:
    """A comment on a ticket; `restricted` if not everybody who sees the ticket sees it too."""

    id: str
    text: str
    author: str | None
    created_at: int | None
    restricted: bool = False


class Tickets(Protocol):
    """One ticket system; every method raises ApiErrors, and PostponedError if it has to wait.

    UnavailableError leaves open whether something was written; every other error says that nothing
    was.
    """

    name: str

    def open(self, draft: Draft) -> str:
        """Open a ticket and return its id."""

    def find(self, label: str) -> str | None:
        """Return the id of the ticket with this label; one just opened may not be found yet."""

    def read(self, ticket_id: str) -> Ticket:
        """Return the ticket as it is by now."""

    def comment(self, ticket_id: str, text: str, mark: str) -> str:
        """Write a comment that ends with our mark, and return its id."""

    def comments(self, ticket_id: str) -> Iterator[TicketComment]:
        """Go through all comments, the newest first."""

    def one_comment(self, ticket_id: str, comment_id: str) -> TicketComment:
        """Return one comment as it is by now."""


def label_of(sub_step_id: str) -> str:
    """Return the label of the ticket of a sub-step."""
    digest = sha256(sub_step_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{LABEL}-{digest[:16]}"


def verdict(ticket: Ticket, rejected: frozenset[str]) -> Verdict:
    """Return what was decided; `rejected` names statuses and resolutions in lower case."""
    named = {(ticket.status or "").casefold(), (ticket.resolution or "").casefold()}
    if named & rejected:
        return "rejected"
    return "done" if ticket.done else "open"
