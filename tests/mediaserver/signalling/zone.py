"""A name server on loopback: it says what its table says, counts who asks what, and can be silent or in trouble."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

RECORDS: dict[tuple[str, str], list[str]] = {
    ("example.com.", "NAPTR"): ['10 10 "s" "SIP+D2T" "" _sip._tcp.example.com.', '20 10 "s" "SIP+D2U" "" _sip._udp.example.com.'],
    ("_sip._tcp.example.com.", "SRV"): ["0 0 5070 one.example.com."],
    ("_sip._udp.example.com.", "SRV"): ["0 0 5080 two.example.com.", "1 0 5090 one.example.com."],
    ("one.example.com.", "A"): ["127.0.0.11"],
    ("two.example.com.", "A"): ["127.0.0.12"],
    ("www.example.com.", "CNAME"): ["one.example.com."],
    ("chained.example.com.", "CNAME"): ["elsewhere.example.net."],
    ("elsewhere.example.net.", "A"): ["127.0.0.13"],
}


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """One UDP socket."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=lambda: dict(RECORDS))
    ttl: int = 60
    is_silent: bool = False
    is_in_trouble: bool = False
    asked: list[str] = field(default_factory=list)
    """As ``A one.example.com``."""

    async def open(self) -> "NameServer":
        """Listen at a free port."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    def close(self) -> None:
        """Be gone."""
        self._transport.close()

    @property
    def address(self) -> str:
        """As the settings have it."""
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = cast(dns.message.QueryMessage, dns.message.from_wire(data))
        question = query.question[0]
        self.asked.append(f"{dns.rdatatype.to_text(question.rdtype)} {question.name.to_text(omit_final_dot=True)}")
        if not self.is_silent:
            self._transport.sendto(self._answer(query).to_wire(), addr)

    def _answer(self, query: dns.message.QueryMessage) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if self.is_in_trouble:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        for each in (kind, "CNAME"):
            if found := self.records.get((name, each)):
                response.answer.append(dns.rrset.from_text_list(question.name, self.ttl, "IN", each, found))
                return response
        if not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response
