"""Texts to agents' phones: one MESSAGE to each registered contact (RFC 3428), the first that takes it decides.

The text stands in the body alone; nothing of it comes into a header, a log line or an event.
"""

import asyncio
from typing import Any, Final

import structlog

from control_api.permissions import Identity, Refusal, Subject
from mediaserver.signalling.house import House
from mediaserver.signalling.outside import Told
from sip.asking import OutsideRequest
from sip.errors import SipError
from sip.events import RequestAnswered
from sip.registrar import Binding
from sip.uri import Uri

_log = structlog.get_logger(__name__)

PATIENCE: Final = 5.0
"""Seconds that a phone has for an answer."""
_PLAIN_TEXT: Final = "text/plain;charset=UTF-8"
_SENDER: Final = "supervision"


class _Delivery:
    """One text on its way to all phones of an agent."""

    def __init__(self, phones: int) -> None:
        self.outcome: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._open = phones
        self._failure = 0
        """The most telling one so far: a phone's own word rather than that it gave none."""

    def answered(self, event: RequestAnswered, now: float) -> None:
        """One phone said something: a success counts at once, a failure where none is better."""
        self._open -= 1
        if event.response is not None or not self._failure:
            self._failure = event.status
        if not self.outcome.done() and (event.status < 300 or self._open == 0):
            self.outcome.set_result(event.status if event.status < 300 else self._failure)


async def send_text(house: House, identity: Identity, subject: Subject, text: str) -> dict[str, Any]:
    """Send a text to an agent's phones; returns the fields of a `control_api.call_models.MessageResult`. Raises `Refusal`."""
    bindings = _phones(house, subject)
    delivery = _Delivery(len(bindings))
    for binding in bindings:
        _ask(house, identity.name, binding, text, delivery.answered)
    house.settle()
    status = await delivery.outcome
    house.counters.add("texts_sent", "taken" if status < 300 else "refused")
    about = {"call": subject.call} if subject.call else {}
    _log.info("text.sent", **about, identity=identity.name, agent=subject.agent, status=status, octets=len(text.encode()))
    if status >= 300:
        why = "did not answer" if status == 408 else f"answered {status}"
        raise Refusal("unavailable", f"the phone of {subject.agent} {why}", "not every phone shows texts")
    return {"status": status, "phones": len(bindings)}


def notify(house: House, subject: Subject, text: str) -> None:
    """Send a text of the server's own to an agent's phones; nobody waits for what they say. Raises `Refusal` where there is none."""
    for binding in _phones(house, subject):
        _ask(house, "", binding, text, lambda event, now: None)
    house.settle()


def _phones(house: House, subject: Subject) -> list[Binding]:
    """Where an agent's phones are. Raises `Refusal` where there is none."""
    user = house.router.user_of_agent(subject.tenant, subject.agent)
    bindings = house.agent.contacts(user, house.clock()) if user else []
    if not bindings:
        raise Refusal("unavailable", f"no phone of {subject.agent} is registered here", "texts go to registered phones only")
    return bindings


def _ask(house: House, sender: str, binding: Binding, text: str, told: Told) -> None:
    """Send a text to one phone. Raises `Refusal` where that cannot be put into a message."""
    try:
        house.outside.ask(_request(house, sender, binding, text), told, house.clock())
    except SipError as error:
        raise Refusal("unavailable", f"the phone's address cannot be used: {error}") from None


def _request(house: House, sender: str, binding: Binding, text: str) -> OutsideRequest:
    host, port = house.advertised(binding.flow)
    return OutsideRequest(
        "MESSAGE",
        request_uri=binding.uri,
        from_uri=str(Uri("sip", _SENDER, host, port)),
        from_display=sender,
        to_uri=binding.uri,
        flows=(binding.flow,),
        route=binding.path,
        content_type=_PLAIN_TEXT,
        body=text.encode(),
        patience=PATIENCE,
    )
