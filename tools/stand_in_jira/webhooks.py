"""Jira's webhooks: signed, sent once something has happened, and again if they are not taken.

As the documentation says: five more attempts after 408, 409, 425, 429, 5xx or no answer at all,
with the same X-Atlassian-Webhook-Identifier; the pause between them is set by who registers.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import uuid4

import httpx
from pydantic import BaseModel, ConfigDict, Field

from tools.stand_in_jira import views

if TYPE_CHECKING:
    from tools.stand_in_jira.issues import Change, Comment, Issue, Person

LOOPBACK = "127.0.0.1"
RETRIED = {408, 409, 425, 429}
ATTEMPTS = 6


class Registration(BaseModel):
    """Where webhooks go, with which secret, for issues of which label, how often each."""

    model_config = ConfigDict(extra="forbid")

    url: str
    secret: str | None = None
    label: str | None = None
    copies: int = Field(default=1, ge=1)
    retry_seconds: float = Field(default=0.2, ge=0)

    def headers(self, body: bytes) -> dict[str, str]:
        """Build the headers of one delivery."""
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Host": httpx.URL(self.url).netloc.decode(),
            "User-Agent": "Atlassian HttpClient",
            "X-Atlassian-Webhook-Identifier": str(uuid4()),
            "X-Atlassian-Webhook-Flow": "Primary",
        }
        if self.secret is not None:
            digest = hmac.new(self.secret.encode(), body, "sha256").hexdigest()
            headers["X-Hub-Signature"] = f"sha256={digest}"
        return headers

    def target(self) -> httpx.URL:
        """Tell the URL, on the loopback address for `*.localhost` (RFC 6761)."""
        url = httpx.URL(self.url)
        return url.copy_with(host=LOOPBACK) if url.host.endswith(".localhost") else url


class Sent(TypedDict):
    """One webhook: its last status (None if nobody answered), and how often it was tried."""

    event: str
    issue: str
    status: int | None
    attempts: int
    body: str


@dataclass
class Webhooks:
    """Sends what happens in the background, and keeps the log of it."""

    base: str
    registration: Registration | None = None
    sent: list[Sent] = field(default_factory=list)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def clear(self) -> None:
        """Forget who is registered and what was sent."""
        self.registration = None
        self.sent.clear()

    async def settle(self) -> None:
        """Wait until everything that has happened was told, or given up."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    def opened(self, issue: Issue, user: Person) -> None:
        """Tell that an issue was opened."""
        content = {"user": views.person(user), "issue": views.issue(self.base, issue)}
        self._tell("jira:issue_created", issue, content)

    def changed(self, issue: Issue, change: Change, user: Person) -> None:
        """Tell of a change of an issue."""
        content = {
            "issue_event_type_name": "issue_generic",
            "user": views.person(user),
            "issue": views.issue(self.base, issue),
            "changelog": {"id": change.id, "items": change.items},
        }
        self._tell("jira:issue_updated", issue, content)

    def commented(self, issue: Issue, comment: Comment) -> None:
        """Tell of a comment, twice: as an event of its own, and as one of the issue."""
        told = views.told_comment(self.base, issue.id, comment)
        shown = views.issue(self.base, issue, views.COMMENT_FIELDS)
        self._tell("comment_created", issue, {"comment": told, "issue": shown})
        content = {
            "issue_event_type_name": "issue_commented",
            "user": views.person(comment.author),
            "issue": views.issue(self.base, issue),
            "comment": told,
        }
        self._tell("jira:issue_updated", issue, content)

    def _tell(self, event: str, issue: Issue, content: dict[str, Any]) -> None:
        to = self.registration
        if to is None or (to.label and to.label not in issue.fields.get("labels", ())):
            return
        told = {"timestamp": int(time.time() * 1000), "webhookEvent": event, **content}
        for _ in range(to.copies):
            task = asyncio.create_task(self._deliver(to, event, issue.key, json.dumps(told)))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _deliver(self, to: Registration, event: str, key: str, text: str) -> None:
        body = text.encode()
        headers, status, attempts = to.headers(body), None, 0
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            while attempts < ATTEMPTS:
                attempts += 1
                status = await _attempt(client, to.target(), body, headers)
                if status is not None and status < 500 and status not in RETRIED:
                    break
                await asyncio.sleep(to.retry_seconds)
        self.sent.append(Sent(event=event, issue=key, status=status, attempts=attempts, body=text))


async def _attempt(
    client: httpx.AsyncClient, url: httpx.URL, body: bytes, headers: dict[str, str]
) -> int | None:
    try:
        return (await client.post(url, content=body, headers=headers)).status_code
    except httpx.TransportError:
        return None
