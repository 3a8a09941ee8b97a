"""Writes the schemas of docs from the models: `make schemas`."""

from tools.schemas.documents import documents


def main() -> None:
    """Write every schema where it belongs."""
    for path, text in documents().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
