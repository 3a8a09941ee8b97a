"""What is planned around tasks: campaigns, work requests and events of the calendar.

They are here to be read by the links of deliveries; nothing in the stand-in changes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.stand_in.answers import not_found
from tools.stand_in.links import ORIGIN, absolute, base_of
from tools.stand_in.queries import Page
from tools.stand_in.samples import LABELS
from tools.stand_in.tasks import CAMPAIGN, PERSON, USERS, new_id

if TYPE_CHECKING:
    from starlette.requests import Request

API = f"{ORIGIN}/v3"
MADE_AT = "2026-11-01T09:00:00Z"
TEMPLATE = "60d2f4b7c1a8e3001f5b6a22"

ResourceKind = Literal["campaign", "work_request", "work_request_comment", "event"]


@dataclass
class Planning:
    """Everything by kind and id; the campaign of all tasks is always there."""

    resources: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with the campaign of all tasks."""
        self.clear()

    def clear(self) -> None:
        """Forget everything but the campaign of all tasks."""
        self.resources = {("campaign", CAMPAIGN): _campaign(CAMPAIGN)}

    def add(self, kind: ResourceKind, fields: dict[str, Any]) -> dict[str, Any]:
        """Create a resource, or replace the one with the same id."""
        wanted = str(fields.get("id") or new_id())
        match kind:
            case "campaign":
                resource = _campaign(wanted)
            case "work_request":
                resource = _work_request(wanted)
            case "work_request_comment":
                resource = _comment(wanted, str(fields.pop("work_request_id")))
            case "event":
                resource = _event(wanted)
        self.resources[kind, wanted] = {**resource, **fields, "id": wanted}
        return self.resources[kind, wanted]

    def routes(self) -> list[Route]:
        """List the routes of the public side."""
        comments = "/v3/work-requests/{id}/comments"
        return [
            Route("/v3/campaigns/{id}", self.campaign),
            Route("/v3/campaigns/{id}/brief", self.brief),
            Route("/v3/work-requests/{id}", self.work_request),
            Route(comments, self.comments),
            Route(f"{comments}/{{comment}}", self.comment),
            Route("/v3/events/{id}", self.event),
            Route("/v3/users/{id}", self.user),
        ]

    async def campaign(self, request: Request) -> Response:
        """Answer with a campaign."""
        return self._answer("campaign", request)

    async def brief(self, request: Request) -> Response:
        """Answer with the brief of a campaign."""
        campaign = self._found("campaign", request)
        return _shown(_brief(campaign) if campaign else None, request)

    async def work_request(self, request: Request) -> Response:
        """Answer with a work request."""
        return self._answer("work_request", request)

    async def comments(self, request: Request) -> Response:
        """Answer with a page of the comments on a work request."""
        if self._found("work_request", request) is None:
            return not_found()
        base, own = base_of(request), [*self._comments(request).values()]
        page = Page.of(request).answer(request, own, lambda one: absolute(one, base))
        return JSONResponse(page)

    async def comment(self, request: Request) -> Response:
        """Answer with one comment on a work request."""
        return _shown(self._comments(request).get(request.path_params["comment"]), request)

    async def event(self, request: Request) -> Response:
        """Answer with an event of the calendar."""
        return self._answer("event", request)

    async def user(self, request: Request) -> Response:
        """Answer with a user: who comments are by."""
        wanted = request.path_params["id"]
        return _shown(_user(wanted) if wanted in USERS else None, request)

    def _found(self, kind: ResourceKind, request: Request) -> dict[str, Any] | None:
        return self.resources.get((kind, request.path_params["id"]))

    def _answer(self, kind: ResourceKind, request: Request) -> Response:
        return _shown(self._found(kind, request), request)

    def _comments(self, request: Request) -> dict[str, dict[str, Any]]:
        """Find the comments on a work request, by their ids."""
        url = f"{API}/work-requests/{request.path_params['id']}"
        return {
            one["id"]: one
            for (kind, _), one in self.resources.items()
            if kind == "work_request_comment" and one["links"]["work_request"] == url
        }


