"""What README and docs tell people to type, read and fill in is there, and called so."""

import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse

from cmp_relay import announcements, bus, folder_rules
from cmp_relay.errors import CmpRelayError, FileError
from cmp_relay_cli import dead_letters
from tests.template import processed, snapshot

PROJECT = snapshot.PROJECT
README = PROJECT / "README.md"
TEXT = README.read_text()
PARAMETERS = (PROJECT / "docs" / "parameters.md").read_text()
FILES = (PROJECT / "docs" / "files.md").read_text()
RULES = re.findall(r"```\n(.*?)```", FILES, re.DOTALL)
DOCUMENTS = sorted([README, PROJECT / "CHANGELOG.md", *(PROJECT / "docs").rglob("*.md")])
MOST_LINES = {"README.md": 200, "docs/architecture.md": 150}


def blocks(language: str) -> list[str]:
    """Return the README's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands() -> str:
    """Return all that the README shows as something to type, inline code included."""
    inline = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", TEXT)
    return "\n".join([*inline, *blocks("sh")]).replace("\\\n", " ")


def anchor(heading: str) -> str:
    """Return the name under which a heading is linked to."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(document: Path) -> set[str]:
    """Return the names of a document's headings."""
    return {anchor(found) for found in re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)}


def leaves(error: type[CmpRelayError]) -> set[type[CmpRelayError]]:
    """Return the errors below one that have none below themselves."""
    below = error.__subclasses__()
    return {error} if not below else {leaf for each in below for leaf in leaves(each)}


@pytest.mark.parametrize(("name", "most"), MOST_LINES.items())
def test_a_document_stays_short(name: str, most: int) -> None:
    assert len((PROJECT / name).read_text().splitlines()) <= most


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        target, _, heading = link.partition("#")
        if target.startswith("https://"):
            continue
        found = document.parent / target if target else document
        assert found.exists(), link
        assert not heading or heading in anchors(found), link


def test_every_word_of_make_is_one() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    words = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))

    used = set(re.findall(r"\bmake ([a-z]+)", commands()))

    assert {"run", "up", "down", "test", "check", "fix", "invoke"} <= used
    assert used <= words


def test_every_parameter_is_explained_with_its_default() -> None:
    explained = dict(re.findall(r"^\| `([A-Z]\w+)` \| (.+?) \|", PARAMETERS, re.MULTILINE))

    assert explained == {
        name: f"`{each['Default']}`" if each["Default"] != "" else "empty"
        for name, each in processed.parameters().items()
    }


def test_the_parameters_are_in_the_groups_that_the_console_shows() -> None:
    written = {
        section.partition("\n")[0]: re.findall(r"^\| `([A-Z]\w+)` \|", section, re.MULTILINE)
        for section in PARAMETERS.split("\n## ")[1:]
    }

    groups = processed.interface()["ParameterGroups"]

    assert [*written.items()] == [
        (group["Label"]["default"], group["Parameters"]) for group in groups
    ]


def test_every_parameter_that_it_asks_to_decide_is_one() -> None:
    section = TEXT.partition("\n### Parameters\n")[2].partition("\n## ")[0]

    named = set(re.findall(r"`([A-Z]\w+)`", section))

    assert named
    assert named <= processed.parameters().keys()


def test_every_output_that_it_asks_for_is_one() -> None:
    asked = set(re.findall(r"\boutput ([A-Z]\w+)", commands()))

    assert asked
    assert asked <= snapshot.source()["Outputs"].keys()


def test_every_function_can_be_invoked_with_sam_on_files_that_exist() -> None:
    text = (PROJECT / "events" / "README.md").read_text() + TEXT
    shown = re.findall(r"sam local invoke (\w+) --env-vars (\S+) --event (\S+)", text)

    assert {function for function, _, _ in shown} == processed.functions().keys()
    for function, variables, event in shown:
        folder = "_".join(re.findall("[A-Z][a-z]+", function)[:-1]).lower()
        assert event == f"events/invoke/{folder}.json"
        assert (PROJECT / event).is_file()
        assert (PROJECT / variables).is_file()


def test_every_file_and_folder_that_it_names_exists() -> None:
    named = re.findall(r"(?:functions|layers|events|tests|tools|docs)/[\w./<>-]*", TEXT)

    for name in (each for each in named if "<" not in each):
        assert (PROJECT / name.rstrip(".")).exists(), name


def test_every_alarm_and_metric_that_it_names_is_one() -> None:
    written = (PROJECT / "layers/cmp_relay/cmp_relay/reception.py").read_text()

    text = TEXT + (PROJECT / "docs" / "operations.md").read_text()

    alarms = set(re.findall(r"`(\w+Alarm)`", text))
    metrics = set(re.findall(r"`((?:Secret|Deliveries)[A-Z]?\w+)`", text))

    assert alarms <= processed.of_type("AWS::CloudWatch::Alarm").keys()
    assert metrics == {"SecretMatched", "DeliveriesRejected"}
    assert all(f'"{metric}"' in written for metric in metrics)


def test_the_operations_explain_every_alarm() -> None:
    section = (
        (PROJECT / "docs" / "operations.md")
        .read_text()
        .partition("\n## Alarms\n")[2]
        .partition("\n## ")[0]
    )

    explained = set(re.findall(r"`(\w+Alarm)`", section))

    assert explained == processed.of_type("AWS::CloudWatch::Alarm").keys()


def test_the_operations_explain_every_way_in_which_a_file_fails() -> None:
    text = (PROJECT / "docs" / "operations.md").read_text()
    section = text.partition("\n## Dead letters of files\n")[2].partition("\n## ")[0]

    explained = set(re.findall(r"`([a-z_]+)`", section))

    assert {error.reason for error in leaves(FileError)} <= explained


def test_the_command_line_has_advice_for_every_reason_that_the_operations_explain() -> None:
    text = (PROJECT / "docs" / "operations.md").read_text()
    tables = re.findall(r"^\| `reason` .*\n((?:\|.*\n)+)", text, re.MULTILINE)
    cells = re.findall(r"^\| (`.*?) \|", "\n".join(tables), re.MULTILINE)

    explained = set(re.findall(r"`([a-z_]+)`", "\n".join(cells)))

    assert len(tables) == 2
    assert {"aws", "crashed", "file_guid_unknown"} <= explained
    assert explained <= dead_letters.ADVICE.keys()


def test_every_folder_rule_that_is_shown_can_be_read() -> None:
    in_blocks = re.findall(r"^(.*-> [a-z/]+/)", "\n".join(RULES), re.MULTILINE)
    inline = [each for each in re.findall(r"`([^`\n]+)`", TEXT + FILES) if "-> " in each]

    assert in_blocks
    assert len(inline) > 5
    for rules in [*in_blocks, *inline]:
        assert folder_rules.parse(rules), rules


def test_the_rule_matches_events_of_the_relay() -> None:
    (block,) = blocks("yaml")
    snippet: dict[str, Any] = yaml_parse(block)

    pattern = snippet["Resources"]["ImagesRule"]["Properties"]["EventPattern"]

    assert pattern["source"] == [bus.SOURCE]
    assert set(pattern["detail-type"]) == set(announcements.DETAIL_TYPES.values())
    assert pattern["detail"] == {"asset": {"type": ["image"]}}


def test_the_rule_can_be_deployed() -> None:
    (block,) = blocks("yaml")

    assert lint(block, config=ManualArgs(regions=["us-east-1"])) == []
