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
    task, step = _title(event, "task"), _title(event, "sub_step") or _title(event, "step")
    title = ": ".join(filter(None, (task, step))) or "External work in Optimizely CMP"
    facts = {
        "Step": step,
        "Task": task,
        "In CMP": text(at(event, "task", "web_url")),
        "Due": text(at(event, "step", "due_at")) or text(at(event, "task", "due_at")),
    }
    lines = [
        "Optimizely CMP waits for this step of a task.",
        "\n".join(f"{name}: {fact}" for name, fact in facts.items() if fact),
        "\n".join(_assets(event)),
        "Comments are carried in both directions, and so is this ticket's status. When it is"
        " resolved, the step is completed in CMP.",
    ]
    return Draft(label, title, "\n\n".join(filter(None, lines)))


def comment_for_ticket(event: Event) -> str:
    """Return what a comment in CMP says, for the ticket."""
    words = text(at(event, "comment", "value")) or ""
    # An event holds no text that is too long for the bus.
    return f"Comment in CMP:\n\n{words.strip() or '(Please read it in CMP.)'}"


def completed(event: Event) -> str:
    """Return what the ticket is told when the step was completed in CMP."""
    step = _title(event, "sub_step")
    named = f" “{step}”" if step else ""
    return f"The step{named} is completed in CMP."


def started_again(event: Event) -> str:
    """Return what a ticket that is resolved is told when its step starts once more."""
    step = _title(event, "sub_step")
    named = f" “{step}”" if step else ""
    return (
        f"The step{named} has started again in CMP, which waits for this ticket: please reopen it,"
        " and resolve it once more when the work is done."
    )


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


def _assets(event: Event) -> Iterator[str]:
    assets = at(event, "assets")
    listed = assets if isinstance(assets, list) else []
    if listed:
        yield "Assets:"
    for asset in listed[:MOST_ASSETS]:
        title = text(at(asset, "title")) or text(at(asset, "id")) or "without a title"
        kind, url = text(at(asset, "type")), text(at(asset, "web_url"))
        yield f"- {title}{f' ({kind})' if kind else ''}{f': {url}' if url else ''}"
    if len(listed) > MOST_ASSETS:
        yield f"- and {len(listed) - MOST_ASSETS} more"
