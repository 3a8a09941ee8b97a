"""Sends deliveries to the webhook as CMP does: 200 and 202 are delivered, all else is tried again.

CMP retries with exponential back-off for three days; here the webhook says how long.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import BaseModel, ConfigDict, Field

from tools.stand_in.records import DeliveryRecord

if TYPE_CHECKING:
    from tools.stand_in.webhook import Webhook

DELIVERED = (200, 202)


class NoWebhookError(Exception):
    """Something is to be sent before a webhook is registered."""


class Manner(BaseModel):
    """How deliveries are sent: how many copies, at once or in turn, how late, in which order."""

    model_config = ConfigDict(extra="forbid")

    channel: str | None = None
    headers: dict[str, str | None] = Field(default_factory=dict)
    copies: int = Field(default=1, ge=0)
    concurrent: bool = False
    delay_seconds: float = Field(default=0.0, ge=0)
    shuffle_seed: int | None = None


@dataclass
class Sender:
    """Sends bodies and keeps the log of what became of them."""

    webhook: Webhook | None = None
    records: list[DeliveryRecord] = field(default_factory=list)

    async def send(self, bodies: list[str], manner: Manner) -> list[DeliveryRecord]:
        """Send each body in that manner and wait until all were delivered or given up."""
        if (webhook := self.webhook) is None:
            raise NoWebhookError
        queue = _ordered(bodies * manner.copies, manner.shuffle_seed)
        await asyncio.sleep(manner.delay_seconds)
        # Without the environment's proxies, and without connections left over from earlier sends.
        async with httpx.AsyncClient(trust_env=False, timeout=webhook.timeout_seconds) as client:
            calls = (self._deliver(client, webhook, body, manner) for body in queue)
            if manner.concurrent:
                return list(await asyncio.gather(*calls))
            return [await call for call in calls]

    def clear(self) -> None:
        """Forget the webhook and what was sent to it."""
        self.webhook = None
        self.records.clear()

    async def _deliver(
        self, client: httpx.AsyncClient, webhook: Webhook, body: str, manner: Manner
    ) -> DeliveryRecord:
        at, attempts = time.time(), 0
        while True:
            response = await _attempt(client, webhook, body, manner)
            attempts += 1
            delivered = response is not None and response.status_code in DELIVERED
            if delivered or attempts == webhook.attempts:
                break
            await asyncio.sleep(webhook.retry_base_seconds * 2 ** (attempts - 1))
        record = DeliveryRecord(
            at=at,
            event_name=_event_name(body),
            channel=manner.channel,
            delivered=delivered,
            status=None if response is None else response.status_code,
            attempts=attempts,
            response=None if response is None else _content(response),
        )
        self.records.append(record)
        return record


async def _attempt(
    client: httpx.AsyncClient, webhook: Webhook, body: str, manner: Manner
) -> httpx.Response | None:
    url, headers = webhook.target(manner.channel), webhook.headers(manner.headers)
    try:
        return await client.post(url, content=body.encode(), headers=headers)
    except httpx.TransportError:
        return None


def _ordered(bodies: list[str], seed: int | None) -> list[str]:
    if seed is not None:
        random.Random(seed).shuffle(bodies)  # noqa: S311 - an order to repeat, not a secret
    return bodies


def _event_name(body: str) -> str | None:
    parsed = _parsed(body)
    name = parsed.get("event_name") if isinstance(parsed, dict) else None
    return name if isinstance(name, str) else None


def _content(response: httpx.Response) -> object:
    parsed = _parsed(response.text)
    return response.text if parsed is None else parsed


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON, or none
    try:
        return json.loads(text)
    except ValueError:
        return None
