"""What a phone that transfers sends, and what it is told about it."""

from urllib.parse import quote

from sip.message import Request, Response, parse
from sip.session.outgoing import OutgoingSession
from sip.transport.flow import Flow
from tests.mediaserver.signalling.exchange import Exchange, Phone


def dialog_of(phone: Phone, session: int) -> tuple[str, str, str]:
    """Call-ID, the server's tag and the phone's tag of one of its dialogs."""
    found = phone.station.agent._core.sessions[session]
    early = found._forks.values() if isinstance(found, OutgoingSession) else []
    dialog = found.dialog or next(iter(early))
    return dialog.call_id, dialog.remote_tag, dialog.local_tag


def replaces(phone: Phone, session: int, *, early: bool = False) -> str:
    """The value that names one of a phone's dialogs to the server."""
    call_id, theirs, ours = dialog_of(phone, session)
    return f"{call_id};to-tag={theirs};from-tag={ours}" + (";early-only" if early else "")


def attended(phone: Phone, session: int, target: str = "sip:somebody@127.0.0.1") -> str:
    """The Refer-To of an attended transfer to the other end of this dialog."""
    return f"<{target}?Replaces={quote(replaces(phone, session), safe='')}>"


def take_notices(phone: Phone) -> None:
    """Have a phone answer NOTIFYs with 200: user agents of ours do not subscribe by themselves."""
    agent = phone.station.agent
    receive = agent.receive

    def take(data: bytes, flow: Flow, now: float) -> bool:
        if not data.startswith(b"NOTIFY "):
            return receive(data, flow, now)
        request = parse(data)
        assert isinstance(request, Request)
        agent._core.reply_anyhow(request, flow, 200)
        return True

    agent.receive = take  # type: ignore[method-assign]


class Referral:
    """A REFER that a phone sends in one of its calls."""

    def __init__(self, exchange: Exchange, phone: Phone, session: int, to: str, *headers: tuple[str, str]) -> None:
        self._network = exchange.network
        self._phone = phone
        self._from = len(exchange.network.carried)
        take_notices(phone)
        asked = phone.station.agent._core.sessions[session]
        assert asked.dialog is not None
        self.call_id = dialog_of(phone, session)[0]
        contact = ("Contact", f"<sip:{phone.address[0]}:{phone.address[1]}>")
        asked.ask_in(asked.dialog, asked, "REFER", exchange.network.now, [("Refer-To", to), contact, *headers], b"")
        exchange.run()

    def _told(self) -> list[Request | Response]:
        return [sent.message for sent in self._network.carried[self._from :] if sent.receiver == self._phone.address]

    @property
    def status(self) -> int:
        """The final answer."""
        (status,) = [told.status for told in self._told() if isinstance(told, Response) and told.cseq.method == "REFER"]
        return status

    @property
    def notices(self) -> list[int]:
        """The status of each NOTIFY."""
        requests = [told for told in self._told() if isinstance(told, Request) and told.method == "NOTIFY"]
        bodies = {told.cseq.number: told.body.decode() for told in requests if told.call_id == self.call_id}
        return [int(body.split()[1]) for body in bodies.values()]
