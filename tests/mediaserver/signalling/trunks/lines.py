"""A server with one trunk or two, and who is at the other end of them."""

from typing import Any

from config.settings import Settings
from control_api.ports import HouseEvent
from sip.message import Request, Response
from sip.transport.flow import Address
from tests.mediaserver.signalling.exchange import ROBERT, SETTINGS, Exchange, Phone
from tests.sip.network import Carried

CARRIER: Address = ("127.0.1.1", 5060)
SECOND: Address = ("127.0.1.2", 5060)
THIRD: Address = ("127.0.1.3", 5060)
PBX: Address = ("127.0.4.1", 5060)
ELSEWHERE: Address = ("127.0.9.9", 5060)


def settings(*trunks: dict[str, Any], **sections: Any) -> Settings:
    """The usual settings with these trunks."""
    usual = SETTINGS.model_dump() | {
        "trunks": [{"name": "carrier"} | trunk for trunk in trunks],
        "users": [
            {"name": "robert", "secret": "r", "may_call": True},
            {"name": "exchange", "secret": "x"},
            {"name": "eve", "secret": "e", "ceiling": {"agents": ["*"], "mode": "barge"}},
        ],
        "agents": [{"name": "robert", "team": "north", "user": "robert"}, {"name": "paula", "team": "south", "extension": "1001"}],
        "routes": [
            {"trunk": "*", "number": "100", "targets": ["agent:robert"]},
            {"trunk": "*", "number": "555(.*)", "targets": ["trunk:carrier/{1}", "agent:robert"]},
            {"trunk": "*", "number": "7(.*)", "targets": ["trunk:pbx/{1}"]},
        ],
    }
    return Settings.model_validate(usual | sections)


def started(*trunks: dict[str, Any], **sections: Any) -> Exchange:
    """A server that is at work."""
    exchange = Exchange(settings(*trunks, **sections))
    exchange.trunks.start()
    return exchange


def robert(exchange: Exchange) -> Phone:
    """An agent's phone, registered."""
    return exchange.phone(ROBERT).register("robert", "r")


def asked(exchange: Exchange, method: str, receiver: Address | None = None) -> list[Request]:
    """Requests of a method that the server sent, in order, once each."""
    found = [carried.message for carried in exchange.network.carried if carried.sender == ("127.0.0.1", 5060) and _is_to(carried, receiver)]
    return [message for message in found if isinstance(message, Request) and message.method == method]


def answered(exchange: Exchange, receiver: Address) -> list[int]:
    """Final statuses that the server sent to somebody."""
    found = [carried.message for carried in exchange.network.carried if carried.receiver == receiver]
    return [message.status for message in found if isinstance(message, Response) and message.status >= 200]


def reply(exchange: Exchange, request: Request, status: int, *headers: tuple[str, str]) -> None:
    """Answer a request of the server's by hand, for whom nobody else is there."""
    kept = [(name, value) for name, value in request.headers if name in ("Via", "From", "Call-ID", "CSeq")]
    response = Response(status, [*kept, ("To", request.values("To")[0] + ";tag=peer"), *headers])
    receiver = next(carried.receiver for carried in exchange.network.carried if carried.message.via.branch == request.via.branch)
    exchange.network.inject(response.serialize(), receiver, ("127.0.0.1", 5060))
    exchange.run()


def told(exchange: Exchange, kind: str) -> list[HouseEvent]:
    """Events of one kind that watchers heard."""
    return [event for event in exchange.heard if event.kind == kind]


def _is_to(carried: Carried, receiver: Address | None) -> bool:
    return receiver is None or carried.receiver == receiver
