"""The service killed and started again: a parent that forks its processes, a page that changes, and
what must hold.

The invariants are those of the delivery reference (3.4): I1 each event is owed once to each target,
I3 each target received each event, and all copies have one id and one body, I4 no event without an
accepted document."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy import text
from sqlmodel import col, select, update

from monitor.demo.pages import openai_retirements
from monitor.store.db import Store
from monitor.store.tables import AttemptRow, DeliveryRow, DocumentRow, EventRow, SourceRow
from monitor.vault import new_key
from tests.support.fixtures import TESTS
from tests.support.loopback_site import Page, Site
from tests.support.receivers import Receiver, serving, target

SOURCE = "openai.deprecations"
#: The name under which the children connect to PostgreSQL.
CHILD = "lastcall-child"
#: A child that has not got there after so many seconds hangs.
HANGS = 240.0


class Parent:
    """The process that has loaded the program; its children are started and die one after the
    other.
    """

    def __init__(self, folder: Path):
        self.said = folder / "said"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.killable_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=TESTS.parent,
            env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
        )
        self.running = 0

    def start(self, task: str, store: Store, environment: dict[str, str], step: str = "") -> int:
        """Fork a child that dies at a step (tests.support.killable_child); returns its process id."""
        assert self.process.stdin
        order = {
            "task": task,
            "database": store.url.render_as_string(hide_password=False),
            "step": step,
            "environment": json.dumps(environment),
            "said": str(self.said),
        }
        self.process.stdin.write(json.dumps(order) + "\n")
        self.running = int(self._answer("started"))
        return self.running

    def wait(self) -> int:
        """The exit code of the child, once it has ended."""
        code = int(self._answer("ended"))
        self.running = 0
        return code

    def kill(self) -> None:
        """Kill the child that runs, if one does: it may be about to end by itself."""
        if self.running:
            with suppress(ProcessLookupError):
                os.kill(self.running, signal.SIGKILL)

    def words(self) -> str:
        """What the last child said on stdout and stderr."""
        return self.said.read_text("utf-8")

    def close(self) -> None:
        if self.running:
            self.kill()
            self.wait()
        self.process.communicate()

    def _answer(self, word: str) -> str:
        assert self.process.stdout
        said, _, value = self.process.stdout.readline().partition(" ")
        assert said == word, said
        return value


def look_again(store: Store) -> None:
    """The source is due, as if a whole interval had passed since the last look, and any lease on it
    with that.
    """
    with store.write() as session:
        session.execute(
            update(SourceRow).values(due_at=datetime.now(UTC), looked_at=None, lease_until=None)
        )


def let_leases_end(store: Store) -> list[int]:
    """What the dead process had claimed can be claimed again; returns which deliveries those
    are.
    """
    with store.write() as session:
        leased = update(DeliveryRow).where(
            col(DeliveryRow.state) == "pending", col(DeliveryRow.lease_owner) != ""
        )
        ended = leased.values(lease_until=datetime.now(UTC)).returning(col(DeliveryRow.id))
        session.execute(
            update(DeliveryRow)
            .where(col(DeliveryRow.state) == "pending")
            .values(next_at=datetime.now(UTC))
        )
        return [int(number) for number in session.scalars(ended)]


def let_connections_end(store: Store) -> None:
    """Wait until PostgreSQL has ended the connections of a child that was killed.

    A statement that the child had sent is still executed, a COMMIT among them: who reads before
    that may miss a claim, or an event, of the dead process."""
    if store.sqlite:
        return
    left = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = :name"
    )
    for _ in range(6000):
        with store.read() as session:
            if not session.connection().execute(left, {"name": CHILD}).scalar():
                return
        time.sleep(0.01)
    raise AssertionError("connections of a killed process are open after a minute")


class Service:
    """The service as a child, on a store and a site."""

    def __init__(self, parent: Parent, store: Store, site: Site):
        self.parent = parent
        self.store = store
        self.environment = {
            "LASTCALL_SOURCE_URLS": json.dumps({SOURCE: site.url("/deprecations.md")}),
            "LASTCALL_ALLOW_NETWORKS": "127.0.0.0/8",
            "LASTCALL_ALLOW_HTTP": "1",
            "LASTCALL_ALLOW_HIGH_PORTS": "1",
            "LASTCALL_SECRET_KEYS": new_key(),
            "PGAPPNAME": CHILD,
        }

    @asynccontextmanager
    async def _life(self, step: str = "") -> AsyncIterator[asyncio.Task[int]]:
        """Start the child; give the task that ends with its exit code. It does not outlive the
        block, whatever is raised there."""
        self.parent.start("run", self.store, self.environment, step)
        ended = asyncio.create_task(asyncio.to_thread(self.parent.wait))
        try:
            yield ended
        finally:
            if not ended.done():
                self.parent.kill()
            await asyncio.wait([ended])
            await asyncio.to_thread(let_connections_end, self.store)

    async def dies(self, step: str) -> None:
        """Run it until it reaches a step, with as many looks at the page as that takes."""
        async with asyncio.timeout(HANGS), self._life(step) as ended:
            while not (await asyncio.wait([ended], timeout=0.3))[0]:
                await asyncio.to_thread(look_again, self.store)
        assert ended.result() == -signal.SIGKILL, self.parent.words()

    async def dies_after(self, seconds: float, step: str = "") -> None:
        """Kill it after a while, in which it looks at the page as often as it can, if it has not
        died before.
        """
        async with self._life(step) as ended:
            ends = time.monotonic() + seconds
            while not ended.done() and (left := ends - time.monotonic()) > 0:
                await asyncio.to_thread(look_again, self.store)
                await asyncio.wait([ended], timeout=min(left, 0.1))
        assert ended.result() == -signal.SIGKILL, self.parent.words()

    async def lives_until(self, done: Callable[[], bool]) -> None:
        """Run it until something is so, then stop it as an operator would."""
        async with asyncio.timeout(HANGS), self._life() as ended:
            for turn in itertools.count(1):
                if await asyncio.to_thread(done):
                    break
                assert not ended.done(), self.parent.words()
                if turn % 10 == 0:
                    await asyncio.to_thread(look_again, self.store)
                await asyncio.sleep(0.03)
            os.kill(self.parent.running, signal.SIGTERM)
            await asyncio.wait([ended])
        # the signal where it was so before the service began
        assert ended.result() in (0, -signal.SIGTERM), self.parent.words()


# --- random kills
# --------------------------------------------------------------------------------------------

MODELS = 8
#: A life ends after this if its failpoint was not reached, in seconds.
LONGEST = 0.8
#: Where a process may die, beside anywhere: every step of a poll and of a delivery, and any
#: statement.
FAILPOINTS = (
    "monitor.polling.poll:fetch:before",
    "monitor.polling.poll:fetch:after",
    "monitor.polling.poll:parse:after",
    "monitor.polling.poll:record:before",
    "monitor.polling.poll:record:after",
    "monitor.store.fact_versions:apply:after",
    "monitor.store.event_log:append:after",
    "monitor.delivery.outbox:enqueue:after",
    "monitor.store.source_state:record:after",
    "monitor.delivery.claim:claim:after",
    "monitor.delivery.publisher:Publisher.send:before",
    "monitor.delivery.publisher:Publisher.send:after",
    "monitor.delivery.publisher:Publisher.record:before",
    "monitor.delivery.publisher:Publisher.record:after",
    "monitor.delivery.attempt_results:acknowledge:after",
    "sql:before",
    "sql:after",
)


@dataclass
class Tally:
    """What a trial saw. ``in_flight`` counts the kills at which each delivery was claimed."""

    kills: int = 0
    by_place: Counter[str] = field(default_factory=Counter)
    in_flight: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: int = 0
    copies: int = 0
    duplicates: int = 0


class Trial:
    """A page whose dates move on, two endpoints, and a service that is killed again and again."""

    def __init__(self, parent: Parent, store: Store, seed: int):
        self.parent = parent
        self.store = store
        self.chance = random.Random(seed)
        self.dates = [date(2030, 1, 1) + timedelta(days=number) for number in range(MODELS)]
        self.moved: list[tuple[str, str]] = []
        self.tally = Tally()
        self.got: dict[str, list[tuple[str, bytes]]] = {"sub_a": [], "sub_b": []}
        self.killing: Callable[[], None] | None = None

    async def run(self, kills: int) -> Tally:
        receivers = {name: Receiver(answer=self._answer) for name in self.got}
        async with (
            Site() as site,
            serving(receivers["sub_a"].handle) as one,
            serving(receivers["sub_b"].handle) as other,
        ):
            with self.store.write() as session:
                for name, base in (("sub_a", one), ("sub_b", other)):
                    secret = receivers[name].secret
                    session.add(
                        target(name, datetime.now(UTC), address=f"{base}/hook", secret=secret)
                    )
            service = Service(self.parent, self.store, site)
            self._publish(site)
            await service.lives_until(self._has_baseline)
            while self.tally.kills < kills:
                if self._is_told():
                    self._change(site)
                await self._kill(service)
                self._check()
                if (
                    self.tally.kills % 4 == 0
                ):  # on a busy machine no life may be long enough for a whole poll
                    await service.lives_until(self._is_told)
            await service.lives_until(self._all_is_done)
        self.got = {name: receiver.got for name, receiver in receivers.items()}
        self._check()
        self._check_receipts()
        return self.tally

    async def _answer(self, _request: web.Request, _number: int) -> web.StreamResponse:
        if self.killing:  # the request is written, the answer is not read (K8)
            self.killing()
            await asyncio.sleep(0.1)
        return web.Response(status=204)

    def _publish(self, site: Site) -> None:
        rows = [
            ("2026-11-01", "All", f"{day}", f"gpt-{number}", "gpt-next")
            for number, day in enumerate(self.dates)
        ]
        site.pages["/deprecations.md"] = Page(openai_retirements(rows))

    def _change(self, site: Site) -> None:
        number = self.chance.randrange(MODELS)
        self.dates[number] += timedelta(days=self.chance.randrange(1, 20))
        self.moved.append((f"gpt-{number}", str(self.dates[number])))
        self._publish(site)

    async def _kill(self, service: Service) -> None:
        """One life: it ends at a failpoint, at a moment, or while a receiver answers, whichever was
        drawn.
        """
        place = self.chance.choice(("moment", "moment", "receiver", *FAILPOINTS))
        if place == "moment":
            await service.dies_after(self.chance.uniform(0.0, 0.5))
        elif place == "receiver":
            self.killing = self.parent.kill
            await service.dies_after(LONGEST)
            self.killing = None
        else:
            number = self.chance.randrange(1, 60 if place.startswith("sql") else 3)
            await service.dies_after(LONGEST, f"{place}:{number}")
        self.tally.kills += 1
        self.tally.by_place[place] += 1
        claimed = let_leases_end(self.store)
        with self.store.read() as session:
            rows = select(DeliveryRow.event_id, DeliveryRow.subscription_id).where(
                col(DeliveryRow.id).in_(claimed)
            )
            self.tally.in_flight.update(
                (event, name) for event, name in session.execute(rows).all()
            )

    # what is so

    def _told(self) -> list[tuple[str, str]]:
        with self.store.read() as session:
            rows = session.scalars(
                select(EventRow)
                .where(col(EventRow.kind) == "retirement.postponed")
                .order_by(col(EventRow.sequence))
            )
            return [(row.model, str((row.effective or {})["text"])) for row in rows]

    def _is_told(self) -> bool:
        return len(self._told()) == len(self.moved)

    def _has_baseline(self) -> bool:
        with self.store.read() as session:
            row = session.get(SourceRow, SOURCE)
            return bool(row and row.baseline_at)

    def _all_is_done(self) -> bool:
        """Return whether each change is in the log and each delivery arrived.

        The log is read first. In the other order, a change that is recorded between the two reads
        leaves deliveries that neither read sees, and the service is stopped before it sends them.
        """
        if not self._is_told():
            return False
        with self.store.read() as session:
            waiting = select(DeliveryRow.id).where(col(DeliveryRow.state) != "delivered").limit(1)
            return session.scalars(waiting).first() is None

    # what must hold

    def _check(self) -> None:
        """After each kill: the log is the changes in their order, whole and once, and each is owed
        once to each.
        """
        told = self._told()
        assert told in (self.moved, self.moved[:-1]), (
            "an event is lost, told twice, or of another order"
        )
        with self.store.read() as session:
            events = list(session.scalars(select(EventRow).where(~col(EventRow.baseline))))
            owed = Counter(
                (row.event_id, row.subscription_id) for row in session.scalars(select(DeliveryRow))
            )
            documents = set(session.scalars(select(DocumentRow.sha256)))
            source = session.get_one(SourceRow, SOURCE)
        told_of = [event for event in events if not event.kind.startswith(("source.", "endpoint."))]
        assert owed == Counter((event.id, name) for event in told_of for name in self.got), "I1"
        assert all(event.document in documents for event in told_of), "I4"
        assert source.document in documents, (
            "the validators are those of a document that was taken over"
        )
        self.tally.events = len(told_of)

    def _check_receipts(self) -> None:
        with self.store.read() as session:
            events = set(
                session.scalars(
                    select(EventRow.id).where(col(EventRow.kind) == "retirement.postponed")
                )
            )
            failed = Counter[tuple[str, str]]()
            rows: Any = select(
                DeliveryRow.event_id, DeliveryRow.subscription_id, AttemptRow.status
            ).join(AttemptRow, col(AttemptRow.delivery_id) == col(DeliveryRow.id))
            for event, name, status in session.execute(rows).all():
                failed[event, name] += status != 204
        for name, got in self.got.items():
            copies = Counter(message_id for message_id, _ in got)
            wrong = [self._history(event_id, name) for event_id in events ^ copies.keys()]
            assert not wrong, f"I3: {name} received each event and no other; not so: {wrong}"
            assert len(set(got)) == len(copies), "I3: all copies are the same"
            for event, count in copies.items():
                more = count - 1
                allowed = self.tally.in_flight[event, name] + failed[event, name]
                assert more <= allowed, (
                    f"{event} came {count} times to {name}, {allowed} times in flight at a kill"
                )
                self.tally.copies += count
                self.tally.duplicates += more

    def _history(self, event_id: str, name: str) -> str:
        """Return what the log, the outbox and the receivers hold of one event of one target."""
        with self.store.read() as session:
            event = session.scalars(select(EventRow).where(EventRow.id == event_id)).first()
            mine = (DeliveryRow.event_id == event_id, DeliveryRow.subscription_id == name)
            delivery = session.scalars(select(DeliveryRow).where(*mine)).first()
            of_it = col(AttemptRow.delivery_id) == (delivery and delivery.id)
            attempts = session.scalars(select(AttemptRow).where(of_it)).all()
        copies = {
            receiver: sum(message_id == event_id for message_id, _ in got)
            for receiver, got in self.got.items()
        }
        return (
            f"{'missing' if event else 'not in the log'}: {event!r}, {delivery!r}, {attempts!r}; "
            f"received {copies}, in flight at {self.tally.in_flight[event_id, name]} kills"
        )
