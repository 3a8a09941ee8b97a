"""Every error of the relay, and the one question that decides what becomes of a job.

CmpRelayError
├── SettingsError              a function's environment is incomplete
├── UnverifiedCallerError      a caller did not show an accepted secret
├── UnreadableDeliveryError    a verified delivery that we cannot make sense of
├── StorageError               something was not stored durably; CMP has to send it again
├── UnreadableJobError         a queue message that is not a job
├── InvalidCommandError        a command that says nothing that can be done
├── ArchiveError               the archived delivery of a job is not there or not readable
├── ConflictError              somebody else wrote the same item first
├── AnnouncementError          the bus did not take an event
├── StaleReadError             CMP answered with something older than what it announced
├── PostponedError             not now, and nobody's fault: comes back, not counted as an attempt
│   ├── LeaseHeldError         another worker is busy with the same resource
│   ├── AppointmentError       the API budget has a slot for the request, but later
│   ├── QuotaError             the month's requests to CMP are used up
│   ├── NotAskedError          this caller is not to ask CMP now, or has no token to ask with
│   ├── CredentialsError       a person has to repair credentials first, CMP's or Jira's
│   ├── WrongSettingsError     a person has to mend parameters of the stack first
│   ├── TicketMissingError     the ticket that something belongs to has not been opened yet
│   └── TicketsBusyError       the ticket system wants to be asked later (429, 503 with Retry-After)
├── FileError                  CMP's file hosts did not give the file that it told us of
│   ├── FileDeniedError        401, 403: the URL needs a token, or another one
│   ├── FileMissingError       404, 410
│   ├── FileDiffersError       what came is not what CMP announced
│   │   ├── FileLengthError    its length
│   │   └── FileTypeError      its kind
│   ├── FileTooLargeError      more than MaxFileMegabytes
│   └── FileGuidUnknownError   CMP has a URL with a token for none of the guids that it may go by
└── ApiError                   CMP's Open API did not give what we asked for
    ├── UntrustedLinkError     a link that leaves the origins in CmpApiOrigins, or in FileOrigins
    ├── RequestRefusedError    400, 422 and other client errors: asking again is in vain
    ├── ReportRefusedError     one report of a request that was answered; the reason is CMP's code
    ├── UnauthorizedError      401
    ├── ForbiddenError         403
    ├── NotFoundError          404, 410
    ├── RateLimitedError       429
    └── UnavailableError       408, 5xx, time-outs, broken answers
        └── CircleError        the pages of a list lead back to one of them

`retryable` decides: True → the message becomes visible again after a back-off; False → the job goes
to its dead-letter queue at once with `reason` and the error's text as `detail`. No error text holds
a token, a secret or the query of a URL.
"""

from typing import ClassVar


class CmpRelayError(Exception):
    """Something that the relay itself recognizes as wrong."""

    retryable: ClassVar[bool] = True
    reason: str = "unexpected_error"


class SettingsError(CmpRelayError):
    """The environment lacks variables or holds values that cannot be read."""

    reason = "settings"


class UnverifiedCallerError(CmpRelayError):
    """The caller did not show a secret that is accepted."""

    retryable = False
    reason = "unverified_caller"


class UnreadableDeliveryError(CmpRelayError):
    """A verified delivery has a shape that we cannot read; it is quarantined."""

    retryable = False
    reason = "unreadable_delivery"


class StorageError(CmpRelayError):
    """A part of a delivery could not be made durable; the sender has to retry it."""

    reason = "storage"


class UnreadableJobError(CmpRelayError):
    """A queue message is not a job of a schema that we know."""

    retryable = False
    reason = "unreadable_job"


class InvalidCommandError(CmpRelayError):
    """A command names itself, but neither it nor its arguments are any that we know."""

    retryable = False
    reason = "invalid_command"


class ArchiveError(CmpRelayError):
    """The archived delivery of a job cannot be read, or does not hold the job's entry."""

    retryable = False
    reason = "archive_unreadable"


class AnnouncementError(CmpRelayError):
    """The bus did not take an event."""

    reason = "not_announced"


class ConflictError(CmpRelayError):
    """A conditional write lost against another writer."""

    reason = "conflict"


class StaleReadError(CmpRelayError):
    """CMP answered with an older state than the delivery announced."""

    reason = "stale_read"


