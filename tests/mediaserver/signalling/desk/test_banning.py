"""Bans as administrators see them: by tenant, and let in again."""

import asyncio

import pytest

from control_api.permissions import Ceiling, Identity, Refusal, Right
from sip.digest import authorize
from sip.message import Response
from sip.transport.flow import Address
from tests.mediaserver.signalling.exchange import EVE, SERVER, TRUNK, Exchange

ADMIN = Identity("root", "default", Ceiling(rights=frozenset({Right.ADMIN})))
ELSEWHERE = Identity("root", "second", Ceiling(rights=frozenset({Right.ADMIN})))


def guess(exchange: Exchange, address: Address, user: str, times: int = 10) -> None:
    """Prove wrong so often."""

    def request(number: int, authorization: str) -> bytes:
        lines = [
            "REGISTER sip:127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP {address[0]}:{address[1]};branch=z9hG4bKguess{user}{number}",
            f"From: <sip:{user}@127.0.0.1>;tag=g{number}",
            f"To: <sip:{user}@127.0.0.1>",
            f"Call-ID: guess-{number}",
            f"CSeq: {number} REGISTER",
            *([f"Authorization: {authorization}"] if authorization else []),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    network = exchange.network
    for number in range(1, 2 * times, 2):
        seen = len(network.carried)
        network.inject(request(number, ""), address, SERVER)
        challenge = network.carried[seen].message
        assert isinstance(challenge, Response)
        given = list(challenge.values("WWW-Authenticate"))
        proof = authorize(given, method="REGISTER", uri="sip:127.0.0.1", user=user, secret="wrong", body=b"", cnonce="c", nonce_count=1)
        network.inject(request(number + 1, proof or ""), address, SERVER)
        network.run(3)


def test_a_source_that_is_kept_out_is_shown_to_administrators_and_let_in_again() -> None:
    exchange = Exchange()
    guess(exchange, EVE, "robert")
    assert [ban["source"] for ban in exchange.desk.bans(ADMIN)] == [EVE[0]]
    assert exchange.counters.value("bans", "source") == 1
    asyncio.run(exchange.desk.lift_ban(ADMIN, source=EVE[0], user=""))
    assert exchange.desk.bans(ADMIN) == []


def test_a_user_behind_a_trunk_is_shown_to_his_tenant_alone() -> None:
    exchange = Exchange()
    exchange.server.agent.trust(TRUNK[0])
    guess(exchange, TRUNK, "robert")
    assert [(ban["source"], ban["user"]) for ban in exchange.desk.bans(ADMIN)] == [(TRUNK[0], "robert")]
    assert exchange.desk.bans(ELSEWHERE) == []
    with pytest.raises(Refusal, match="not kept out"):
        asyncio.run(exchange.desk.lift_ban(ELSEWHERE, source=TRUNK[0], user="robert"))


def test_without_the_right_nothing_is_told() -> None:
    exchange = Exchange()
    with pytest.raises(Refusal, match="admin"):
        exchange.desk.bans(exchange.identity("eve"))
    with pytest.raises(Refusal, match="admin"):
        asyncio.run(exchange.desk.lift_ban(exchange.identity("eve"), source="x", user=""))


def test_who_is_not_kept_out_cannot_be_let_in() -> None:
    with pytest.raises(Refusal, match="not kept out"):
        asyncio.run(Exchange().desk.lift_ban(ADMIN, source="203.0.113.5", user=""))
