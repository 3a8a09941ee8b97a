"""A function imports what its path needs, for a quick start, and the layer holds all of it."""

import json
import re
import subprocess
import sys
from typing import NamedTuple

import pytest

from tests.support import environment
from tests.template import processed, snapshot

LAYER = snapshot.PROJECT / "layers" / "cmp_relay"
REQUIREMENTS = snapshot.PROJECT / "layers" / "dependencies" / "requirements.txt"

# Lambda's own Python brings boto3 with what it needs
RUNTIME = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}
POWERTOOLS = {"aws_lambda_powertools", "jmespath", "typing_extensions"}
SIGNING = {"botocore", "certifi", "dateutil", "jmespath", "six", "urllib3"}
BOTO3 = SIGNING | {"boto3", "s3transfer"}
HTTPX = {"anyio", "certifi", "h11", "httpcore", "httpx", "idna", "typing_extensions"}
PYDANTIC = {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
}

IMPORTED = {
    "on_asset_file": POWERTOOLS | BOTO3 | PYDANTIC | HTTPX,
    "on_asset_published": POWERTOOLS | BOTO3 | PYDANTIC | HTTPX,
    "on_asset_synced": POWERTOOLS | BOTO3 | PYDANTIC | HTTPX,
    "on_asset_unpublished": POWERTOOLS | BOTO3 | PYDANTIC,
    "on_external_work": POWERTOOLS | BOTO3 | PYDANTIC | HTTPX,
    "on_library_asset": POWERTOOLS | BOTO3 | PYDANTIC | HTTPX,
    "on_other_event": POWERTOOLS | BOTO3 | PYDANTIC | HTTPX,
    "on_ticket": POWERTOOLS | BOTO3 | PYDANTIC | HTTPX,
    "receive_ticket": POWERTOOLS | SIGNING,
    "receive_webhook": POWERTOOLS | SIGNING,
    "reconcile_library": POWERTOOLS | BOTO3 | PYDANTIC | HTTPX,
    "refresh_token": POWERTOOLS | BOTO3 | HTTPX,
    "run_command": POWERTOOLS | BOTO3 | PYDANTIC | HTTPX,
}

# Imports the app as Lambda does: what is in neither layer nor runtime is not there. With an event
# it is invoked too, since a first request could import more.
PROGRAM = """
import json, sys
from importlib.abc import MetaPathFinder
from types import SimpleNamespace

paths, installed, event = json.loads(sys.argv[1])
before = set(sys.modules)

class Layer(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        known = sys.stdlib_module_names | set(installed) | {"app", "cmp_relay"}
        if not (name.startswith("_") or name.partition(".")[0] in known):
            raise ModuleNotFoundError(f"not on Lambda: {name}", name=name)

sys.meta_path.insert(0, Layer())
sys.path[:0] = paths
import app

status = None
if event:
    context = SimpleNamespace(
        aws_request_id="id",
        function_name="function",
        invoked_function_arn="arn",
        memory_limit_in_mb=512,
        get_remaining_time_in_millis=lambda: 10_000,
    )
    status = app.handler(event, context)["statusCode"]
modules = {name.partition(".")[0] for name in set(sys.modules) - before}
packages = sorted(modules - sys.stdlib_module_names - {"app", "cmp_relay"})
print(json.dumps({"status": status, "packages": packages}))
"""


def in_layer() -> set[str]:
    """Return the import names of the pinned packages, which are theirs with underscores."""
    pinned = re.findall(r"^([\w.-]+)==", REQUIREMENTS.read_text(), re.MULTILINE)
    return {name.replace("-", "_") for name in pinned}


class Run(NamedTuple):
    """What came of a run: the status of the answer, and the packages that were imported."""

    status: int | None
    packages: set[str]


def run(function: str, event: object = None, **variables: str) -> Run:
    """Run the program for a function in the environment that the template gives it."""
    logical_id = "".join(map(str.capitalize, function.split("_"))) + "Function"
    named = processed.functions()[logical_id]["Environment"]["Variables"].keys()
    given = {name: environment.FUNCTIONS[name] for name in named & environment.FUNCTIONS.keys()}
    paths = [str(snapshot.PROJECT / "functions" / function), str(LAYER)]
    argument = json.dumps([paths, sorted(in_layer() | RUNTIME), event])
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-I", "-c", PROGRAM, argument],
        env=environment.AWS | given | variables,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    # Generated and aliased modules begin with an underscore
    return Run(found["status"], {name for name in found["packages"] if not name.startswith("_")})


def test_the_table_names_every_function() -> None:
    folders = (snapshot.PROJECT / "functions").glob("*/app.py")

    assert IMPORTED.keys() == {path.parent.name for path in folders}


@pytest.mark.parametrize("function", IMPORTED)
def test_a_function_imports_these_packages_and_no_other(function: str) -> None:
    assert run(function).packages == IMPORTED[function]


@pytest.mark.parametrize("receiver", ["receive_ticket", "receive_webhook"])
def test_a_receivers_first_request_imports_nothing_more(receiver: str) -> None:
    event = json.loads((snapshot.PROJECT / f"events/invoke/{receiver}.json").read_text())

    # Nobody listens there: the request ends when AWS does not answer
    done = run(receiver, event, AWS_ENDPOINT_URL="http://127.0.0.1:9")

    assert done == Run(503, IMPORTED[receiver])


def test_the_layer_brings_neither_boto3_nor_a_tracing_library() -> None:
    assert not in_layer() & (RUNTIME - POWERTOOLS)
    assert not {name for name in in_layer() if "xray" in name}
