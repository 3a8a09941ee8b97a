"""Fields of JSON that nobody has checked: taken if they are what we need, else None."""

from urllib.parse import quote

# Bytes, quoted as in keys: three ids and a channel have to fit into a key of S3 and of DynamoDB.
LONGEST_IDENTIFIER = 256


def at(value: object, *names: str) -> object:
    """Return the field that `names` lead to, None if the way ends before."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text(value: object) -> str | None:
    """Return a text that is not empty and that every store and JSON parser takes."""
    if not isinstance(value, str) or not value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return value


def identifier(value: object) -> str | None:
    """Return an id that fits into keys as text; CMP documents strings, and numbers happen."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**LONGEST_IDENTIFIER else None
    found = text(value)
    fits = found is not None and len(quote(found, safe="")) <= LONGEST_IDENTIFIER
    return found if fits else None


def without_none(**values: object) -> dict[str, object]:
    """Return the values that are there."""
    return {name: value for name, value in values.items() if value is not None}
