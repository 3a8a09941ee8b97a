"""Carries a plan out: CMP's users in a thread for each life, the troubles in one of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import formatdate
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from cmp_relay import desk, mirroring, ticketing
from tools.chaos import injections, truth
from tools.chaos import plan as planned
from tools.chaos.talking import Talking
from tools.scenario import jobs
from tools.stand_in.files import PATH
from tools.stand_in.kinds import BY_NAME
from tools.stand_in.samples import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.chaos.plan import Act, Asset, Life, Plan, Trouble
    from tools.chaos.truth import Expected
    from tools.chaos.world import World
    from tools.stand_in.records import DeliveryRecord

URL_QUERY = "token=never-in-a-log-83f1"
"""In the query of every asset's download URL, to be searched for in the logs."""
SENDERS = 200
LINES = 6
"""How many deliveries CMP sends at once: each more is one more process that starts here."""
APPLIED_SECONDS = 150.0
DATE_SECONDS = 2
KILL_SECONDS = 300.0
"""How long to wait for what is to be killed: a busy machine comes to the first files late."""
LEASES = {
    "on_asset_file": ("files#", mirroring.LEASE_SECONDS),
    "on_external_work": ("step#", desk.LEASE_SECONDS),
    "on_ticket": ("ticket", ticketing.LEASE_SECONDS),
}
"""The leases that would hold a run up, 15 minutes or one after one: their names, their seconds."""
LATE_SECONDS = 5.0
"""How long a call may take to reach AWS whose caller was killed meanwhile."""
LOOK_SECONDS = 0.5
GLANCE_SECONDS = 0.1
"""Between two looks at a queue whose messages are soon done with."""
FOR_EVER = 1_000_000
API = "/v3"
NO_JOB = '{"this": "is no job"}'
UNREADABLE = '{"event_name": "asset_published", "data": '
ELSEWHERE = "https://elsewhere.example/v3/images/1"


@dataclass
class LifeRecord:
    """What was done of a life, and what became of its deliveries."""

    life: Life
    done: list[Act] = field(default_factory=list)
    sends: list[Future[list[DeliveryRecord]]] = field(default_factory=list)

    def received(self) -> list[DeliveryRecord]:
        """Wait until every delivery was sent, and return what became of each."""
        return [record for send in self.sends for record in send.result()]


