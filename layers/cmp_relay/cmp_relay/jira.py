"""Jira Cloud as the ticket system (REST API v3, developer.atlassian.com/cloud/jira/platform/rest).

Every request goes to `JiraBaseUrl`, so the credentials do; a redirect is never followed. Ids are
Jira's numbers, since the key of an issue changes when it is moved to another project.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from cmp_relay import jira_text, marks, times
from cmp_relay.errors import (
    ApiError,
    ForbiddenError,
    NotFoundError,
    RequestRefusedError,
    SettingsError,
    TicketsBusyError,
    UnavailableError,
)
from cmp_relay.exchanges import Answer, Deadline, exchange, retry_after
from cmp_relay.fields import at, identifier, text
from cmp_relay.jira_credentials import JiraCredentials
from cmp_relay.origins import Origins
from cmp_relay.tickets import LABEL, Draft, Ticket, TicketComment

REQUEST_SECONDS = 9
"""Four requests in a row (search, open, read, where people go) fit into a worker's reserve."""
BUSY_SECONDS = 60
LONGEST_WAIT = 6 * 3600
LONGEST_SUMMARY = 250
"""UTF-16 units: Jira refuses summaries of 256."""
PAGE = 100
FIELDS = "summary,status,resolution,labels"

_ERRORS: dict[int, type[ApiError]] = {
    403: ForbiddenError,
    404: NotFoundError,
    408: UnavailableError,
    410: NotFoundError,
}


