"""A supervisor's page in front of the exchange: a real socket on loopback, real STUN and DTLS, and a hand on all of it."""

import socket
from dataclasses import dataclass, field

from mediaserver.link.messages import DatagramReceived
from mediaserver.signalling.browser.dtls import DtlsContext, Handshake
from mediaserver.signalling.media.certificate import Certificate, make_certificate
from sip.description.dtls import dtls_in
from sip.negotiated import Dtls, Setup
from sip.sdp import SessionDescription
from tests.mediaserver.signalling.browser.page import check
from tests.mediaserver.signalling.exchange import Exchange


@dataclass
class Page:
    """One peer connection."""

    exchange: Exchange
    leg: int = -1
    ufrag: str = "page"
    direction: str = "sendrecv"
    certificate: Certificate = field(default_factory=make_certificate)

    def __post_init__(self) -> None:
        self.end = self.another_end()
        self.handshake: Handshake | None = None
        self.answer: SessionDescription | None = None

    def another_end(self) -> socket.socket:
        """A socket as of another network."""
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.bind(("127.0.0.1", 0))
        end.setblocking(False)
        return end

    def close(self) -> None:
        """The page's sockets."""
        self.end.close()

    def offer(self, formats: str = "111 0 110", stereo: bool = False) -> str:
        """As a browser makes it before it has gathered anything."""
        return "\r\n".join(
            (
                "v=0",
                "o=- 46117 2 IN IP4 127.0.0.1",
                "s=-",
                "t=0 0",
                "a=group:BUNDLE 0",
                f"m=audio 9 UDP/TLS/RTP/SAVPF {formats}",
                "c=IN IP4 0.0.0.0",
                "a=rtcp:9 IN IP4 0.0.0.0",
                f"a=ice-ufrag:{self.ufrag}",
                "a=ice-pwd:abcdefghijklmnopqrstuvwx",
                "a=ice-options:trickle",
                f"a=fingerprint:{self.certificate.fingerprint}",
                "a=setup:actpass",
                "a=mid:0",
                f"a={self.direction}",
                "a=rtcp-mux",
                "a=rtpmap:111 opus/48000/2",
                f"a=fmtp:111 minptime=10;useinbandfec=1{';stereo=1' if stereo else ''}",
                "a=rtpmap:110 telephone-event/48000",
                "",
            )
        )

    def take(self, answer: str) -> SessionDescription:
        """The server's answer."""
        self.answer = SessionDescription.parse(answer.encode())
        theirs = dtls_in(self.answer, self.answer.media[0])
        assert theirs is not None
        ours = Setup.PASSIVE if theirs.setup is Setup.ACTIVE else Setup.ACTIVE
        self.handshake = self.handshake or Handshake(DtlsContext(self.certificate), Dtls(theirs.fingerprints, ours))
        return self.answer

    def checks(self) -> None:
        """Send a check that nominates, signed as the answer says."""
        assert self.answer is not None
        section = self.answer.media[0]
        user, password = f"{section.attribute('ice-ufrag')}:{self.ufrag}", section.attribute("ice-pwd") or ""
        self._hand_up(check(nominates=True, user=user, password=password))
        self.shakes()

    def shakes(self) -> None:
        """Carry flights both ways until nobody says any more; answers to checks are passed over."""
        assert self.handshake is not None
        self.handshake.begin()
        while True:
            came = [datagram for datagram in self._came() if datagram[0] > 3]
            for datagram in came:
                self.handshake.receive(datagram)
            flights = self.handshake.flights()
            for flight in flights:
                self._hand_up(flight)
            if not came and not flights:
                return

    def says_goodbye(self) -> None:
        """Close the peer connection."""
        assert self.handshake is not None
        self.handshake.goodbye()
        self.shakes()

    def _hand_up(self, data: bytes) -> None:
        host, port = self.end.getsockname()
        self.exchange.switchboard.notice(DatagramReceived(self.leg, host, port, data))

    def _came(self) -> list[bytes]:
        came = []
        while True:
            try:
                came.append(self.end.recv(2000))
            except BlockingIOError:
                return came
