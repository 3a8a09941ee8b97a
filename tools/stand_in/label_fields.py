"""The fields that an organization adds to its assets, and the labels among them.

`GET /assets/{id}/fields` shows the others alone here, since an asset shows its labels itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.stand_in.world import Asset

LABEL = "label"


LABEL_FIELDS: list[dict[str, Any]] = [
    {
        "id": "123123",
        "name": "Content Format",
        "type": LABEL,
        "values": [],
        "is_multi_select": True,
        "choices": [
            {"id": "234234", "name": "content format 1"},
            {"id": "234235", "name": "content format 2"},
        ],
    },
    {
        "id": "123124",
        "name": "Review",
        "type": LABEL,
        "values": [],
        "is_multi_select": False,
        "choices": [{"id": "234236", "name": "Approved"}, {"id": "234237", "name": "Rejected"}],
    },
]


def field_of(asset: Asset, field_id: str) -> dict[str, Any] | None:
    """Find a field: one that the asset has, or one of the organization's labels."""
    known = (*asset.custom_fields, *LABEL_FIELDS)
    return next((one for one in known if one["id"] == field_id), None)


def label_of(field: dict[str, Any]) -> dict[str, Any]:
    """Show the label that a field with values is, as assets do."""
    names = {choice["id"]: choice["name"] for choice in field["choices"]}
    values = [{"id": one, "name": names[one]} for one in field["values"]]
    return {"group": {"id": field["id"], "name": field["name"]}, "values": values}
