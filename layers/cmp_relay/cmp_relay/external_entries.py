"""The entry of an external step's delivery: ids and links, as a job carries them (facts.md 2.5).

The receiver imports this, so it imports nothing that takes long.
"""

from typing import Any

from cmp_relay.fields import at, identifier, text, without_none

LONGEST_LINK = 2048
"""Characters; no link of CMP is longer, and a command takes no longer one."""
LONGEST_NAME = 256


def parts(data: object, *, is_comment: bool) -> dict[str, Any] | str:
    """Return what a job says of a delivery, or the name of what no job can do without."""
    task_id = identifier(at(data, "task", "id"))
    sub_step_id = identifier(at(data, "sub_step", "id"))
    comment_id = identifier(at(data, "comment", "id"))
    if task_id is None:
        return "task.id"
    if sub_step_id is None:
        return "sub_step.id"
    if is_comment and comment_id is None:
        return "comment.id"
    work_link = _link(data, "sub_step", "external_work") or _link(data, "external_work", "self")
    found = {
        "task": without_none(
            id=task_id, href=_link(data, "task", "self"), assets_href=_link(data, "task", "assets")
        ),
        "step": without_none(id=identifier(at(data, "step", "id"))),
        "sub_step": without_none(
            id=sub_step_id,
            href=_link(data, "sub_step", "self"),
            external_work_href=work_link,
            comments_href=_link(data, "sub_step", "comments"),
        ),
        "external_work": without_none(external_system=_system(data), href=work_link),
    }
    if is_comment:
        found["comment"] = without_none(id=comment_id, href=_link(data, "comment", "self"))
    return {name: part for name, part in found.items() if part}


def _link(data: object, part: str, name: str) -> str | None:
    return _short(at(data, part, "links", name), LONGEST_LINK)


def _system(data: object) -> str | None:
    return _short(at(data, "external_work", "external_system"), LONGEST_NAME)


def _short(value: object, longest: int) -> str | None:
    found = text(value)
    return found if found is not None and len(found) <= longest else None