def _shown(resource: dict[str, Any] | None, request: Request) -> Response:
    return JSONResponse(absolute(resource, base_of(request))) if resource else not_found()


def _campaign(campaign_id: str) -> dict[str, Any]:
    url = f"{API}/campaigns/{campaign_id}"
    return {
        "id": campaign_id,
        "title": "Spring campaign",
        "reference_id": f"C-{campaign_id[:6]}",
        "description": None,
        "status": "On Track",
        "created_at": MADE_AT,
        "start_date": "2026-11-01",
        "end_date": None,
        "is_hidden": False,
        "labels": LABELS,
        "budget": {"budgeted_amount": "1000.00", "currency_code": "EUR"},
        "links": {
            "self": url,
            "brief": f"{url}/brief",
            "owner": f"{API}/users/{PERSON}",
            "parent_campaign": None,
            "child_campaigns": [],
        },
    }


def _brief(campaign: dict[str, Any]) -> dict[str, Any]:
    links = campaign["links"]
    return {
        "type": "template",
        "title": f"Brief of {campaign['title']}",
        "template": {"id": TEMPLATE, "name": "Short brief"},
        "fields": [{"name": "Audience", "value": ["Everybody"]}],
        "links": {"self": links["brief"], "campaign": links["self"]},
    }


def _work_request(request_id: str) -> dict[str, Any]:
    url = f"{API}/work-requests/{request_id}"
    below = ("attachments", "campaigns", "comments", "tasks")
    return {
        "id": request_id,
        "reference_id": f"WR-{request_id[:6]}",
        "status": "Submitted",
        "priority": "Medium",
        "created_at": MADE_AT,
        "modified_at": MADE_AT,
        "created_by": {"id": PERSON, "links": {"self": f"{API}/users/{PERSON}"}},
        "assignees": [],
        "form_fields": [{"identifier": "title", "type": "text", "values": ["A page for spring"]}],
        "template": {
            "id": TEMPLATE,
            "title": "Short brief",
            "links": {"self": f"{API}/templates/{TEMPLATE}"},
        },
        "links": {
            **{name: f"{url}/{name}" for name in below},
            "self": url,
            "creative_assets": f"{url}/creative-assets",
            "related_resources": f"{url}/related-resources",
        },
    }


def _comment(comment_id: str, request_id: str) -> dict[str, Any]:
    links = {
        "comment_by": f"{API}/users/{PERSON}",
        "work_request": f"{API}/work-requests/{request_id}",
    }
    return {
        "id": comment_id,
        "value": "When is it due?",
        "is_resolved": False,
        "parent_comment_id": None,
        "comment_by": PERSON,
        "created_at": MADE_AT,
        "modified_at": MADE_AT,
        "attachments": [],
        "links": links,
    }


def _event(event_id: str) -> dict[str, Any]:
    url = f"{API}/events/{event_id}"
    return {
        "id": event_id,
        "title": "Spring fair",
        "reference_id": f"E-{event_id[:6]}",
        "description": None,
        "start_date": "2026-12-24T09:00:00Z",
        "end_date": "2026-12-24T17:00:00Z",
        "is_all_day": False,
        "is_archived": False,
        "campaign_id": CAMPAIGN,
        "created_by": PERSON,
        "links": {"self": url, "campaign": f"{API}/campaigns/{CAMPAIGN}"},
    }


def _user(user_id: str) -> dict[str, Any]:
    first, last = USERS[user_id]
    return {
        "id": user_id,
        "first_name": first,
        "last_name": last,
        "full_name": f"{first} {last}",
        "email": f"{first.lower()}@example.com",
        "image_url": None,
        "links": {"self": f"{API}/users/{user_id}"},
    }
