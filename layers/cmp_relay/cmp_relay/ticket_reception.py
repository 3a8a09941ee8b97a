"""The reception of a ticket system's webhook, in the order of `reception`: verified, kept, queued.

202 leaves here only after the body is archived and its job is in the queue, or the body is in
quarantine since nobody can read it.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from cmp_relay import archive, gateway, jira_webhook, outbox, quarantine, verification
from cmp_relay.aws import Aws
from cmp_relay.deliveries import Problem, Receipt
from cmp_relay.errors import StorageError, UnreadableDeliveryError, UnverifiedCallerError
from cmp_relay.settings import TicketReceiverSettings

# A webhook of Jira that gets no answer within seconds counts as failed.
ANSWER_SECONDS = 8.5
ARCHIVE_FOLDER = "tickets"
"""Apart from what CMP delivers: whoever replays that, or draws up a ledger, reads all of it."""
LARGEST_BODY = 4_000_000
"""Bytes, before anything is reckoned with them; Lambda takes hardly more."""


@dataclass(frozen=True)
class TicketReception:
    """Receives webhooks of Jira with everything that outlives one of them."""

    settings: TicketReceiverSettings
    aws: Aws
    logger: Logger
    metrics: Metrics
    secrets: verification.SecretCache = field(default_factory=verification.SecretCache)
    now: Callable[[], float] = time.time

    def answer(self, request: gateway.Request) -> gateway.Answer:
        """Receive one request and say what became of it."""
        if not (request.is_ticket_webhook and self.settings.jira_base_url):
            self._count("RequestsNotRouted")
            return gateway.not_found()
        raw = request.body()
        if len(raw) > LARGEST_BODY:
            self._count("TicketWebhooksTooLarge")
            return gateway.too_large()
        try:
            return self._receive(request, raw, self.aws.within(ANSWER_SECONDS))
        except UnverifiedCallerError:
            self._count("TicketWebhooksRejected")
            return gateway.unauthorized()
        except StorageError as error:
            self.logger.error("ticket webhook not stored", detail=str(error))
            self._count("TicketWebhooksNotStored")
            return gateway.unavailable()

    def _receive(self, request: gateway.Request, raw: bytes, aws: Aws) -> gateway.Answer:
        secrets = self.secrets.get(lambda: self._read_secrets(aws))
        signature = request.headers.get(jira_webhook.SIGNATURE, "")
        matched = jira_webhook.verify(signature, raw, secrets)
        receipt = self._receipt()
        headers = archive.harmless(request.headers, secrets.appear_in)
        archived = archive.document(receipt, raw, request_id=request.request_id, headers=headers)
        archive.store(aws, self.settings.archive_bucket, receipt, archived)
        jobs = self._pass_on(raw, receipt, aws)
        self.logger.info(
            "ticket webhook accepted",
            delivery_id=receipt.delivery_id,
            request_id=request.request_id,
            jobs=jobs,
            secret=matched,
        )
        self._count("TicketWebhooksAccepted")
        return gateway.accepted(receipt.delivery_id, jobs)

    def _pass_on(self, raw: bytes, receipt: Receipt, aws: Aws) -> int:
        """Queue the job, or quarantine the body; raises StorageError if it is in neither."""
        try:
            jobs = jira_webhook.jobs(raw, receipt)
        except UnreadableDeliveryError as error:
            place = quarantine.Place(
                self.settings.quarantine_queue_url, self.settings.catalogue_table
            )
            problems = [Problem("", str(error))]
            quarantine.put(
                aws, place, receipt, event_name=None, reason=error.reason, problems=problems
            )
            return 0
        outbox.send(aws, self.settings.ticket_queue_url, jobs)
        return len(jobs)

    def _read_secrets(self, aws: Aws) -> verification.Secrets:
        try:
            return verification.Secrets.of(aws.secret(self.settings.jira_webhook_secret_arn))
        except StorageError as error:
            self.logger.error("Jira's webhook secret not read", detail=str(error))
            self._count("SecretsNotRead")
            raise

    def _receipt(self) -> Receipt:
        delivery_id, received_at = str(uuid.uuid4()), int(self.now() * 1000)
        archive_key = archive.key(delivery_id, received_at, ARCHIVE_FOLDER)
        return Receipt(delivery_id, received_at, jira_webhook.CHANNEL, archive_key)

    def _count(self, name: str) -> None:
        self.metrics.add_metric(name, MetricUnit.Count, 1)
