"""The folders of the library, as a tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

FOUNDED = "2019-10-06T13:15:30Z"
MARKETING = "5d75447b7f1c1c000957d221"
CAMPAIGNS = "5d75447b7f1c1c000957d222"
"""Where sample assets are: /Marketing/Campaigns."""


@dataclass(frozen=True)
class Folder:
    """A folder; at the top of the library without a parent."""

    id: str
    name: str
    parent_id: str | None
    created_at: str
    modified_at: str


def _founded() -> dict[str, Folder]:
    marketing = Folder(MARKETING, "Marketing", None, FOUNDED, FOUNDED)
    campaigns = Folder(CAMPAIGNS, "Campaigns", MARKETING, FOUNDED, FOUNDED)
    return {folder.id: folder for folder in (marketing, campaigns)}


@dataclass
class FolderTree:
    """All folders by id; two are always there."""

    folders: dict[str, Folder] = field(default_factory=_founded)

    def clear(self) -> None:
        """Go back to the folders of the start."""
        self.folders = _founded()

    def add(self, name: str, parent_id: str | None, folder_id: str | None, moment: str) -> Folder:
        """Create a folder, or replace the one with the same id."""
        folder = Folder(folder_id or uuid4().hex, name, parent_id, moment, moment)
        self.folders[folder.id] = folder
        return folder

    def path(self, folder_id: str | None) -> str:
        """Tell where a folder is, `/` for the top and for one that is unknown."""
        folder = self.folders.get(folder_id or "")
        if folder is None:
            return "/"
        return f"{self.path(folder.parent_id).rstrip('/')}/{folder.name}"

    def children(self, folder_id: str) -> list[Folder]:
        """List the folders right below one."""
        return [one for one in self.folders.values() if one.parent_id == folder_id]

    def at_or_below(self, folder_id: str) -> set[str]:
        """Tell the ids of a folder and all that are below it."""
        below = (self.at_or_below(child.id) for child in self.children(folder_id))
        return {folder_id}.union(*below)
