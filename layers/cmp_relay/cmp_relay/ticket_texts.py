"""What tickets and comments say: composed from what CMP or the ticket system tells of the work."""

from collections.abc import Iterator, Mapping
from typing import Any

from cmp_relay.fields import at, text
from cmp_relay.tickets import Draft, Ticket, TicketComment

LONGEST_COMMENT = 19_000
"""Characters of a comment in CMP; the command takes 20,000 (`commands.Comment`)."""
MOST_ASSETS = 50
LONGEST = {"identifier": 50, "title": 128, "status": 128, "url": 500}
"""Characters that CMP takes of a ticket (facts.md 6)."""

Event = Mapping[str, Any] | None


def draft(event: Event, label: str) -> Draft:
    """Return the ticket of a sub-step: its task, what is asked for, and the task's assets."""
    task, step = _title(event, "task"), _title(event, "sub_step")
    title = ": ".join(filter(None, (task, step))) or "External work in Optimizely CMP"
    lines = [f"Optimizely CMP waits for this step: {step or 'an external step'}."]
    if task:
        lines.append(f"Task: {task}")
    link = _link(at(event, "task"))
    if link:
        lines.append(f"In CMP: {link}")
    assets = list(_assets(event))
    if assets:
        lines.append("\n".join(("Assets:", *assets)))
    lines.append(
        "Comments are carried in both directions, and so is this ticket's status. When it is"
        " resolved, the step is completed in CMP."
    )
    return Draft(label, title, "\n\n".join(lines))


def comment_for_ticket(event: Event) -> str | None:
    """Return what a comment in CMP says, for the ticket; None if it says nothing."""
    words = text(at(event, "comment", "value")) or text(at(event, "comment", "text"))
    if words is None or not words.strip():
        return None
    author = _author(at(event, "comment"))
    return f"{author} commented in CMP:\n\n{words.strip()}"


def completed(event: Event) -> str:
    """Return what the ticket is told when the step was completed in CMP."""
    step = _title(event, "sub_step")
    named = f" “{step}”" if step else ""
    return f"The step{named} is completed in CMP."


def comment_for_cmp(key: str, comment: TicketComment) -> str:
    """Return what a comment on the ticket says, for CMP: cut, if it is longer than CMP takes."""
    words = comment.text.strip() or "(no text)"
    if len(words) > LONGEST_COMMENT:
        words = f"{words[:LONGEST_COMMENT].rstrip()}\n\n[…]"
    author = (comment.author or "Somebody")[:200]
    return f"{author} commented on {key}:\n\n{words}"


def rejected(ticket: Ticket) -> str:
    """Return what CMP is told of a ticket that was rejected: it has no such state (facts.md 6)."""
    how = ticket.resolution if ticket.done and ticket.resolution else ticket.status
    return f"{ticket.key} was rejected: {how[:200]}. This step stays open."


def link(ticket: Ticket) -> dict[str, str]:
    """Return what CMP is to show of a ticket, within its limits."""
    told = {
        "identifier": ticket.key,
        "title": ticket.title[: LONGEST["title"]],
        "status": ticket.status[: LONGEST["status"]],
        "url": ticket.url or "",
    }
    return {name: value for name, value in told.items() if value and len(value) <= LONGEST[name]}


def _title(event: Event, part: str) -> str | None:
    title = text(at(event, part, "title"))
    return " ".join(title.split()) if title and title.strip() else None


def _link(part: object) -> str | None:
    return text(at(part, "url")) or text(at(part, "links", "self")) or text(at(part, "href"))


def _author(comment: object) -> str:
    author = text(at(comment, "author", "name")) or text(at(comment, "author"))
    return author or "Somebody"


def _assets(event: Event) -> Iterator[str]:
    assets = at(event, "assets")
    listed = assets if isinstance(assets, list) else []
    for asset in listed[:MOST_ASSETS]:
        title = text(at(asset, "title")) or text(at(asset, "id"))
        if title:
            kind, where = text(at(asset, "type")), _link(asset)
            yield f"- {title}{f' ({kind})' if kind else ''}{f': {where}' if where else ''}"
    if len(listed) > MOST_ASSETS:
        yield f"- and {len(listed) - MOST_ASSETS} more"
