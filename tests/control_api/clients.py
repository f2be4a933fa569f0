"""Clients of a control API that is no process: sessions over feeds, keys and a fake desk."""

import json
from typing import Any

import msgpack

from control_api.encoding import Subprotocol
from control_api.feeds import Feeds
from control_api.idempotency import KeyTable
from control_api.permissions import Identity
from control_api.session import Order, Position, Refused, Session
from tests.control_api.desk import ANNA, FakeDesk, call_model


class House:
    """Feeds, keys and a desk, and clients of them."""

    def __init__(self, capacity: int = 20, queue: int = 10) -> None:
        self.feeds = Feeds(capacity, lambda: "stream")
        self.keys = KeyTable()
        self.desk = FakeDesk()
        self.queue = queue
        self.desk.subscribe(lambda event: self.feeds.publish(event, 0.0))

    def client(
        self,
        identity: Identity = ANNA,
        resume: Position | None = None,
        subprotocol: Subprotocol = Subprotocol.JSON,
        wants_meters: bool = True,
    ) -> "Client":
        """A new connection."""
        return Client(self, identity, resume, subprotocol, wants_meters)


class Client:
    """The far end of a session: what it is sent, read."""

    def __init__(self, house: House, identity: Identity, resume: Position | None, subprotocol: Subprotocol, wants_meters: bool) -> None:
        self.wakes = 0
        self.session = Session(
            house.feeds.of(identity),
            house.keys,
            subprotocol,
            lambda: house.desk.calls(identity),
            self._wake,
            house.queue,
            resume,
            wants_meters,
            withheld=lambda: house.desk.withheld(identity),
        )

    def _wake(self) -> None:
        self.wakes += 1

    def read(self, limit: int = 1000) -> list[dict[str, Any]]:
        """What it is sent now."""
        frames: list[dict[str, Any]] = []
        while len(frames) < limit and (frame := self.session.next_frame()) is not None:
            frames.append(msgpack.unpackb(frame) if self.session.subprotocol is Subprotocol.MSGPACK else json.loads(frame))
        return frames

    def say(self, **message: Any) -> Order | Refused | None:
        """Send a message."""
        return self.session.receive(json.dumps(message))

    def order(self, **message: Any) -> Order:
        """Send a command that is to be carried out."""
        order = self.say(**message)
        assert isinstance(order, Order)
        return order


def brief(frames: list[dict[str, Any]]) -> list[Any]:
    """Events by number, anything else by type."""
    return [frame["sequence"] if frame["type"] == "event" else frame["type"] for frame in frames]


def hold(house: House, times: int) -> None:
    """So many events of a call happen."""
    for _ in range(times):
        house.desk.put(call_model(), "call.held")
