"""What goes back: a publication reported to CMP, and an external step that is a ticket in Jira."""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cmp_relay import marks
from tools.local_stack.bus_tap import BusTap
from tools.local_stack.jira import EXTERNAL_SYSTEM
from tools.local_stack.stack import LocalStack
from tools.stand_in.client import StandIn
from tools.stand_in_jira.client import StandInJira

PATIENCE_SECONDS = 90
PAUSE_SECONDS = 0.5
QUESTION = "Is the claim covered?"
ANSWER = "Yes, by study 12."

Seen = Callable[[], str | None]


@dataclass(frozen=True)
class Turn:
    """One thing that was to be seen on the other side, and what was seen: None in time for none."""

    what: str
    seen: str | None


@dataclass(frozen=True)
class Talk:
    """People in CMP and in Jira, and a program that publishes, on one stack."""

    stack: LocalStack
    cmp: StandIn
    jira: StandInJira
    tap: BusTap

    def turns(self) -> Iterator[Turn]:
        """Go through the whole of it, each turn once the one before was seen."""
        link, asset_id = self._publish()
        if link is not None:
            self._report(link, asset_id)
        yield from self._ticket()
        event_id = link.split("/")[-2] if link else ""
        yield _turn("the publication is reported to CMP", lambda: self._reported(event_id))

    def _publish(self) -> tuple[str | None, str]:
        """Publish an image; return the link to report it to, as the bus tells it."""
        asset_id = self.cmp.add_asset("image", title="Harbour.jpg")["id"]
        self.cmp.publish([asset_id])
        links: list[str] = []

        def look() -> str | None:
            for event in self.tap.take(seconds=0):
                if event["detail"].get("asset", {}).get("id") == asset_id:
                    found = event["detail"].get("publishing_event") or {}
                    links.extend(filter(None, [found.get("publishing_metadata_link")]))
            return links[0] if links else None

        return _wait(look), asset_id

    def _report(self, link: str, asset_id: str) -> None:
        """Say that the image is on the website, as its program would."""
        command = {
            "schema": 1,
            "command_id": str(uuid.uuid4()),
            "issued_at": datetime.now(UTC).isoformat(),
            "command": "report_publication",
            "arguments": {
                "publishing_event_id": link.split("/")[-2],
                "publishing_metadata_link": link,
                "asset_id": asset_id,
                "status": "published",
                "public_url": f"https://www.example.com/images/{asset_id}.jpg",
            },
        }
        self.stack.boto("sqs").send_message(
            QueueUrl=self.stack.env["COMMAND_QUEUE_URL"], MessageBody=json.dumps(command)
        )

    def _reported(self, event_id: str) -> str | None:
        told = self.cmp.publishing.reports(event_id)
        return f"{told[0]['status']}, {told[0]['public_url']}" if told else None

    def _ticket(self) -> Iterator[Turn]:
        """Let a step be started in CMP, talked about on both sides and decided in Jira."""
        step = self.cmp.tasks.add(EXTERNAL_SYSTEM)["sub_step_id"]
        self.cmp.tasks.act("start", step)
        opened = _turn("an external step opens a ticket", lambda: self._key(step))
        yield opened
        if opened.seen is None:
            return
        key = opened.seen
        self.cmp.tasks.comment(step, QUESTION)
        yield _turn("a comment in CMP is on the ticket", lambda: self._in_jira(key))
        self.jira.comment(key, ANSWER)
        yield _turn("a comment on the ticket is in CMP", lambda: self._in_cmp(step))
        self.jira.move(key, "Done")
        yield _turn("the ticket is done: so is the sub-step", lambda: self._completed(step))

    def _key(self, step: str) -> str | None:
        identifier: str | None = self.cmp.tasks.show(step)["external_work"]["identifier"]
        return identifier

    def _in_jira(self, key: str) -> str | None:
        (ticket,) = [each for each in self.jira.issues() if each["key"] == key]
        return _first_marked(each["body"] for each in ticket["comments"])

    def _in_cmp(self, step: str) -> str | None:
        return _first_marked(each["value"] for each in self.cmp.tasks.show(step)["comments"])

    def _completed(self, step: str) -> str | None:
        return "completed" if self.cmp.tasks.show(step)["is_completed"] else None


def _first_marked(texts: Iterable[str]) -> str | None:
    """Return the first text that the relay wrote, without its mark and in one line."""
    found = (" ".join(marks.strip(text).split()) for text in texts if marks.mark_of(text))
    return next(found, None)


def _turn(what: str, look: Seen) -> Turn:
    return Turn(what, _wait(look))


def _wait(look: Seen) -> str | None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        seen = look()
        if seen is not None or time.monotonic() > deadline:
            return seen
        time.sleep(PAUSE_SECONDS)