class PostponedError(CmpRelayError):
    """The job cannot be done now; `delay` is the number of seconds until it becomes visible."""

    reason = "postponed"

    def __init__(self, message: str, *, delay: float) -> None:
        """Keep the delay in seconds."""
        super().__init__(message)
        self.delay = delay


class LeaseHeldError(PostponedError):
    """Another worker holds the lease of the same resource."""

    reason = "lease_held"


class AppointmentError(PostponedError):
    """The next request has its slot, which comes after `delay` seconds."""

    reason = "appointment"


class QuotaError(PostponedError):
    """CMP's quota of the month is used up; `delay` leads towards the next month."""

    reason = "no_quota"


class NotAskedError(PostponedError):
    """CMP was not asked: the breaker of the API budget is open, or the caller cannot get a token.

    Nobody knows when that ends, so that `delay` says nothing.
    """

    reason = "not_asked"

    def __init__(self, message: str) -> None:
        """Keep no delay."""
        super().__init__(message, delay=0)


class CredentialsError(PostponedError):
    """Credentials are missing or refused, CMP's or the ticket system's; a person has to act."""

    reason = "credentials"


class WrongSettingsError(PostponedError):
    """Parameters of the stack cannot be read; a person has to mend them and to deploy again."""

    reason = "wrong_settings"


class TicketsBusyError(PostponedError):
    """The ticket system wants to be asked after `delay` seconds; it has done nothing."""

    reason = "tickets_busy"


class TicketMissingError(PostponedError):
    """The ticket that something belongs to has not been opened yet, and somebody will."""

    reason = "ticket_missing"


class FileError(CmpRelayError):
    """A file host did not give the file that CMP told us of."""

    reason = "file"


class FileDeniedError(FileError):
    """The file is not for those who come without a token, or with this one (401, 403)."""

    reason = "file_denied"


class FileMissingError(FileError):
    """The file is not there (404, 410)."""

    reason = "file_not_found"


class FileDiffersError(FileError):
    """What came is not what CMP announced."""

    reason = "file_differs"


class FileLengthError(FileDiffersError):
    """The file has another length than CMP announced."""

    reason = "file_length"


class FileTypeError(FileDiffersError):
    """The file is of another kind than CMP announced."""

    reason = "file_type"


class FileTooLargeError(FileError):
    """The file is larger than what may be stored."""

    retryable = False
    reason = "file_too_large"


class FileGuidUnknownError(FileError):
    """CMP has no URL with a token for any guid that the file may go by."""

    retryable = False
    reason = "file_guid_unknown"


class ApiError(CmpRelayError):
    """The Open API did not give what was asked for; `status` is its HTTP status, if any."""

    reason = "api"

    def __init__(self, message: str, *, status: int | None = None) -> None:
        """Keep the HTTP status."""
        super().__init__(message)
        self.status = status


class UntrustedLinkError(ApiError):
    """A link leads to an origin that is not in the list of those it may lead to."""

    retryable = False
    reason = "untrusted_link"


class RequestRefusedError(ApiError):
    """CMP refuses the request as such (400, 422, …)."""

    retryable = False
    reason = "request_refused"


class ReportRefusedError(ApiError):
    """CMP refuses one report of several; `reason` is its error code (facts.md 5)."""

    retryable = False
    reason = "report_refused"

    def __init__(self, message: str, *, reason: str) -> None:
        """Keep CMP's error code."""
        super().__init__(message)
        self.reason = reason


class UnauthorizedError(ApiError):
    """CMP refuses the token (401)."""

    reason = "unauthorized"


class ForbiddenError(ApiError):
    """The credentials may not read this resource (403)."""

    retryable = False
    reason = "forbidden"


class NotFoundError(ApiError):
    """The resource is not there (404, 410)."""

    retryable = False
    reason = "not_found"


class RateLimitedError(ApiError):
    """CMP's request limit is reached (429); `retry_after` in seconds, None if not told."""

    reason = "rate_limited"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep what the Retry-After header said."""
        super().__init__(message, status=429)
        self.retry_after = retry_after


class UnavailableError(ApiError):
    """CMP did not answer, or not with anything usable (408, 5xx, time-out, broken body)."""

    reason = "unavailable"


class CircleError(UnavailableError):
    """The pages of a list lead back to one that was read before."""

    reason = "circle"