class Jira:
    """One project of one Jira; `now` is a monotonic clock in seconds."""

    name = "jira"

    def __init__(
        self,
        client: httpx.Client,
        credentials: JiraCredentials,
        base: str,
        *,
        project: str,
        issue_type: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the parts; raises SettingsError for an odd address, and without a project."""
        if not project:
            raise SettingsError("JIRA_PROJECT is empty")
        self._client = client
        self._credentials = credentials
        self._base = _base(base)
        self._fields = {"project": {"key": project}, "issuetype": {"name": issue_type}}
        self._now = now
        self._site: str | None = None

    def open(self, draft: Draft) -> str:
        """Open an issue (POST /issue) and return its id."""
        fields = {
            **self._fields,
            "summary": jira_text.cut(" ".join(draft.title.split()), LONGEST_SUMMARY),
            "description": jira_text.document(draft.text),
            "labels": [LABEL, draft.label],
        }
        return _id(self._ask("POST", "issue", {"fields": fields}))

    def find(self, label: str) -> str | None:
        """Return the id of the oldest issue with this label (POST /search/jql).

        Jira does not promise that a search sees what was just written: the documentation of
        "search and reconcile" speaks of seconds to minutes.
        """
        jql = f'labels = "{label}" ORDER BY created ASC'
        answer = self._ask("POST", "search/jql", {"jql": jql, "fields": ["labels"]})
        issues = at(answer.object(), "issues")
        if not isinstance(issues, list):
            raise UnavailableError(f"{answer.name}: no issues", status=answer.status)
        return next((identifier(at(issue, "id")) for issue in issues), None)

    def read(self, ticket_id: str) -> Ticket:
        """Return an issue as it is by now (GET /issue/{id})."""
        answer = self._ask("GET", f"issue/{_quoted(ticket_id)}", fields=FIELDS)
        issue = answer.object()
        key, status = text(at(issue, "key")), text(at(issue, "fields", "status", "name"))
        if key is None or status is None:
            raise UnavailableError(f"{answer.name}: no key or status", status=answer.status)
        category = at(issue, "fields", "status", "statusCategory", "key")
        labels = at(issue, "fields", "labels")
        return Ticket(
            id=_id(answer),
            key=key,
            title=text(at(issue, "fields", "summary")) or key,
            status=status,
            done=category == "done",
            resolution=text(at(issue, "fields", "resolution", "name")),
            url=self._browse(key),
            labels=frozenset(filter(None, map(text, labels if isinstance(labels, list) else []))),
        )

    def comment(self, ticket_id: str, words: str, mark: str) -> str:
        """Write a comment that ends with the mark (POST /issue/{id}/comment)."""
        body = jira_text.document(words, last=marks.add("", mark))
        return _id(self._ask("POST", f"issue/{_quoted(ticket_id)}/comment", {"body": body}))

    def comments(self, ticket_id: str) -> Iterator[TicketComment]:
        """Go through all comments, the newest first (GET /issue/{id}/comment)."""
        path, seen, total = f"issue/{_quoted(ticket_id)}/comment", 0, 1
        while seen < total:
            options = {"orderBy": "-created", "startAt": str(seen), "maxResults": str(PAGE)}
            answer = self._ask("GET", path, **options)
            page, counted = at(answer.object(), "comments"), at(answer.object(), "total")
            if not isinstance(page, list) or not isinstance(counted, int):
                raise UnavailableError(f"{answer.name}: no comments", status=answer.status)
            yield from filter(None, map(_comment, page))
            # A page without any is the last, whatever the total says.
            seen, total = seen + len(page), counted if page else 0

    def one_comment(self, ticket_id: str, comment_id: str) -> TicketComment:
        """Return a comment as it is by now (GET /issue/{id}/comment/{id})."""
        path = f"issue/{_quoted(ticket_id)}/comment/{_quoted(comment_id)}"
        answer = self._ask("GET", path)
        comment = _comment(answer.object())
        if comment is None:
            raise UnavailableError(f"{answer.name}: no comment", status=answer.status)
        return comment

    def _browse(self, key: str) -> str | None:
        """Return where people look at an issue: not at the address of the API, if that is apart."""
        if self._site is None:
            self._site = self._where_people_go()
        url = f"{self._site}/browse/{_quoted(key)}"
        return url if url.startswith("https://") else None

    def _where_people_go(self) -> str:
        try:
            told = text(at(self._ask("GET", "serverInfo").object(), "baseUrl"))
        except (ForbiddenError, NotFoundError, RequestRefusedError):
            told = None
        return (told or self._base).rstrip("/")

    def _ask(self, method: str, path: str, body: Any = None, **options: str) -> Answer:  # noqa: ANN401
        """Send one request, with other credentials once more if Jira refuses the ones at hand."""
        query = f"?{urlencode(options)}" if options else ""
        url = httpx.URL(f"{self._base}/rest/api/3/{path}{query}")
        deadline = Deadline(REQUEST_SECONDS, self._now)
        header = self._credentials.header()
        answer = self._send(method, url, body, header, deadline)
        if answer.status == 401:
            header = self._credentials.replace(header)
            answer = self._send(method, url, body, header, deadline)
            if answer.status == 401:
                raise self._credentials.refused()
        _raise_for(answer)
        return answer

    def _send(
        self,
        method: str,
        url: httpx.URL,
        body: Any,  # noqa: ANN401 - JSON can be anything
        header: str,
        deadline: Deadline,
    ) -> Answer:
        headers = {"Authorization": header}
        request = self._client.build_request(method, url, headers=headers, json=body)
        return exchange(self._client, request, deadline)


def _base(address: str) -> str:
    """Return the address without a slash at its end; raises SettingsError for one that is odd."""
    try:
        url = httpx.URL(address)
        Origins.parse([f"{url.scheme}://{url.netloc.decode('ascii')}"])
    except (httpx.InvalidURL, SettingsError):
        url = None
    if url is None or url.userinfo or url.query or url.fragment:
        raise SettingsError("JIRA_BASE_URL is no https address")
    return address.rstrip("/")


def _quoted(part: str) -> str:
    # An id is no path: dots are quoted too, else httpx would resolve "..".
    return quote(part, safe="").replace(".", "%2E")


def _raise_for(answer: Answer) -> None:
    status = answer.status
    if status < 300:
        if answer.object() is None:
            raise UnavailableError(f"{answer.name}: not a JSON object", status=status)
        return
    message = f"{answer.name}: {status}"
    wait = retry_after(answer.headers, time.time())
    if status == 429 or (status == 503 and wait is not None):
        # Too many requests, also to one issue: Retry-After tells when to ask again.
        delay = BUSY_SECONDS if wait is None else min(max(wait, 1), LONGEST_WAIT)
        raise TicketsBusyError(message, delay=delay)
    if status < 400:
        raise UnavailableError(f"{message} redirects", status=status)
    kind = UnavailableError if status >= 500 else _ERRORS.get(status, RequestRefusedError)
    raise kind(f"{message}{_names(answer)}", status=status)


def _names(answer: Answer) -> str:
    """Name the fields that Jira refuses, without what it says of their values."""
    errors = at(answer.object(), "errors")
    names = sorted(errors) if isinstance(errors, dict) else []
    return f" ({', '.join(names)[:200]})" if names else ""


def _id(answer: Answer) -> str:
    found = identifier(at(answer.object(), "id"))
    if found is None:
        raise UnavailableError(f"{answer.name}: no id", status=answer.status)
    return found


def _comment(value: object) -> TicketComment | None:
    """Return a comment; one for a role or group, or of a service desk's agents, is restricted."""
    comment_id = identifier(at(value, "id"))
    if comment_id is None:
        return None
    hidden = isinstance(at(value, "visibility"), Mapping) or at(value, "jsdPublic") is False
    return TicketComment(
        id=comment_id,
        text=jira_text.text_of(at(value, "body")),
        author=text(at(value, "author", "displayName")),
        created_at=times.read(at(value, "created")),
        restricted=hidden,
    )
