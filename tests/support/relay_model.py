"""The relay in virtual time: real workers and refresh_token, models of CMP and of the queues."""

import io
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import boto3

from cmp_relay.clients import CONFIG
from cmp_relay.credentials import CredentialsSecret
from cmp_relay.errors import CmpRelayError
from cmp_relay.leases import Leases
from cmp_relay.lookup import REQUEST_SECONDS
from cmp_relay.oauth import TokenEndpoint
from cmp_relay.open_api import OpenApi
from cmp_relay.origins import Origins
from cmp_relay.refresh import Refresh
from cmp_relay.slots import Limits
from cmp_relay.telemetry import logger
from cmp_relay.tokens import TokenSecret, TokenSource
from cmp_relay.worker import Worker
from tests.support import library_jobs
from tests.support.cmp_model import TOKEN_URL, CmpModel
from tests.support.publish_jobs import API, body, entry, link, receipt
from tests.support.queue_model import Message, QueueModel
from tests.support.virtual_time import VirtualTime
from tests.support.worker_stack import WorkerStack, clients

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

LIMITS = Limits(per_second=10, per_minute=100, per_month=200_000, bulk_share=0.7)
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WORKERS = 5
SCHEDULE = 10 * MINUTE
"""How often (ms) refresh_token runs by itself."""


@contextmanager
def relay_model(stack: WorkerStack, limits: Limits = LIMITS) -> Iterator["RelayModel"]:
    """Yield the relay, which keeps the clocks of the stack, with all that it logs left out."""
    level = logger.log_level
    logger.setLevel("CRITICAL")
    try:
        yield RelayModel(stack, limits)
    finally:
        logger.setLevel(level)


class RefreshFunction:
    """Lambda's client, as far as workers need it: it invokes the real refresh_token."""

    def __init__(self, refresh: Refresh) -> None:
        """Invoke this one."""
        self._refresh = refresh

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:
        """Run it to its end."""
        try:
            reply: object = self._refresh.run(json.loads(Payload), f"{FunctionName}-{uuid4()}")
            failure = {}
        except CmpRelayError as error:
            reply, failure = {"errorType": type(error).__name__}, {"FunctionError": "Unhandled"}
        return {"Payload": io.BytesIO(json.dumps(reply).encode()), **failure}


class RelayModel:
    """Queues of publish and library jobs with their workers, under a budget, asking a CMP."""

    def __init__(self, stack: WorkerStack, limits: Limits = LIMITS, workers: int = WORKERS) -> None:
        """Build it around a stack, with so many workers for each queue."""
        random.seed(4)  # back-offs are drawn: every run shall be the same
        self.stack = stack
        self.time = VirtualTime(stack.clock, stack.lease_clock)
        self.cmp = CmpModel(self.time.now, self.time.sleep)
        self._secrets: SecretsManagerClient = boto3.client("secretsmanager", config=CONFIG)
        self._secrets.create_secret(Name="token")
        credentials = json.dumps({"client_id": "id", "client_secret": "secret"})
        self._secrets.create_secret(Name="credentials", SecretString=credentials)
        stack.limits = limits
        stack.sleep = self.time.sleep  # type: ignore[method-assign]
        self.publications = QueueModel(
            self.time, [self._build(stack.worker) for _ in range(workers)]
        )
        self.library = QueueModel(
            self.time, [self._build(stack.library_worker) for _ in range(workers)]
        )
        self._deliveries = 0
        self._scheduled_at = self.time.now()
        self.run(1000)  # until the first token is there

    @property
    def lost(self) -> list[Message]:
        """Return what SQS gave up or deleted by itself."""
        return self.publications.lost + self.library.lost

    @property
    def messages(self) -> list[Message]:
        """Return all messages, those that have ended too."""
        return [
            message
            for queue in (self.publications, self.library)
            for message in (*queue.done, *queue.messages.values(), *queue.lost)
        ]

    @property
    def looks(self) -> list[str]:
        """Return the paths of the assets that CMP was asked for."""
        return [path for path in self.cmp.paths() if path.startswith("/v3/images/")]

    def attempts(self) -> dict[str, int]:
        """Return how many attempts each job that began has used up."""
        return {
            item["pk"].removeprefix("JOB#"): int(item["attempts"])
            for item in self.stack.items("JOB#")
        }

    def publish(self, *asset_ids: str, **fields: object) -> list[str]:
        """Deliver publications of assets that CMP has, and return the ids of their jobs."""
        raw = body("asset_published", [entry(asset_id, **fields) for asset_id in asset_ids])
        for asset_id in asset_ids:
            self.cmp.resources.setdefault(link(asset_id), entry(asset_id))
        return self._deliver(self.publications, raw)

    def change(self, *asset_ids: str) -> list[str]:
        """Deliver a change in CMP's library for each asset, and return the ids of their jobs."""
        sent = []
        for asset_id in asset_ids:
            self.cmp.resources.setdefault(link(asset_id), entry(asset_id))
            raw = library_jobs.body("asset_modified", asset_id)
            sent += self._deliver(self.library, raw)
        return sent

    def run(self, milliseconds: int | None = None) -> None:
        """Let the workers work for so long, or until they have nothing left to do."""
        until = None if milliseconds is None else self.time.now() + milliseconds
        while self.publications.messages or self.library.messages or until:
            moment = self._next()
            if until and moment > until:
                self.time.jump(until)
                return
            self._step(moment)

    def _next(self) -> int:
        moments = (
            self._scheduled_at,
            self.time.next_turn(),
            self.publications.next_receive(),
            self.library.next_receive(),
        )
        return min(moment for moment in moments if moment is not None)

    def _step(self, moment: int) -> None:
        self.time.jump(moment)
        if self._scheduled_at <= moment:
            self._scheduled_at += SCHEDULE
            self.time.start(self._refresh_by_schedule)
            return
        for queue in (self.publications, self.library):
            receive = queue.next_receive()
            if receive is not None and receive <= moment:
                queue.receive()
                return
        self.time.give_turn()

    def _refresh_by_schedule(self) -> None:
        with suppress(CmpRelayError):  # a failed invocation
            self._refresh().run({"source": "schedule"}, f"schedule-{self.time.now()}")

    def _deliver(self, queue: QueueModel, raw: bytes) -> list[str]:
        self._deliveries += 1
        messages = self.stack.deliver(raw, receipt(f"delivery-{self._deliveries}", self.time.now()))
        for message in messages:
            queue.send(message)
        return [json.loads(message)["job_id"] for message in messages]

    def _build(self, worker: Callable[[], Worker[Any]]) -> Worker[Any]:
        # The real one in the place of the fake, of its own for each environment.
        self.stack.api = self._open_api()  # type: ignore[assignment]
        return worker()

    def _open_api(self) -> OpenApi:
        seconds = self.stack.clock.seconds
        refresh = cast("LambdaClient", RefreshFunction(self._refresh()))
        tokens = TokenSource(self._secrets, lambda: refresh, "token", "refresh-token", seconds)
        origins = Origins.parse(["https://api.cmp.optimizely.com"])
        return OpenApi(self.cmp.client(), tokens, origins, API, REQUEST_SECONDS, now=seconds)

    def _refresh(self) -> Refresh:
        seconds = self.stack.clock.seconds
        return Refresh(
            TokenSecret(self._secrets, "token"),
            CredentialsSecret(self._secrets, "credentials", "client_credentials"),
            Leases(clients("workers").table, "catalogue", now=seconds),
            TokenEndpoint(self.cmp.client(), TOKEN_URL, "client_credentials", now=seconds),
            record=lambda _name, _unit, _value: None,
            now=seconds,
        )
