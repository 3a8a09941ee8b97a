"""The reception of a delivery: the order in which it is verified, kept, read and passed on.

202 leaves here only after the body is archived, each job is in its queue, and whatever could not be
read is in quarantine.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from cmp_relay import archive, deliveries, gateway, outbox, quarantine, routing, verification
from cmp_relay.aws import Aws
from cmp_relay.deliveries import Problem, Receipt, Split
from cmp_relay.errors import StorageError, UnreadableDeliveryError, UnverifiedCallerError
from cmp_relay.settings import ReceiverSettings

# CMP hangs up after 10 s by its older documentation; an attempt begun by then ends a second earlier
ANSWER_SECONDS = 8.5


@dataclass(frozen=True)
class Reception:
    """Receives deliveries with everything that outlives one of them."""

    settings: ReceiverSettings
    aws: Aws
    logger: Logger
    metrics: Metrics
    secrets: verification.SecretCache = field(default_factory=verification.SecretCache)
    now: Callable[[], float] = time.time

    def answer(self, request: gateway.Request) -> gateway.Answer:
        """Receive one request and say what became of it."""
        if not request.is_webhook:
            self._count("RequestsNotRouted")
            return gateway.not_found()
        try:
            return self._receive(request, self.aws.within(ANSWER_SECONDS))
        except UnverifiedCallerError:
            self._count("DeliveriesRejected")
            return gateway.unauthorized()
        except StorageError as error:
            self.logger.error("delivery not stored", channel=request.channel, detail=str(error))
            self._count("DeliveriesNotStored")
            return gateway.unavailable()

    def _receive(self, request: gateway.Request, aws: Aws) -> gateway.Answer:
        secrets = self.secrets.get(lambda: self._read_secrets(aws))
        matched = verification.verify(self._shown(request), secrets)
        raw, receipt = request.body(), self._receipt(request)
        headers = archive.harmless(request.headers, secrets.appear_in)
        archived = archive.document(receipt, raw, request_id=request.request_id, headers=headers)
        archive.store(aws, self.settings.archive_bucket, receipt, archived)
        event_name, split = _read(raw, receipt)
        self._pass_on(event_name, split, receipt, aws)
        self._tell(request, receipt, event_name, split, matched)
        return gateway.accepted(receipt.delivery_id, len(split.jobs))

    def _read_secrets(self, aws: Aws) -> verification.Secrets:
        try:
            return verification.Secrets.of(aws.secret(self.settings.webhook_secret_arn))
        except StorageError as error:
            self.logger.error("webhook secret not read", detail=str(error))
            self._count("SecretsNotRead")
            raise

    def _shown(self, request: gateway.Request) -> list[str]:
        """Return what the caller shows; always as many values, whatever it sent."""
        header = request.headers.get("callback-secret", "")
        return [header, request.query("key")] if self.settings.allow_url_secret else [header]

    def _receipt(self, request: gateway.Request) -> Receipt:
        delivery_id, received_at = str(uuid.uuid4()), int(self.now() * 1000)
        archive_key = archive.key(delivery_id, received_at)
        return Receipt(delivery_id, received_at, request.channel, archive_key)

    def _pass_on(self, event_name: str | None, split: Split, receipt: Receipt, aws: Aws) -> None:
        """Queue the jobs, quarantine the rest; raises StorageError if something is in neither."""
        if event_name is not None:
            outbox.send(aws, routing.queue_url(self.settings, event_name), split.jobs)
        if split.problems:
            place = quarantine.Place(
                self.settings.quarantine_queue_url, self.settings.catalogue_table
            )
            reason = "unreadable_delivery" if split.whole else "unreadable_entries"
            quarantine.put(
                aws, place, receipt, event_name=event_name, reason=reason, problems=split.problems
            )

    def _tell(
        self,
        request: gateway.Request,
        receipt: Receipt,
        event_name: str | None,
        split: Split,
        matched: str,
    ) -> None:
        self.logger.info(
            "delivery accepted",
            delivery_id=receipt.delivery_id,
            request_id=request.request_id,
            channel=receipt.channel,
            event_name=event_name,
            jobs=len(split.jobs),
            problems=len(split.problems),
        )
        self._count("DeliveriesAccepted")
        self._count("JobsQueued", len(split.jobs))
        if split.problems:
            self._count("DeliveriesQuarantined")
        elif not split.jobs:
            self._count("DeliveriesWithoutAssets")
        # In a metric set of its own: its dimension would become one of all the others
        with single_metric("SecretMatched", MetricUnit.Count, 1) as metric:
            metric.add_dimension("service", self.metrics.service)
            metric.add_dimension("secret", matched)

    def _count(self, name: str, value: int = 1) -> None:
        self.metrics.add_metric(name, MetricUnit.Count, value)


def _read(raw: bytes, receipt: Receipt) -> tuple[str | None, Split]:
    """Return the event's name, as far as there is one, and what the body holds."""
    event_name = None
    try:
        delivery = deliveries.read(raw)
        event_name = delivery.event_name
        return event_name, deliveries.split(delivery, receipt)
    except UnreadableDeliveryError as error:
        return event_name, Split(problems=[Problem("", str(error))], whole=True)
