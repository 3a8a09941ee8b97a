"""What an event is about: the part of its data that its name speaks of, and the link to it.

`workflow_sub_step_comment_added` brings a task, a step, a sub-step and a comment, and is about the
comment: of all parts that the name mentions, the one that it mentions last (facts.md 2). So events
that CMP adds one day have a subject, too.
"""

from collections.abc import Sequence

from cmp_relay.fields import at, text

NONE = "none"


def is_enriched(event_name: str, wanted: Sequence[str]) -> bool:
    """Tell whether an event is wanted with its subject, by its name or by how the name begins.

    `task` stands for `task` and for all names that begin with `task_`; `none` for no event at all.
    """
    return NONE not in wanted and any(f"{event_name}_".startswith(f"{each}_") for each in wanted)


def link(event_name: str, data: object) -> str | None:
    """Return the link to what an event is about, None if that has none, as what was removed."""
    if not isinstance(data, dict):
        return None
    words = f"_{event_name}_"
    named = [
        (words.rindex(f"_{key}_") + len(key), len(key), key)
        for key, part in data.items()
        if isinstance(part, dict) and f"_{key}_" in words
    ]
    if not named:
        return None
    _, _, subject = max(named)  # `sub_step` and `step` end at the same place
    return text(at(data, subject, "links", "self"))
