"""The part of Jira Cloud's REST API v3 that a ticket needs, with Jira's own words for errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in_jira import views
from tools.stand_in_jira.documents import is_document
from tools.stand_in_jira.issues import ISSUE_TYPES, PROJECT, RELAY

if TYPE_CHECKING:
    from starlette.requests import Request

    from tools.stand_in_jira.issues import Issue, Issues
    from tools.stand_in_jira.webhooks import Webhooks

LONGEST_SUMMARY = 255
MOST_COMMENTS = 100
_BY_LABEL = re.compile(r'labels\s*=\s*"?([^"\s]+)"?(\s+ORDER BY .*)?', re.IGNORECASE)


class Rest:
    """The API, on an address `base`; `site` is where people go."""

    def __init__(self, issues: Issues, webhooks: Webhooks, base: str, site: str) -> None:
        """Keep the parts."""
        self._issues = issues
        self._webhooks = webhooks
        self._base = base
        self._site = site

    def routes(self) -> list[Route]:
        """Return the routes."""
        one, comments = f"{views.API}/issue/{{issue}}", f"{views.API}/issue/{{issue}}/comment"
        return [
            Route(f"{views.API}/myself", self.myself),
            Route(f"{views.API}/serverInfo", self.server_info),
            Route(f"{views.API}/search/jql", self.search, methods=["POST"]),
            Route(f"{views.API}/issue", self.open, methods=["POST"]),
            Route(one, self.read),
            Route(f"{one}/transitions", self.transitions),
            Route(f"{one}/transitions", self.move, methods=["POST"]),
            Route(comments, self.comments),
            Route(comments, self.comment, methods=["POST"]),
            Route(f"{comments}/{{comment}}", self.one_comment),
        ]

    async def myself(self, _: Request) -> Response:
        """GET /myself."""
        return JSONResponse(views.person(RELAY))

    async def server_info(self, _: Request) -> Response:
        """GET /serverInfo."""
        return JSONResponse({"baseUrl": self._site, "deploymentType": "Cloud"})

    async def open(self, request: Request) -> Response:
        """POST /issue."""
        given = (await _content(request)).get("fields")
        fields = given if isinstance(given, dict) else {}
        errors = _problems(fields)
        if errors:
            return refused(errors)
        issue = self._issues.open(fields)
        self._webhooks.opened(issue, RELAY)
        shown = views.issue(self._base, issue, ())
        return JSONResponse({key: shown[key] for key in ("id", "key", "self")}, 201)

    async def read(self, request: Request) -> Response:
        """GET /issue/{id or key}."""
        names = request.query_params.get("fields")
        issue = self._issue(request)
        return JSONResponse(views.issue(self._base, issue, names.split(",") if names else None))

    async def search(self, request: Request) -> Response:
        """POST /search/jql: by a label, and only what the index knows."""
        content = await _content(request)
        match = _BY_LABEL.fullmatch(str(content.get("jql", "")).strip())
        if match is None:
            return refused({}, "Unbounded JQL queries are not allowed here.")
        names = content.get("fields", ())
        found = [views.issue(self._base, each, names) for each in self._issues.labelled(match[1])]
        return JSONResponse({"issues": found, "isLast": True})

    async def transitions(self, request: Request) -> Response:
        """GET /issue/{id}/transitions."""
        self._issue(request)
        return JSONResponse({"transitions": views.transitions()})

    async def move(self, request: Request) -> Response:
        """POST /issue/{id}/transitions."""
        issue = self._issue(request)
        transition = (await _content(request)).get("transition")
        chosen = transition.get("id") if isinstance(transition, dict) else None
        if not isinstance(chosen, str) or chosen not in {one["id"] for one in views.transitions()}:
            return refused({}, "It seems that you have tried to perform a wrong operation.")
        self._webhooks.changed(issue, self._issues.move(issue, chosen), RELAY)
        return Response(status_code=204)

    async def comments(self, request: Request) -> Response:
        """GET /issue/{id}/comment."""
        issue, query = self._issue(request), request.query_params
        start = int(query.get("startAt", 0))
        size = min(int(query.get("maxResults", MOST_COMMENTS)), MOST_COMMENTS)
        ordered = sorted(
            issue.comments.values(),
            key=lambda one: int(one.id),
            reverse=query.get("orderBy") == "-created",
        )
        shown = [views.comment(self._base, issue.id, one) for one in ordered[start : start + size]]
        page = {"startAt": start, "maxResults": size, "total": len(ordered), "comments": shown}
        return JSONResponse(page)

    async def comment(self, request: Request) -> Response:
        """POST /issue/{id}/comment."""
        issue = self._issue(request)
        body = (await _content(request)).get("body")
        if not is_document(body):
            return refused({"comment": "Comment body is not valid!"})
        comment = self._issues.comment(issue, body, RELAY)
        self._webhooks.commented(issue, comment)
        return JSONResponse(views.comment(self._base, issue.id, comment), 201)

    async def one_comment(self, request: Request) -> Response:
        """GET /issue/{id}/comment/{id}."""
        issue = self._issue(request)
        comment = issue.comments.get(request.path_params["comment"])
        if comment is None:
            return not_found("Can not find a comment for the id.")
        return JSONResponse(views.comment(self._base, issue.id, comment))

    def _issue(self, request: Request) -> Issue:
        return self._issues.find(request.path_params["issue"])


def refused(errors: dict[str, str], *messages: str) -> JSONResponse:
    """Answer 400, saying what is wrong with the request."""
    return JSONResponse({"errorMessages": list(messages), "errors": errors}, 400)


def not_found(message: str) -> JSONResponse:
    """Answer 404, as for something that may be hidden as well."""
    return JSONResponse({"errorMessages": [message], "errors": {}}, 404)


async def _content(request: Request) -> dict[str, Any]:
    try:
        content = await request.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _problems(fields: dict[str, Any]) -> dict[str, str]:
    project, kind = fields.get("project"), fields.get("issuetype")
    summary, labels = fields.get("summary"), fields.get("labels", [])
    problems = {}
    if not isinstance(project, dict) or project.get("key") != PROJECT:
        problems["project"] = "valid project is required"
    if not isinstance(kind, dict) or kind.get("name") not in ISSUE_TYPES:
        problems["issuetype"] = "Specify a valid issue type"
    if not isinstance(summary, str) or not summary.strip():
        problems["summary"] = "You must specify a summary of the issue."
    elif "\n" in summary or len(summary) > LONGEST_SUMMARY:
        problems["summary"] = "Summary must be a line of at most 255 characters."
    if "description" in fields and not is_document(fields["description"]):
        problems["description"] = "Operation value must be an Atlassian Document"
    if not isinstance(labels, list) or any(not isinstance(x, str) or " " in x for x in labels):
        problems["labels"] = "The label can't contain spaces."
    return problems
