"""Settings are read in one go, and a person hears of every problem at once."""

from dataclasses import dataclass

import pytest

from cmp_relay.errors import SettingsError
from cmp_relay.settings import read


@dataclass(frozen=True, slots=True)
class Example:
    """One field of every type that settings have."""

    name: str
    allowed: bool
    seconds: int
    origins: tuple[str, ...]


GIVEN = {
    "NAME": "relay",
    "ALLOWED": "true",
    "SECONDS": "60",
    "ORIGINS": "https://a.example,https://b.example",
}


def test_every_field_is_read_in_its_type() -> None:
    settings = read(Example, GIVEN | {"ANOTHER": "ignored"})

    assert settings == Example("relay", True, 60, ("https://a.example", "https://b.example"))


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("True", True), ("false", False), ("FALSE", False)]
)
def test_a_switch_is_on_or_off_in_any_case(text: str, expected: bool) -> None:
    assert read(Example, GIVEN | {"ALLOWED": text}).allowed is expected


@pytest.mark.parametrize("text", ["yes", "1", "", "true "])
def test_a_switch_takes_no_other_word(text: str) -> None:
    with pytest.raises(SettingsError, match="ALLOWED"):
        read(Example, GIVEN | {"ALLOWED": text})


@pytest.mark.parametrize("text", ["", "6e1", "1.5", "an hour"])
def test_a_number_is_a_whole_one(text: str) -> None:
    with pytest.raises(SettingsError, match="SECONDS"):
        read(Example, GIVEN | {"SECONDS": text})


def test_a_list_leaves_out_blanks() -> None:
    settings = read(Example, GIVEN | {"ORIGINS": " https://a.example , ,https://b.example,"})

    assert settings.origins == ("https://a.example", "https://b.example")


def test_an_empty_value_counts_as_given() -> None:
    settings = read(Example, GIVEN | {"NAME": "", "ORIGINS": ""})

    assert (settings.name, settings.origins) == ("", ())


def test_every_problem_is_named_in_one_error() -> None:
    with pytest.raises(SettingsError) as raised:
        read(Example, {"ALLOWED": "perhaps", "SECONDS": "soon"})

    told = str(raised.value)
    assert all(name in told for name in ("NAME", "ALLOWED", "SECONDS", "ORIGINS"))


def test_an_error_names_variables_and_never_their_values() -> None:
    with pytest.raises(SettingsError) as raised:
        read(Example, GIVEN | {"SECONDS": "a-value"})

    assert "a-value" not in str(raised.value)
    assert raised.value.__cause__ is None
