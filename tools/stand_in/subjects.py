"""What deliveries speak of, put into a stand-in so that their links lead somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from tools.stand_in.client import StandIn
    from tools.stand_in.planning import ResourceKind

PLANNED = ("campaign", "work_request", "event")


def hold(cmp: StandIn, data: dict[str, Any]) -> None:
    """Let a stand-in hold what a delivery's `data` names: task, step, comment, plan, preview."""
    named = {key: part for key, part in data.items() if isinstance(part, dict)}
    ids = {key: part["id"] for key, part in named.items() if "id" in part}
    if "task" in ids:
        _hold_task(cmp, ids, named.get("asset", {}))
    for kind in (kind for kind in PLANNED if kind in ids):
        cmp.tasks.add_resource(cast("ResourceKind", kind), id=ids[kind])
    if href := named.get("campaign", {}).get("links", {}).get("work_request"):
        cmp.tasks.add_resource("work_request", id=href.rpartition("/")[2])
    if "work_request" in ids and "comment" in ids:
        cmp.tasks.add_resource(
            "work_request_comment", id=ids["comment"], work_request_id=ids["work_request"]
        )
    if href := data.get("links", {}).get("acknowledge"):
        _hold_preview(cmp, href)


def _hold_preview(cmp: StandIn, href: str) -> None:
    *_, content, _, version, _, preview, _ = href.split("/")
    cmp.add_asset("structured_content", id=content)
    cmp.publishing.request_preview(content, version_id=version, id=preview, send=False)


def _hold_task(cmp: StandIn, ids: dict[str, str], asset: dict[str, Any]) -> None:
    options: dict[str, object] = {"id": ids["task"]}
    if asset:
        cmp.add_asset(asset["type"], id=asset["id"])
        options["asset_ids"] = [asset["id"]]
    if "sub_step" in ids:
        options |= {"step_id": ids["step"], "sub_step_id": ids["sub_step"]}
    cmp.tasks.add("Jira", **options)
    if "sub_step" in ids and "comment" in ids:
        cmp.tasks.comment(ids["sub_step"], "Please hurry", id=ids["comment"], send=False)
