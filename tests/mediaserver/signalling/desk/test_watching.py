"""Lamp keys: who may watch an agent, and what he sees of him (RFC 4235)."""

from typing import Any
from xml.etree import ElementTree

import pytest

from config.settings import Settings
from sip.digest import authorize
from sip.message import Request, Response
from tests.mediaserver.signalling.exchange import EVE, LARS, MARIA, ROBERT, SERVER, SETTINGS, TRUNK, Exchange, description
from tests.mediaserver.signalling.referring import Referral
from tests.sip.peer import statuses

NAMES = {"d": "urn:ietf:params:xml:ns:dialog-info"}
KEYS = ("127.0.9.1", 5060)
"""A phone with lamp keys; its messages are written by hand."""


def settings(**watching: Any) -> Settings:
    """The exchange's, with other settings for watchers."""
    return SETTINGS.model_copy(update={"watching": SETTINGS.watching.model_copy(update={"interval": 0.0, **watching})})


class Keys:
    """A phone that subscribes and answers each NOTIFY."""

    def __init__(self, exchange: Exchange, user: str = "eve", secret: str = "e", address: tuple[str, int] = KEYS) -> None:
        self.exchange = exchange
        self.user, self.secret, self.address = user, secret, address
        self._read = len(exchange.network.carried)
        self._sent = 0

    def watches(self, agent: str = "robert", *, call_id: str = "lamp", tag: str = "", expires: int = 600) -> list[int]:
        """SUBSCRIBE; returns the statuses it got, with the challenge that it met."""
        answers = self._subscribe(agent, call_id, tag, expires, "")
        if statuses(answers) != [401]:
            return statuses(answers)
        (challenge,) = answers
        assert isinstance(challenge, Response)
        value = authorize(
            list(challenge.values("WWW-Authenticate")),
            method="SUBSCRIBE",
            uri=f"sip:{agent}@127.0.0.1",
            user=self.user,
            secret=self.secret,
            body=b"",
            cnonce="c",
            nonce_count=1,
        )
        return [401, *statuses(self._subscribe(agent, call_id, tag, expires, f"Authorization: {value}"))]

    def _subscribe(self, agent: str, call_id: str, tag: str, expires: int, credentials: str) -> list[Request | Response]:
        self._sent += 1
        host, port = self.address
        lines = [
            f"SUBSCRIBE sip:{agent}@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKkeys{call_id}{host}{self._sent}",
            f"From: <sip:{self.user}@127.0.0.1>;tag=keys",
            f"To: <sip:{agent}@127.0.0.1>" + (f";tag={tag}" if tag else ""),
            f"Call-ID: {call_id}@{host}",
            f"CSeq: {self._sent} SUBSCRIBE",
            f"Contact: <sip:keys@{host}:{port}>",
            "Event: dialog",
            "Accept: application/dialog-info+xml",
            f"Expires: {expires}",
            "Max-Forwards: 70",
            *([credentials] if credentials else []),
        ]
        self.exchange.network.inject(("\r\n".join(lines) + "\r\n\r\n").encode(), self.address, SERVER)
        self.exchange.run(0.05)
        return [message for message in self._peek() if isinstance(message, Response) and message.cseq.number == self._sent]

    def notified(self) -> list[Request]:
        """NOTIFYs since the last look, each answered."""
        self.exchange.run(0.05)
        found: list[Request] = []
        while new := [message for message in self._heard() if isinstance(message, Request)]:
            for notify in new:
                found.append(notify)
                copied = [f"{name}: {value}" for name in ("Via", "From", "To", "Call-ID", "CSeq") for value in notify.values(name)]
                reply = "\r\n".join(["SIP/2.0 200 OK", *copied, "Content-Length: 0"]) + "\r\n\r\n"
                self.exchange.network.inject(reply.encode(), self.address, SERVER)
            self.exchange.run(0.05)
        return found

    def lamps(self) -> list[str]:
        """What the lamp showed since the last look: the states of the newest document's dialogs, document by document."""
        return [" ".join(state.text or "" for state in document.iterfind("d:dialog/d:state", NAMES)) for document in self.documents()]

    def documents(self) -> list[ElementTree.Element]:
        """Documents since the last look."""
        return [ElementTree.fromstring(notify.body) for notify in self.notified()]

    def _peek(self) -> list[Request | Response]:
        return [one.message for one in self.exchange.network.carried[self._read :] if one.receiver == self.address]

    def _heard(self) -> list[Request | Response]:
        new = self._peek()
        self._read = len(self.exchange.network.carried)
        return new


