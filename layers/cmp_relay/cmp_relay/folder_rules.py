"""FolderRules: which files are copied into which folder of the image repository.

`kind=image label="Review/Approved" when=published -> website/images/`; docs/files.md tells what can
be said. The first rule that an asset matches decides. Pure: no I/O, no clock.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cmp_relay.errors import SettingsError
from cmp_relay.fields import at, text
from cmp_relay.file_sources import OWN, WITH_FILES, Source, objects

ARROW = "->"
LONGEST_PREFIX = 200
RESERVED = ("assets", "reconcile")
"""Folders in which the relay keeps things of its own."""

_STATES = ("in_library", "published")
_MIME = re.compile(r"[a-z0-9][a-z0-9.+-]*/(?:\*|[a-z0-9][a-z0-9.+-]*)", re.IGNORECASE)
_FOLDER_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the prefix of the keys of what matches every condition that is not None.

    `label` is a group, or a group and a value with a slash between, by their names.
    """

    prefix: str
    kind: str | None = None
    type: str | None = None
    label: str | None = None
    folder: str | None = None
    when: str = "in_library"

    def __str__(self) -> str:
        """Write the rule as it is written in the parameter."""
        told = {name: getattr(self, name) for name in _CONDITIONS}
        conditions = [f"{name}={shlex.quote(value)}" for name, value in told.items() if value]
        return " ".join([*conditions, ARROW, self.prefix])


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules ask of an asset; `labels` are names of groups and values, `folder` its place."""

    type: str
    labels: frozenset[tuple[str, str]]
    folder: str
    in_library: bool
    published: bool
    expired: bool


def parse(rules: str) -> tuple[Rule, ...]:
    """Read rules separated by `;`; raises SettingsError that tells what is wrong with which."""
    found: list[Rule] = []
    problems: list[str] = []
    for number, words in enumerate(_split(rules), start=1):
        try:
            found.append(_rule(words))
        except ValueError as error:
            problems.append(f"rule {number}: {error}")
    if problems:
        raise SettingsError(f"FOLDER_RULES: {'; '.join(problems)}")
    return tuple(found)


def facts(
    asset_type: str, body: Mapping[str, Any], *, in_library: bool, published: bool, expired: bool
) -> Facts:
    """Take what rules ask from what CMP tells of an asset and from its states."""
    labels = {
        (text(at(label, "group", "name")), text(value.get("name")))
        for label in objects(body.get("labels"))
        for value in objects(label.get("values"))
    }
    return Facts(
        type=asset_type,
        labels=frozenset((group, value) for group, value in labels if group and value),
        folder=text(body.get("file_location")) or "",
        in_library=in_library,
        published=published,
        expired=expired,
    )


def place(rules: Sequence[Rule], facts: Facts, asset_id: str, source: Source) -> str | None:
    """Return the key of the copy of a file, None if no rule wants one."""
    rule = next((rule for rule in rules if _matches(rule, facts, source)), None)
    if rule is None or facts.expired:
        return None
    # An id is no path: dots are quoted too, since web servers resolve "..".
    name = quote(asset_id, safe="").replace(".", "%2E")
    own = name if source.slot == OWN else f"{name}/{source.slot}"
    return f"{rule.prefix}{own}{source.extension}"


def _matches(rule: Rule, facts: Facts, source: Source) -> bool:
    return (
        rule.kind in {None, facts.type}
        and (rule.type is None or _is_of(source.mime_type or "", rule.type))
        and (rule.label is None or _is_labelled(facts.labels, rule.label))
        and (rule.folder is None or _is_below(facts.folder, rule.folder))
        and (facts.published if rule.when == "published" else facts.in_library)
    )


def _is_of(mime_type: str, wanted: str) -> bool:
    return mime_type == wanted or (
        wanted.endswith("/*") and mime_type.startswith(wanted.removesuffix("*"))
    )


def _is_labelled(labels: frozenset[tuple[str, str]], wanted: str) -> bool:
    # Names may hold slashes themselves, so what is wanted is not taken apart.
    return any(wanted in {group, f"{group}/{value}"} for group, value in labels)


def _is_below(folder: str, wanted: str) -> bool:
    # CMP writes `/images/`, and without either of the slashes too.
    names = _names(wanted)
    return _names(folder)[: len(names)] == names


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name]


def _split(rules: str) -> Iterator[list[str]]:
    """Yield the words of each rule that has any; raises SettingsError for an open quote."""
    lexer = shlex.shlex(rules, posix=True, punctuation_chars=";")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    done = 0
    try:
        for word in lexer:
            if word.strip(";"):
                words.append(word)
            elif words:
                yield words
                words, done = [], done + 1
    except ValueError as error:
        problem = str(error).lower()
        raise SettingsError(f"FOLDER_RULES: rule {done + 1}: {problem}") from None
    if words:
        yield words


def _rule(words: list[str]) -> Rule:
    if words.count(ARROW) != 1 or words.index(ARROW) != len(words) - 2:
        raise ValueError(
            f"it has to end in one {ARROW} and one folder, with spaces between;"
            " a ; separates it from the next rule"
        )
    told: dict[str, str] = {}
    for word in words[:-2]:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise ValueError(
                f"{word!r} is no condition such as kind=image: there are no spaces around =,"
                " and a value that has some is quoted"
            )
        if name not in _CONDITIONS:
            raise ValueError(f"{name!r} is not one of {', '.join(_CONDITIONS)}")
        if name in told:
            raise ValueError(f"{name} is there twice")
        told[name] = _CONDITIONS[name](value)
    return Rule(_prefix(words[-1]), **told)


def _prefix(value: str) -> str:
    names = value.removesuffix("/").split("/")
    if not all(_FOLDER_NAME.fullmatch(name) and name.strip(".") for name in names):
        raise ValueError(f"{value!r} is no folder such as website/images/")
    if names[0] in RESERVED:
        raise ValueError(f"{names[0]}/ is the relay's own")
    if len(value) > LONGEST_PREFIX:
        raise ValueError(f"the folder is longer than {LONGEST_PREFIX} characters")
    return "/".join(names) + "/"


def _kind(value: str) -> str:
    if value not in WITH_FILES:
        raise ValueError(f"kind is not one of {', '.join(WITH_FILES)}")
    return value


def _type(value: str) -> str:
    if not _MIME.fullmatch(value):
        raise ValueError("type is no MIME type such as image/png or image/*")
    return value.lower()


def _label(value: str) -> str:
    if not value.strip("/ "):
        raise ValueError("label names no group")
    return value


def _folder(value: str) -> str:
    if not value.startswith("/") or not _names(value):
        raise ValueError("folder is no place in CMP such as /Marketing/Campaigns")
    return value


def _when(value: str) -> str:
    if value not in _STATES:
        raise ValueError(f"when is not one of {', '.join(_STATES)}")
    return value


_CONDITIONS: Mapping[str, Callable[[str], str]] = {
    "kind": _kind,
    "type": _type,
    "label": _label,
    "folder": _folder,
    "when": _when,
}
