"""The processed template: what SAM makes of template.yaml, worked out offline.

`python -m tests.template.snapshot` (`make snapshot`) writes it to expected.json for a person to
review.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from tests.support import environment

PROJECT = Path(__file__).resolve().parents[2]
EXPECTED = Path(__file__).with_name("expected.json")

Document = dict[str, Any]


class NoManagedPolicies:
    """Stands in for the list of AWS's managed policies, which SAM would ask IAM for."""

    def load(self) -> dict[str, str]:
        """Return none: the template names none."""
        return {}


def source() -> Document:
    """Return the template as it is written."""
    document: Document = yaml_parse((PROJECT / "template.yaml").read_text())
    return document


@cache
def processed() -> Document:
    """Return what SAM makes of the template, layers under their own names without hashes."""
    template = source()
    for resource in template["Resources"].values():
        for name in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][name] = "s3://bucket/key"
    return _without_hashes(transform(template, {}, NoManagedPolicies()))


def text() -> str:
    """Return the processed template as the file holds it."""
    return json.dumps(_sorted(processed()), indent=2, sort_keys=True) + "\n"


def _without_hashes(document: Document) -> Document:
    """Return the document without the hash of its content that SAM adds to a layer's name."""
    layers = "|".join(
        name
        for name, resource in document["Resources"].items()
        if resource["Type"] == "AWS::Lambda::LayerVersion"
    )
    written = json.dumps(document)
    stable: Document = json.loads(
        re.sub(rf'"({layers})"', lambda found: f'"{found[1][:-10]}"', written)
    )
    return stable


def _sorted(value: object, *, ordered: bool = False) -> object:
    """Return the value with its lists in one order, those of intrinsic functions as they are."""
    if isinstance(value, dict):
        return {
            name: _sorted(each, ordered=name.startswith("Fn::")) for name, each in value.items()
        }
    if isinstance(value, list):
        members = [_sorted(each) for each in value]
        return members if ordered else sorted(members, key=_written)
    return value


def _written(value: object) -> str:
    return json.dumps(value, sort_keys=True)


if __name__ == "__main__":
    environment.prepare()
    EXPECTED.write_text(text())
