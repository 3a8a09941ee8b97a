"""The trial: every function of the template once, the HTTP API, and functions that are broken."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tools.local_stack.folders import PROJECT
from tools.sam_local import expectations, folders
from tools.sam_local.errors import WrongError
from tools.sam_local.report import Row
from tools.scenario.deliveries import SAMPLES, Sample
from tools.scenario.rehearsal import rehearse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.local_stack.stack import LocalStack
    from tools.sam_local.sam import Invocation, SamLocal

INPUTS = PROJECT / "events" / "invoke"
HTTP_SECONDS = 60
BREAKABLE = "refresh_token"
MISSING_PACKAGE = "httpx"
FUNCTION = re.compile(r"^  (\w+):\n    Type: AWS::Serverless::Function$", re.MULTILINE)
RAISES = "\n\ndef handler(event, context):\n    raise RuntimeError('broken on purpose')\n"


def folder_of(logical_id: str) -> str:
    """Return `on_asset_published` for `OnAssetPublishedFunction`."""
    words = logical_id.removesuffix("Function")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in words)[1:]


def logical_id_of(folder: str) -> str:
    """Return `OnAssetPublishedFunction` for `on_asset_published`."""
    return "".join(word.capitalize() for word in folder.split("_")) + "Function"


def functions_of(template: str) -> list[str]:
    """Return every function of a template's text by its folder's name."""
    return sorted(map(folder_of, FUNCTION.findall(template)))


@dataclass(frozen=True)
class Trial:
    """A deployed stack, and `sam local` with functions that work on it."""

    stack: LocalStack
    sam: SamLocal

    def functions(self) -> list[str]:
        """Return every function that is deployed by its folder's name."""
        found = self.stack.resources.of_type("AWS::Lambda::Function")
        return sorted(folder_of(function.logical_id) for function in found)

    def invoke(self, function: str) -> Row:
        """Invoke a function with its sample input and judge what came of it."""
        file = INPUTS / f"{function}.json"
        if not file.is_file():
            return Row(function, "", wrong=f"there is no events/invoke/{file.name}")
        event = rehearse(self.stack, file)
        try:
            expected = expectations.of(function, event)
            expected.prepare(self.stack)
        except WrongError as error:
            return Row(function, "", wrong=str(error))
        done = self.sam.invoke(logical_id_of(function), event)
        return self._judged(Row(function, ""), done, event, expected)

    def _judged(
        self,
        row: Row,
        done: Invocation,
        event: expectations.Json,
        expected: expectations.Expectation,
    ) -> Row:
        row = replace(row, milliseconds=done.milliseconds, peak_bytes=done.peak_bytes)
        try:
            answer = expectations.read(done.answer)
            row = replace(row, response=expected.response(answer))
            return replace(row, effect=expected.effect(self.stack, event, answer))
        except WrongError as error:
            return replace(row, wrong=str(error))

    def api(self) -> Iterator[Row]:
        """Send a delivery over HTTP, with the right secret and with a wrong one."""
        sample = Sample(SAMPLES / "asset_published.json", None)
        body = sample.body(self.stack.cmp_url)
        with self.sam.api() as url:
            yield self._delivered(f"{url}/webhooks/cmp", body)
            yield self._refused(f"{url}/webhooks/cmp/website", body)

    def _delivered(self, url: str, body: str) -> Row:
        row, answer = _posted("start-api, right secret", url, body, self.stack.webhook_secret)
        if answer is None or answer.status_code != expectations.ACCEPTED:
            return replace(row, wrong=row.wrong or "not accepted")
        try:
            return replace(row, effect=expectations.received(self.stack, body, answer.json()))
        except WrongError as error:
            return replace(row, wrong=str(error))

    def _refused(self, url: str, body: str) -> Row:
        before = expectations.archived(self.stack)
        row, answer = _posted("start-api, wrong secret", url, body, "a-wrong-secret")
        if answer is None or answer.status_code != expectations.REFUSED:
            return replace(row, wrong=row.wrong or "not refused")
        if expectations.archived(self.stack) != before:
            return replace(row, wrong="it is in the archive all the same")
        return replace(row, effect="nothing in the archive")

    def broken(self) -> Iterator[Row]:
        """Break copies of what was built, and see that the judgement notices."""
        yield self._noticed("a function that raises", "broken on purpose", _make_raise)
        yield self._noticed("a layer without a package", MISSING_PACKAGE, _remove_package)

    def _noticed(self, name: str, sign: str, spoil: Callable[[Path], None]) -> Row:
        with tempfile.TemporaryDirectory(dir=folders.ROOT, prefix="broken-") as made:
            folder = Path(made) / "build"
            shutil.copytree(self.sam.template.parent, folder)
            spoil(folder)
            spoiled = replace(self.sam, template=folder / self.sam.template.name)
            row = replace(self, sam=spoiled).invoke(BREAKABLE)
        if sign in row.wrong:
            return replace(row, name=name, response=row.wrong, effect="was noticed", wrong="")
        return replace(row, name=name, wrong=f"was not noticed: {row.wrong or row.response}")


def _make_raise(built: Path) -> None:
    with (built / logical_id_of(BREAKABLE) / "app.py").open("a") as app:
        app.write(RAISES)


def _remove_package(built: Path) -> None:
    for found in built.glob(f"*Layer/python/{MISSING_PACKAGE}"):
        shutil.rmtree(found)


def _posted(name: str, url: str, body: str, secret: str) -> tuple[Row, httpx.Response | None]:
    headers = {"Callback-Secret": secret, "Content-Type": "application/json"}
    began = time.monotonic()
    try:
        with httpx.Client(trust_env=False, timeout=HTTP_SECONDS) as client:
            answer = client.post(url, content=body, headers=headers)
    except httpx.HTTPError as error:
        return Row(name, "", wrong=type(error).__name__), None
    milliseconds = (time.monotonic() - began) * 1000
    return Row(name, str(answer.status_code), milliseconds=milliseconds), answer