class Floor:
    """Robert, a customer, and a phone with lamp keys that watches Robert."""

    def __init__(self, given: Settings | None = None, user: str = "eve", secret: str = "e") -> None:
        self.exchange = Exchange(given or settings())
        self.robert = self.exchange.phone(ROBERT).register("robert", "r")
        self.trunk = self.exchange.phone(TRUNK)
        self.keys = Keys(self.exchange, user, secret)

    def watched(self) -> "Floor":
        """The subscription stands, and the first document was read."""
        assert self.keys.watches() == [401, 200]
        assert self.keys.lamps() == ["terminated"]
        return self


def test_a_lamp_follows_a_call() -> None:
    floor = Floor().watched()
    session = floor.trunk.dial("100")
    assert floor.keys.lamps() == ["early"]
    floor.robert.answers()
    assert floor.keys.lamps() == ["confirmed"]
    floor.trunk.hangs_up(session)
    assert floor.keys.lamps() == ["terminated"]


def test_a_document_is_about_the_agent_and_tells_nothing_of_the_caller() -> None:
    floor = Floor().watched()
    floor.trunk.dial("100")
    (document,) = floor.keys.documents()
    assert (document.get("entity"), document.get("state"), document.get("version")) == ("sip:robert@127.0.0.1", "full", "1")
    (dialog,) = document
    assert dialog.get("direction") == "recipient"
    assert dialog.findtext("d:remote/d:identity", None, NAMES) == "sip:anonymous@anonymous.invalid"
    assert b"4930123" not in ElementTree.tostring(document)


@pytest.mark.parametrize(("numbers", "shown"), [("last_two", "sip:***23@127.0.0.1"), ("all", "sip:4930123@127.0.0.1")])
def test_a_setting_shows_the_caller(numbers: str, shown: str) -> None:
    floor = Floor(settings(numbers=numbers)).watched()
    floor.trunk.dial("100")
    (document,) = floor.keys.documents()
    assert document.findtext("d:dialog/d:remote/d:identity", None, NAMES) == shown
    target = document.find("d:dialog/d:remote/d:target", NAMES)
    assert target is not None
    assert target.get("uri") == shown


def test_a_call_that_the_agent_makes_is_his() -> None:
    floor = Floor().watched()
    floor.robert.dial("94930777", user="robert", secret="r")
    (document,) = floor.keys.documents()
    (dialog,) = document
    assert (dialog.get("direction"), dialog.findtext("d:state", None, NAMES)) == ("initiator", "early")
    floor.trunk.answers()
    assert floor.keys.lamps() == ["confirmed"]


def test_hold_is_no_difference() -> None:
    floor = Floor().watched()
    session = floor.trunk.dial("100")
    floor.robert.answers()
    floor.keys.lamps()
    floor.trunk.station.agent.reoffer(session, description(TRUNK, 4000, direction="sendonly"), floor.exchange.network.now)
    assert floor.keys.lamps() == []


def test_two_calls_are_two_dialogs() -> None:
    floor = Floor().watched()
    first = floor.trunk.dial("100")
    floor.robert.answers()
    assert floor.keys.lamps()[-1] == "confirmed"
    floor.trunk.dial("100")
    assert floor.keys.lamps() == ["confirmed early"]
    floor.trunk.hangs_up(first)
    assert floor.keys.lamps() == ["early terminated"]


