"""Texts to agents' phones: who may send them, what goes out, and what is told of the answer (RFC 3428)."""

import asyncio
from typing import Any, cast

import pytest

from control_api.permissions import Refusal
from sip.message import Request
from tests.mediaserver.signalling.exchange import ROBERT, SERVER, TRUNK, Exchange, Phone, register_phone
from tests.sip.network import Station

DESK_PHONE = ("127.0.2.9", 5060)


class Display:
    """A registered phone that takes texts; its answers are written by hand."""

    def __init__(self, exchange: Exchange, address: tuple[str, int] = ROBERT, status: int = 200) -> None:
        self.exchange = exchange
        self.address = address
        self.status = status
        """0: it says nothing."""
        self.got: list[Request] = []
        register_phone(Phone(exchange, cast(Station, None), address), "robert", "r")

    def reads(self) -> None:
        """Answer what came."""
        for carried in list(self.exchange.network.carried):
            message = carried.message
            if isinstance(message, Request) and message.method == "MESSAGE" and carried.receiver == self.address:
                self.got.append(message)
                if self.status:
                    copied = [f"{name}: {value}" for name in ("Via", "From", "To", "Call-ID", "CSeq") for value in message.values(name)]
                    reply = "\r\n".join([f"SIP/2.0 {self.status} Said", *copied, "Content-Length: 0"]) + "\r\n\r\n"
                    self.exchange.network.inject(reply.encode(), self.address, SERVER)


async def send(exchange: Exchange, *displays: Display, user: str = "eve", text: str = "Offer him a refund", **whom: Any) -> dict[str, Any]:
    """A supervisor sends a text while the phones look on."""
    request = exchange.desk.message(exchange.identity(user), call=whom.get("call"), agent=whom.get("agent"), text=text)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(request)
        await asyncio.sleep(0)
        exchange.run()
        for display in displays:
            display.reads()
        exchange.run(6)
    return task.result()


async def refused(exchange: Exchange, *displays: Display, **wishes: Any) -> Refusal:
    """How a text was refused."""
    with pytest.raises(ExceptionGroup) as caught:
        await send(exchange, *displays, **wishes)
    (refusal,) = caught.value.exceptions
    assert isinstance(refusal, Refusal)
    return refusal


async def test_a_text_reaches_the_agents_phone_as_it_is() -> None:
    exchange = Exchange()
    display = Display(exchange)
    assert await send(exchange, display, agent="robert", text="Jürgen\nasks: ☎?") == {"status": 200, "phones": 1}
    (message,) = display.got
    assert (message.uri, message.header("Content-Type")) == ("sip:robert@127.0.2.1:5060", "text/plain;charset=UTF-8")
    assert message.body.decode() == "Jürgen\nasks: ☎?"
    assert (message.from_.display, message.from_.uri) == ("eve", "sip:supervision@127.0.0.1:5060")
    assert message.header("Contact") is None


async def test_what_looks_like_headers_stays_in_the_body() -> None:
    exchange = Exchange()
    display = Display(exchange)
    await send(exchange, display, agent="robert", text="\n\nX-Evil: 1\nContent-Length: 9")
    (message,) = display.got
    assert message.header("X-Evil") is None
    assert message.body == b"\n\nX-Evil: 1\nContent-Length: 9"


async def test_the_agent_of_a_call_is_named_by_the_call() -> None:
    exchange = Exchange()
    display = Display(exchange)
    exchange.phone(TRUNK).dial("100")
    assert (await send(exchange, display, call=exchange.view.call))["status"] == 200


async def test_all_his_phones_get_it_and_one_that_takes_it_is_enough() -> None:
    exchange = Exchange()
    deaf = Display(exchange, status=405)
    exchange.run(70)
    taking = Display(exchange, DESK_PHONE, status=202)
    assert await send(exchange, deaf, taking, agent="robert") == {"status": 202, "phones": 2}
    assert len(deaf.got) == len(taking.got) == 1


async def test_of_two_phones_that_do_not_take_it_the_one_that_says_why_is_told() -> None:
    exchange = Exchange()
    silent = Display(exchange, status=0)
    exchange.run(70)
    refusal = await refused(exchange, silent, Display(exchange, DESK_PHONE, status=405), agent="robert")
    assert refusal.text == "the phone of robert answered 405"


@pytest.mark.parametrize(("status", "text"), [(405, "answered 405"), (486, "answered 486"), (0, "did not answer")])
async def test_a_phone_that_does_not_take_it_is_told(status: int, text: str) -> None:
    exchange = Exchange()
    refusal = await refused(exchange, Display(exchange, status=status), agent="robert")
    assert (refusal.code, refusal.text) == ("unavailable", f"the phone of robert {text}")
    assert exchange.counters.value("texts_sent", "refused") == 1


async def test_an_agent_without_a_registered_phone_is_unavailable() -> None:
    assert (await refused(Exchange(), agent="maria")).code == "unavailable"


@pytest.mark.parametrize("agent", ["maria", "nobody-at-all"])
async def test_who_is_beyond_the_ceiling_does_not_exist(agent: str) -> None:
    refusal = await refused(Exchange(), user="lars", agent=agent)
    assert (refusal.code, refusal.text) == ("not_found", f"no agent {agent}")


async def test_who_may_only_listen_may_not_write() -> None:
    exchange = Exchange()
    assert (await refused(exchange, user="lars", agent="robert")).code == "forbidden"
    assert exchange.counters.value("refusals", "forbidden") == 1


async def test_a_text_of_a_phone_is_refused_with_what_is_allowed() -> None:
    exchange = Exchange()
    start = len(exchange.network.carried)
    exchange.network.inject(
        b"MESSAGE sip:eve@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.2.1:5060;branch=z9hG4bKm\r\nFrom: <sip:r@x>;tag=1\r\n"
        b"To: <sip:eve@127.0.0.1>\r\nCall-ID: m\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi",
        ROBERT,
        SERVER,
    )
    answer = exchange.network.carried[start].message
    assert answer.start_line() == "SIP/2.0 405 Method Not Allowed"
    assert "MESSAGE" not in answer.items("Allow")