@dataclass
class Driver:
    """Drives one plan through one world; `tell` hears what happens."""

    world: World
    plan: Plan
    tell: Callable[[str], None]
    views: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    records: list[LifeRecord] = field(default_factory=list)
    talking: Talking = field(init=False)
    _senders: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(SENDERS))
    _lines: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(LINES))
    _kills: list[Future[None]] = field(default_factory=list)
    _began: float = 0.0

    def __post_init__(self) -> None:
        """Make those who talk."""
        self.talking = Talking(self.world, self.plan.talks, self.tell, self._sleep_until)

    def run(self) -> None:
        """Live all lives and make all troubles; return once everything was delivered."""
        self._begin()
        talks = self.talking.start()
        self.records = [LifeRecord(life) for life in self.plan.lives]
        with self._senders, ThreadPoolExecutor(len(self.records)) as pool:
            lives = [pool.submit(self._live, record) for record in self.records]
            for at, happen in sorted(self._agenda(), key=lambda entry: entry[0]):
                self._sleep_until(at)
                happen()
            for life in lives:
                life.result()
            for talk in talks:
                talk.result()
            self.talking.finish()
            for kill in self._kills:
                kill.result()

    def expected(self) -> list[Expected]:
        """Tell what must be true after what was really done."""
        return [one for record in self.records for one in truth.of(record.life, record.done)]

    def deliveries(self) -> list[DeliveryRecord]:
        """List what became of every delivery, those of CMP's own accord included."""
        return self.world.cmp.deliveries()

    def _begin(self) -> None:
        for asset in self.plan.assets:
            self._add(asset)
        # First ordered, first met: nothing else befalls the requests of these.
        for life in self.plan.lives:
            for asset in life.assets if life.poison else ():
                self._poison(asset, str(life.poison))
        self._began = time.monotonic()

    def _add(self, asset: Asset) -> None:
        """Put an asset into CMP's library, each of its files behind a URL with a query."""
        cmp, title = self.world.cmp, f"{asset.id} v0"
        own: dict[str, Any] = {"is_public": not asset.is_private} if asset.is_a_file else {}
        if asset.size:
            own["file_size"] = asset.size
        view = cmp.add_asset(asset.kind, id=asset.id, title=title, **own)
        shown: dict[str, Any] = {"modified_at": view["modified_at"]}
        if asset.is_a_file:
            shown["url"] = f"{view['url']}?{URL_QUERY}"
        elif asset.kind == "article":
            shown["images"] = [
                {**image, "url": f"{image['url']}?{URL_QUERY}"} for image in view["images"]
            ]
        self.views[asset.id] = [_kept(cmp.change_asset(asset.id, **shown))]

    def _poison(self, asset: Asset, poison: str) -> None:
        status = {"unavailable": 500, "request_refused": 400}.get(poison)
        if status is not None:
            self.world.cmp.add_fault("status", status=status, count=FOR_EVER, path=_path_of(asset))

    def _live(self, record: LifeRecord) -> None:
        for act in record.life.acts:
            self._sleep_until(act.at)
            if not self._may_go_on(record, act):
                return
            self._act(record, act)
            record.done.append(act)

    def _may_go_on(self, record: LifeRecord, act: Act) -> bool:
        """Wait for what the act waits for; an unpublish that CMP had to repeat spoils `applied`.

        A copy of it can still be on its way, and withdraws what is published after it
        (docs/decisions/0003).
        """
        if act.waits_for == "nothing":
            return True
        received = record.received()
        if act.waits_for == "received":
            return True
        once = all(one["attempts"] == 1 and one["delivered"] for one in received)
        return once and all(self._ended(one) for one in received)

    def _ended(self, record: DeliveryRecord) -> bool:
        answer = record["response"]
        found = jobs.wait(self.world.stack, answer["delivery_id"], answer["jobs"], APPLIED_SECONDS)
        return len(found) == answer["jobs"] and all(job.outcome for job in found)

    def _act(self, record: LifeRecord, act: Act) -> None:
        for asset in record.life.assets:
            self._change(asset, act)
        for body in self._bodies(record.life, act):
            for offset in act.offsets:
                record.sends.append(self._send(offset, body=body, channel=act.channel))

    def _send(self, offset: float = 0.0, **order: object) -> Future[list[DeliveryRecord]]:
        def wait_and_send() -> list[DeliveryRecord]:
            time.sleep(offset)
            with self._lines:
                return self.world.cmp.deliver(**order)

        return self._senders.submit(wait_and_send)

    def _change(self, asset: Asset, act: Act) -> None:
        views, cmp = self.views[asset.id], self.world.cmp
        if act.place:
            cmp.move_asset(asset.id, act.place)
        if act.changes:
            fields: dict[str, Any] = {"title": f"{asset.id} v{len(views)}"}
            if act.labelled is not None:
                fields["labels"] = LABELS if act.labelled else []
            if act.uploads and asset.is_a_file:
                fields["version_id"] = f"{asset.id}-v{len(views)}"
            elif act.uploads and asset.kind == "article":
                fields["images"] = self._with_one_more(asset)
            views.append(_kept(cmp.change_asset(asset.id, **fields)))

    def _with_one_more(self, article: Asset) -> list[dict[str, Any]]:
        """Return the images of an article, and another one behind them."""
        views = self.views[article.id]
        images = [{**image, "url": f"{image['url']}?{URL_QUERY}"} for image in views[-1]["images"]]
        name = f"{article.id}-picture-{len(views)}"
        url = f"{self.world.cmp.files_origin}{PATH}{name}?{URL_QUERY}"
        return [*images, {**images[0], "url": url}]

    def _bodies(self, life: Life, act: Act) -> Iterator[dict[str, Any]]:
        cmp = self.world.cmp
        match act.event_name:
            case "asset_added" | "asset_modified" | "asset_removed":
                for asset in life.assets:
                    yield cmp.library_body(act.event_name, asset.id)
            case "asset_published" | "asset_synced" | "asset_unpublished":
                announcement = _ANNOUNCEMENTS[act.event_name]
                ids = [asset.id for asset in life.assets]
                body = cmp.body(announcement, ids, publishing_event_id=act.publishing_event)
                if life.poison == "untrusted_link":
                    body["data"]["assets"]["images"][0]["links"]["self"] = ELSEWHERE
                yield body

    def _agenda(self) -> Iterator[tuple[float, Callable[[], object]]]:
        for trouble in self.plan.troubles:
            yield from self._entries(trouble)

    def _entries(self, trouble: Trouble) -> Iterator[tuple[float, Callable[[], object]]]:
        match trouble:
            case planned.Outage():
                yield trouble.at, lambda: self._outage(trouble.seconds)
            case planned.RevokedCredentials():
                yield trouble.at, self._revoke
                yield trouble.at + trouble.seconds, self._let_in
            case planned.CmpFault():
                yield trouble.at, lambda: self._cmp_fault(trouble)
            case planned.TalkFault():
                yield trouble.at, lambda: self._talk_fault(trouble)
            case planned.FileFault():
                yield trouble.at, lambda: self._file_fault(trouble)
            case planned.ExpiredTokens():
                yield trouble.at, self._expire
            case planned.Kill():
                yield (
                    trouble.at,
                    lambda: self._kills.append(self._senders.submit(self._kill, trouble)),
                )
            case planned.AwsTrouble():
                yield trouble.at, lambda: self.world.aws_faults.order(trouble.fault)
            case planned.Stray():
                yield trouble.at, lambda: self._stray(trouble.kind)

    def _cmp_fault(self, fault: planned.CmpFault) -> None:
        options: dict[str, object] = {
            "count": fault.count,
            "seconds": fault.seconds,
            "within": fault.within,
        }
        options["path"] = _path_of(fault.asset) if fault.asset else _path_of_all(fault.asset_kind)
        if fault.status:
            options["status"] = fault.status
        if fault.retry_after == "date":
            options["retry_after"] = formatdate(time.time() + DATE_SECONDS, usegmt=True)
        elif fault.retry_after is not None:
            options["retry_after"] = fault.retry_after
        if fault.kind == "redirect":
            # The second name of the same host is one of CMP's trusted origins as well.
            other = self.world.stack.cmp_url.replace("127.0.0.1", "localhost")
            options["location"] = f"{other}{options['path']}"
        self.world.cmp.add_fault(fault.kind, **options)
        what = f"{fault.kind} {fault.status or ''}".strip()
        self.tell(f"CMP: {what} for the next {fault.count} requests of {fault.asset_kind}")

    def _talk_fault(self, fault: planned.TalkFault) -> None:
        names = ("path", "count", "method", "status", "retry_after", "seconds")
        told = {name: getattr(fault, name) for name in names}
        options = {name: value for name, value in told.items() if value is not None}
        if fault.where == "Jira":
            self.world.jira.fault(fault.kind, **options)
        else:
            self.world.cmp.add_fault(fault.kind, **options)
        what = f"{fault.kind} {fault.status or ''}".strip()
        self.tell(f"{fault.where}: {what} for the next {fault.count} requests")

    def _file_fault(self, fault: planned.FileFault) -> None:
        names = ("status", "more_bytes", "after_bytes", "bytes_per_second")
        told = {name: getattr(fault, name) for name in names}
        options = {name: value for name, value in told.items() if value is not None}
        if fault.kind == "redirect":
            options["location"] = self.views[fault.asset.id][0]["url"]
        options |= {"asset_id": fault.asset.id, "count": fault.count}
        self.world.cmp.add_download_fault(fault.kind, **options)
        what = f"{fault.kind} {fault.status or ''}".strip()
        self.tell(f"files: {what} for the next {fault.count} downloads of {fault.asset.id}")

    def _outage(self, seconds: float) -> None:
        self.world.cmp.add_fault("status", status=503, count=FOR_EVER, path=API, within=seconds)
        self.tell(f"CMP: outage, {seconds:.0f} s from the next request on")

    def _expire(self) -> None:
        self.world.age_token()
        self.world.cmp.expire_tokens()
        self.done[injections.EXPIRED] += 1
        self.tell("CMP: all access tokens expired")

    def _revoke(self) -> None:
        self.world.cmp.set_oauth(refuse=True)
        self._expire()
        self.done[injections.REVOKED] += 1
        self.tell("CMP: credentials revoked")

    def _let_in(self) -> None:
        self.world.cmp.set_oauth(refuse=False)
        self.tell("CMP: credentials good again")

    def _kill(self, kill: planned.Kill) -> None:
        """End a function's execution environments, as soon as it has any."""
        deadline = time.monotonic() + KILL_SECONDS
        while not (alive := self._to_be_killed(kill)):
            if time.monotonic() > deadline:
                return
            time.sleep(GLANCE_SECONDS if kill.queue else LOOK_SECONDS)
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed_at = time.time()
        self.done[injections.killed(kill)] += len(alive)
        self.tell(f"{injections.killed(kill)}: {len(alive)}")
        if kill.function in LEASES:
            self._end_leases(*LEASES[kill.function], killed_at)

    def _end_leases(self, prefix: str, seconds: float, killed_at: float) -> None:
        """End the leases of the dead, the one included that is on its way to AWS when they die."""
        while time.time() < killed_at + LATE_SECONDS:
            self.world.end_leases(prefix, until=killed_at + seconds)
            time.sleep(LOOK_SECONDS)

    def _to_be_killed(self, kill: planned.Kill) -> list[int]:
        if kill.amid_upload and not any(self.world.uploads().values()):
            return []
        if kill.queue and not self.world.is_at_work(kill.queue):
            return []
        return self.world.stack.functions.processes(kill.function)

    def _stray(self, kind: str) -> None:
        match kind:
            case "no_job":
                url = self.world.queue_urls()["ASSET_PUBLISHED"]
                self.world.stack.boto("sqs").send_message(QueueUrl=url, MessageBody=NO_JOB)
            case "unreadable_delivery":
                self._send(raw=UNREADABLE)
        self.tell(f"stray: {kind}")

    def _sleep_until(self, at: float) -> None:
        time.sleep(max(0.0, self._began + at - time.monotonic()))


_ANNOUNCEMENTS: Any = {
    "asset_published": "publish",
    "asset_synced": "sync",
    "asset_unpublished": "unpublish",
}


def _kept(view: dict[str, Any]) -> dict[str, Any]:
    """Return a view as the relay may keep it: a query of a file's URL can be a token."""
    kept: dict[str, Any] = json.loads(json.dumps(view).replace(f"?{URL_QUERY}", ""))
    return kept


def _path_of(asset: Asset) -> str:
    return f"{_path_of_all(asset.kind)}{asset.id}"


def _path_of_all(kind: str) -> str:
    return f"{API}/{BY_NAME[kind].segment}/"