@pytest.mark.parametrize("code", ["*1robert", "*2robert", "*3robert"])
def test_a_supervisor_is_not_seen_to_come_speak_and_go(code: str) -> None:
    floor = Floor().watched()
    floor.trunk.dial("100")
    floor.robert.answers()
    floor.keys.lamps()
    eve = floor.exchange.phone(EVE)
    session = eve.dial(code, user="eve", secret="e")
    floor.exchange.press(floor.exchange.leg("supervisor"), "456")
    eve.hangs_up(session)
    assert floor.keys.notified() == []


def test_a_supervisor_who_is_an_agent_is_not_seen_supervising() -> None:
    agents = [*SETTINGS.model_dump()["agents"], {"name": "eve", "team": "leads", "user": "eve"}]
    data = settings().model_dump() | {"agents": agents}
    floor = Floor(Settings.model_validate(data))
    assert floor.keys.watches("eve") == [401, 200]
    assert floor.keys.lamps() == ["terminated"]
    floor.trunk.dial("100")
    floor.robert.answers()
    floor.exchange.phone(EVE).dial("*3robert", user="eve", secret="e")
    assert floor.keys.notified() == []


def test_the_next_agent_rings_and_the_first_ones_lamp_goes_out() -> None:
    floor = Floor()
    maria = floor.exchange.phone(MARIA).register("maria", "m")
    other = Keys(floor.exchange, address=EVE)
    assert other.watches("maria") == floor.keys.watches("robert") == [401, 200]
    assert other.lamps() == floor.keys.lamps() == ["terminated"]
    floor.trunk.dial("200")
    assert (other.lamps(), floor.keys.lamps()) == (["early"], [])
    maria.refuses(486)
    assert (other.lamps(), floor.keys.lamps()) == (["terminated"], ["early"])


@pytest.mark.parametrize("name", ["robert", "1001"])
def test_an_agent_is_named_by_name_or_by_extension(name: str) -> None:
    agents = [{"name": "robert", "team": "north", "user": "robert", "extension": "1001"}]
    data = settings().model_dump() | {"agents": agents, "routes": []}
    floor = Floor(Settings.model_validate(data))
    assert floor.keys.watches(name) == [401, 200]
    (document,) = floor.keys.documents()
    assert document.get("entity") == f"sip:{name}@127.0.0.1"


def test_whom_he_may_not_see_and_who_is_nobody_get_the_same_answer() -> None:
    floor = Floor(user="lars", secret="l")
    assert floor.keys.watches("robert", call_id="1") == [401, 200]
    assert floor.keys.watches("maria", call_id="2") == [401, 404]
    assert floor.keys.watches("nobody-at-all", call_id="3") == [401, 404]
    answers = [one.message for one in floor.exchange.network.carried if isinstance(one.message, Response) and one.message.status == 404]
    first, second = [[header for header in answer.headers if header[0] not in ("Via", "To", "Call-ID", "CSeq")] for answer in answers]
    assert first == second
    assert floor.exchange.counters.value("watchers_refused", "not_found") == 2


def test_who_has_no_ceiling_watches_nobody_whoever_it_is() -> None:
    floor = Floor(user="robert", secret="r")
    assert floor.keys.watches("robert", call_id="1") == [401, 403]
    assert floor.keys.watches("nobody-at-all", call_id="2") == [401, 403]


def test_a_wrong_secret_is_challenged_again() -> None:
    floor = Floor(user="eve", secret="wrong")
    assert floor.keys.watches() == [401, 401]


