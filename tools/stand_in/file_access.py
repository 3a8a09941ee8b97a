"""Who may download private files: tokens that are bound to a guid and end, and who gets them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.stand_in.files import File


class FileRules(BaseModel):
    """Which guids `POST /file-urls` knows, how long its tokens last, how the file host refuses."""

    model_config = ConfigDict(extra="forbid")

    guids: Literal["asset_id", "url", "none"] = "asset_id"
    token_seconds: float = 300.0
    refusal: Literal[401, 403] = 403


@dataclass
class FileAccess:
    """The rules in force, and the tokens issued with the guid and the end (s) of each."""

    rules: FileRules = field(default_factory=FileRules)
    now: Callable[[], float] = time.time
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def clear(self) -> None:
        """Go back to the rules of the start and take every token back."""
        self.rules = FileRules()
        self.tokens.clear()

    def token(self, file: File) -> str:
        """Issue a token for this file."""
        token = token_urlsafe()
        self.tokens[token] = (file.guid, self.now() + self.rules.token_seconds)
        return token

    def admits(self, file: File, token: str | None) -> bool:
        """Tell whether somebody with this token, or none, may download the file."""
        if file.public:
            return True
        guid, ends_at = self.tokens.get(token or "", ("", 0.0))
        return guid == file.guid and self.now() < ends_at