def test_a_trunk_watches_where_it_may() -> None:
    trunks = [{"name": "carrier", "addresses": ["127.0.1.1"], "host": "127.0.1.1", "subscribe": True}]
    floor = Floor(Settings.model_validate(settings().model_dump() | {"trunks": trunks}))
    pbx = Keys(floor.exchange, address=TRUNK)
    assert pbx.watches("robert", call_id="1") == [200]
    assert pbx.watches("nobody-at-all", call_id="2") == [404]


def test_a_trunk_that_may_not_is_challenged_like_anybody() -> None:
    floor = Floor(user="eve", secret="wrong")
    assert Keys(floor.exchange, secret="wrong", address=TRUNK).watches("robert") == [401, 401]


def test_one_user_cannot_take_all_subscriptions() -> None:
    floor = Floor(settings(per_user=2))
    assert [floor.keys.watches("robert", call_id=str(number))[-1] for number in range(3)] == [200, 200, 403]
    assert Keys(floor.exchange, "lars", "l", LARS).watches("robert") == [401, 200]


def test_nobody_watches_where_it_is_off() -> None:
    assert Floor(settings(enabled=False)).keys.watches() == [489]


def test_a_watcher_who_takes_it_back_is_told_a_last_time_and_forgotten() -> None:
    floor = Floor()
    floor.keys.watches()
    (notify,) = floor.keys.notified()
    assert floor.keys.watches(tag=notify.from_.tag, expires=0) == [200]
    (last,) = floor.keys.notified()
    assert (last.header("Subscription-State") or "").startswith("terminated")
    assert len(floor.exchange.watching) == 0
    floor.trunk.dial("100")
    assert floor.keys.notified() == []


def test_a_phone_that_is_gone_is_forgotten() -> None:
    floor = Floor()
    floor.keys.watches()
    floor.exchange.run(40)
    assert len(floor.exchange.watching) == 0


def test_a_subscription_that_is_not_refreshed_runs_out() -> None:
    floor = Floor()
    floor.keys.watches(expires=60)
    floor.keys.notified()
    floor.exchange.run(61)
    assert [notify.header("Subscription-State") for notify in floor.keys.notified()][-1] == "terminated;reason=timeout"
    assert len(floor.exchange.watching) == 0


def test_watchers_are_told_when_the_server_stops() -> None:
    floor = Floor().watched()
    floor.exchange.watching.close()
    (last,) = floor.keys.notified()
    assert last.header("Subscription-State") == "terminated;reason=probation;retry-after=10"


def test_versions_rise_by_one() -> None:
    floor = Floor()
    floor.keys.watches()
    documents = floor.keys.documents()
    floor.trunk.dial("100")
    documents += floor.keys.documents()
    floor.robert.answers()
    documents += floor.keys.documents()
    assert [document.get("version") for document in documents] == ["0", "1", "2"]


def test_nothing_is_kept_of_calls_that_are_over() -> None:
    floor = Floor().watched()
    floor.trunk.hangs_up(floor.trunk.dial("100"))
    floor.exchange.run(1)
    assert floor.exchange.watching.engaged == 0


def test_a_transfer_moves_the_light_from_one_agent_to_the_other() -> None:
    data = settings().model_dump()
    floor = Floor(
        Settings.model_validate(data | {"routes": [*data["routes"], {"trunk": "users", "number": "300", "targets": ["agent:maria"]}]})
    )
    maria = floor.exchange.phone(MARIA).register("maria", "m")
    other = Keys(floor.exchange, address=EVE)
    assert other.watches("maria") == floor.keys.watches("robert") == [401, 200]
    assert other.lamps() == floor.keys.lamps() == ["terminated"]
    floor.trunk.dial("100")
    session = floor.robert.answers()
    assert floor.keys.lamps()[-1] == "confirmed"
    Referral(floor.exchange, floor.robert, session, "<sip:300@127.0.0.1>")
    assert other.lamps() == ["early"]
    maria.answers()
    floor.exchange.run(3)
    assert (other.lamps()[-1], floor.keys.lamps()[-1]) == ("confirmed", "terminated")
