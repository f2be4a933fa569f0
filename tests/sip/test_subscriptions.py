"""Subscriptions of phones to what we know: asked for, granted, told, refreshed, over (RFC 6665)."""

import random
from typing import Any

import pytest

from sip.events import NotificationDue, SubscribeReceived, SubscriptionEnded
from sip.message import Request, Response
from sip.subscription.settings import EventPackage, SubscriptionSettings
from sip.subscription.subscription import PATIENCE
from tests.sip.network import Carried, Network
from tests.sip.peer import Peer, statuses
from tests.sip.test_authentication import credentials

TYPE = "application/dialog-info+xml"
DIALOG = EventPackage("dialog", TYPE)


class Watcher(Peer):
    """The peer watches something of Bob's, who tells whatever `state` is."""

    def __init__(self, network: Network | None = None, **settings: Any) -> None:
        super().__init__(network, subscriptions=SubscriptionSettings((DIALOG,), **settings))
        self.state = b"<state/>"
        self.cseq = 0

    def subscribe(
        self, *headers: str, event: str = "dialog", expires: int | None = None, tag: str = "", **wishes: str
    ) -> list[Request | Response]:
        """SUBSCRIBE, in the dialog where Bob's tag is given."""
        self.cseq += 1
        lines = [*headers, *([f"Event: {event}"] if event else []), *([] if expires is None else [f"Expires: {expires}"])]
        return self.say("SUBSCRIBE", cseq=self.cseq, to_tag=tag, headers=tuple(lines), **wishes)  # type: ignore[arg-type]

    @property
    def subscription(self) -> int:
        """The newest one."""
        return self.bob.told_of(SubscribeReceived)[-1].subscription

    def tell(self, state: bytes) -> list[Request]:
        """Bob's state changes; the NOTIFYs that follow at once."""
        self.bob.agent.notify(self.subscription, TYPE, state, self.network.now)
        return self.notifies()

    def notifies(self) -> list[Request]:
        """NOTIFYs since the last look."""
        return [message for message in self.heard() if isinstance(message, Request)]

    def granted(self, *headers: str, longest: int = 3600, **wishes: object) -> tuple[Response, Request]:
        """SUBSCRIBE, accepted: the 200 and the first NOTIFY, which was answered."""
        self.subscribe(*headers, **wishes)  # type: ignore[arg-type]
        self.bob.agent.accept_subscription(self.subscription, longest, self.network.now)
        self.network.settle()
        assert self.bob.told[-1] == NotificationDue(self.subscription)
        self.bob.agent.notify(self.subscription, TYPE, self.state, self.network.now)
        answer, notify = self.heard()
        assert isinstance(answer, Response)
        assert isinstance(notify, Request)
        self.answer(notify, 200, tag="")
        return answer, notify


def test_a_subscription_is_granted_and_the_state_follows_at_once() -> None:
    watcher = Watcher()
    answer, notify = watcher.granted("Accept: application/dialog-info+xml", event="dialog;id=7", expires=600, uri="sip:robert@192.0.2.2")
    (event,) = watcher.bob.told_of(SubscribeReceived)
    assert (event.package, event.resource, event.accept, event.expires) == ("dialog", "sip:robert@192.0.2.2", (TYPE,), 600)
    assert (answer.status, answer.header("Expires"), answer.header("Contact")) == (200, "600", "<sip:192.0.2.2:5060>")
    assert (notify.header("Event"), notify.header("Subscription-State")) == ("dialog;id=7", "active;expires=600")
    assert (notify.content_type, notify.body, notify.uri) == (TYPE, b"<state/>", "sip:peer@192.0.2.77:5070")
    assert (notify.from_.tag, notify.to.tag, notify.call_id) == (answer.to.tag, "peer", "call")


@pytest.mark.parametrize(("wanted", "longest", "granted"), [(None, 9999, "3600"), (90_000, 9999, "3600"), (600, 300, "300")])
def test_how_long_is_bounded_by_us(wanted: int | None, longest: int, granted: str) -> None:
    watcher = Watcher()
    answer, _ = watcher.granted(expires=wanted, longest=longest)
    assert answer.header("Expires") == granted


@pytest.mark.parametrize("event", ["", "presence", "message-summary"])
def test_another_package_or_none_gets_489_with_ours(event: str) -> None:
    watcher = Watcher()
    (answer,) = watcher.subscribe(event=event)
    assert isinstance(answer, Response)
    assert (answer.status, answer.header("Allow-Events")) == (489, "dialog")
    assert watcher.bob.told_of(SubscribeReceived) == []


def test_too_brief_gets_423_with_the_least() -> None:
    watcher = Watcher()
    (answer,) = watcher.subscribe(expires=59)
    assert isinstance(answer, Response)
    assert (answer.status, answer.header("Min-Expires")) == (423, "60")


@pytest.mark.parametrize(
    ("wishes", "status"),
    [
        ({"headers": ("Accept: application/pidf+xml",)}, 406),
        ({"contact": ""}, 400),
        ({"event": "dialog", "headers": ("Event: dialog",)}, 400),
        ({"event": "di alog"}, 400),
        ({"headers": ("Expires: soon",)}, 400),
        ({"headers": ("Record-Route: nonsense",)}, 400),
        ({"max_forwards": "0"}, 483),
    ],
)
def test_what_cannot_be_served_is_refused_and_not_told(wishes: dict[str, object], status: int) -> None:
    watcher = Watcher()
    headers = wishes.pop("headers", ())
    assert statuses(watcher.subscribe(*headers, **wishes)) == [status]  # type: ignore[misc, arg-type]
    assert watcher.bob.told_of(SubscribeReceived) == []
    watcher.wait(40)
    assert watcher.bob.agent.leftovers() == 0


def test_subscriptions_are_bounded() -> None:
    watcher = Watcher(most=2)
    for number in range(2):
        assert watcher.subscribe(call_id=f"one-{number}") == []
    (answer,) = watcher.subscribe(call_id="more")
    assert isinstance(answer, Response)
    assert (answer.status, answer.header("Retry-After")) == (503, "60")


def test_a_challenge_is_met_by_a_new_subscribe() -> None:
    watcher = Watcher()
    watcher.subscribe()
    watcher.bob.agent.challenge_subscription(watcher.subscription, watcher.network.now)
    (challenge,) = watcher.heard()
    assert isinstance(challenge, Response)
    assert challenge.status == 401
    watcher.subscribe(credentials(challenge, "SUBSCRIBE"))
    asked = watcher.bob.told_of(SubscribeReceived)[-1]
    assert watcher.bob.agent.authenticate(asked.request, asked.flow, watcher.network.now).user == "alice"


def test_refused_is_the_status_alone() -> None:
    watcher = Watcher()
    watcher.subscribe()
    watcher.bob.agent.reject_subscription(watcher.subscription, 404, watcher.network.now)
    assert statuses(watcher.heard()) == [404]
    assert watcher.tell(b"") == []


def test_an_owner_who_says_nothing_is_answered_for() -> None:
    watcher = Watcher()
    watcher.subscribe()
    assert statuses(watcher.wait(PATIENCE + 0.1)) == [500]


def test_who_wants_the_state_once_gets_it_once() -> None:
    watcher = Watcher()
    answer, notify = watcher.granted(expires=0)
    assert (answer.header("Expires"), notify.header("Subscription-State"), notify.body) == ("0", "terminated;reason=timeout", b"<state/>")
    assert watcher.bob.told_of(SubscriptionEnded) == [SubscriptionEnded(watcher.subscription)]
    assert watcher.tell(b"<more/>") == []


def test_a_refresh_gives_it_more_time_and_the_state_again() -> None:
    watcher = Watcher()
    answer, _ = watcher.granted(expires=100)
    watcher.wait(90)
    again = watcher.subscribe(expires=100, tag=answer.to.tag)
    assert statuses(again) == [200]
    (notify,) = watcher.tell(b"<again/>")
    assert notify.header("Subscription-State") == "active;expires=100"
    watcher.answer(notify, 200, tag="")
    watcher.wait(90)
    assert watcher.bob.told_of(SubscriptionEnded) == []


def test_a_refresh_moves_the_subscriber() -> None:
    watcher = Watcher()
    answer, _ = watcher.granted()
    watcher.subscribe(tag=answer.to.tag, contact="<sip:peer@192.0.2.77:5099>")
    (notify,) = watcher.tell(b"")
    assert notify.uri == "sip:peer@192.0.2.77:5099"


@pytest.mark.parametrize(
    ("wishes", "status"),
    [({"event": "presence"}, 489), ({"event": "dialog;id=2"}, 403), ({"expires": 5}, 423), ({"from_tag": "stranger"}, 481)],
)
def test_a_refresh_that_does_not_fit_changes_nothing(wishes: dict[str, object], status: int) -> None:
    watcher = Watcher()
    answer, _ = watcher.granted()
    assert statuses(watcher.subscribe(tag=answer.to.tag, **wishes)) == [status]  # type: ignore[arg-type]
    assert len(watcher.tell(b"<more/>") or watcher.wait(1.1)) == 1


def test_an_unknown_dialog_gets_481_and_an_old_number_500() -> None:
    watcher = Watcher()
    assert statuses(watcher.subscribe(tag="unknown")) == [481]
    answer, _ = watcher.granted()
    watcher.cseq = 0
    assert statuses(watcher.subscribe(tag=answer.to.tag)) == [500]


def test_who_takes_it_back_is_told_the_state_a_last_time() -> None:
    watcher = Watcher()
    answer, _ = watcher.granted()
    assert statuses(watcher.subscribe(expires=0, tag=answer.to.tag)) == [200]
    (notify,) = watcher.tell(b"<last/>")
    assert (notify.header("Subscription-State"), notify.body) == ("terminated;reason=timeout", b"<last/>")
    watcher.answer(notify, 200, tag="")
    assert statuses(watcher.subscribe(tag=answer.to.tag)) == [481]
    watcher.wait(40)
    assert watcher.bob.agent.leftovers() == 0


def test_time_runs_out() -> None:
    watcher = Watcher()
    watcher.granted(expires=60)
    watcher.wait(60.1)
    (notify,) = watcher.tell(b"<last/>")
    assert notify.header("Subscription-State") == "terminated;reason=timeout"
    assert len(watcher.bob.told_of(SubscriptionEnded)) == 1


def test_an_owner_who_does_not_say_the_last_state_ends_it_without_one() -> None:
    watcher = Watcher()
    watcher.granted(expires=60)
    watcher.wait(60.1)
    (notify,) = [message for message in watcher.wait(PATIENCE) if isinstance(message, Request)]
    assert (notify.header("Subscription-State"), notify.body) == ("terminated;reason=timeout", b"")
    watcher.answer(notify, 200, tag="")
    watcher.wait(40)
    assert watcher.bob.agent.leftovers() == 0


def test_we_may_end_it_and_say_why() -> None:
    watcher = Watcher()
    watcher.granted()
    watcher.bob.agent.end_subscription(watcher.subscription, "noresource", watcher.network.now)
    (notify,) = watcher.notifies()
    assert (notify.header("Subscription-State"), notify.body, notify.header("Content-Type")) == ("terminated;reason=noresource", b"", None)
    watcher.answer(notify, 200, tag="")
    watcher.wait(40)
    assert watcher.bob.told_of(SubscriptionEnded) == []
    assert watcher.bob.agent.leftovers() == 0


def test_one_notify_at_a_time_and_the_newest_state_waits() -> None:
    watcher = Watcher(interval=0.0)
    _, first = watcher.granted()
    (second,) = watcher.tell(b"<one/>")
    assert watcher.tell(b"<two/>") == watcher.tell(b"<three/>") == []
    (third,) = watcher.answer(second, 200, tag="")
    assert [first.cseq.number + 1, first.cseq.number + 2] == [second.cseq.number, third.cseq.number]
    assert third.body == b"<three/>"
    assert watcher.bob.agent.counters["notifies_coalesced"] == 1


def test_states_that_change_fast_are_told_once_a_second() -> None:
    watcher = Watcher()
    watcher.granted()
    assert watcher.tell(b"<one/>") == watcher.tell(b"<two/>") == []
    assert watcher.wait(0.9) == []
    (notify,) = watcher.wait(0.2)
    assert notify.body == b"<two/>"


@pytest.mark.parametrize("status", [481, 404, 500])
def test_a_notify_that_is_refused_ends_it(status: int) -> None:
    watcher = Watcher(interval=0.0)
    watcher.granted()
    (notify,) = watcher.tell(b"<one/>")
    watcher.answer(notify, status, tag="")
    assert watcher.bob.told_of(SubscriptionEnded) == [SubscriptionEnded(watcher.subscription)]
    watcher.wait(40)
    assert watcher.bob.agent.leftovers() == 0


def test_a_notify_that_is_never_answered_ends_it() -> None:
    watcher = Watcher(interval=0.0)
    watcher.granted()
    watcher.tell(b"<one/>")
    watcher.wait(40)
    assert watcher.bob.told_of(SubscriptionEnded) == [SubscriptionEnded(watcher.subscription)]
    assert watcher.bob.agent.leftovers() == 0


def test_a_subscriber_who_asks_for_a_pause_keeps_his_subscription() -> None:
    watcher = Watcher(interval=0.0)
    watcher.granted()
    (notify,) = watcher.tell(b"<one/>")
    watcher.answer(notify, 503, tag="", headers=("Retry-After: 9999999",))
    assert watcher.wait(59) == []
    (again,) = watcher.wait(1.1)
    assert again.body == b"<one/>"


def test_notifies_follow_the_route_of_the_subscribe() -> None:
    watcher = Watcher()
    answer, notify = watcher.granted("Record-Route: <sip:192.0.2.88;lr>")
    assert answer.header("Record-Route") == notify.header("Route") == "<sip:192.0.2.88;lr>"


def test_a_subscriber_over_tcp_is_told_over_his_connection_and_over_a_new_one_after_it_broke() -> None:
    watcher = Watcher(Network(transport="tcp"), interval=0.0)
    watcher.granted(contact="<sip:peer@192.0.2.77:5070;transport=tcp>")
    watcher.bob.agent.flow_lost(watcher.flow, watcher.network.now)
    watcher.bob.agent.notify(watcher.subscription, TYPE, b"<one/>", watcher.network.now)
    ((_, flow),) = watcher.bob.agent.outgoing()
    assert (flow.local, flow.remote) == (("192.0.2.2", 0), ("192.0.2.77", 5070))


def test_options_say_which_packages_there_are() -> None:
    watcher = Watcher()
    (answer,) = watcher.say("OPTIONS")
    assert isinstance(answer, Response)
    assert answer.header("Allow-Events") == "dialog"
    assert "SUBSCRIBE" in answer.items("Allow")


@pytest.mark.parametrize("seed", range(8))
def test_the_newest_state_arrives_though_a_third_is_lost(seed: int) -> None:
    network = Network(seed=seed)
    source = random.Random(seed)

    def loses(carried: Carried) -> bool:
        return source.random() < 0.33

    watcher = Watcher(network)
    watcher.granted()
    network.loses = loses
    seen: list[bytes] = []
    for number in range(60):
        if number < 20:
            watcher.bob.agent.notify(watcher.subscription, TYPE, str(number).encode(), network.now)
        network.settle()
        new = network.carried[watcher._read :]
        watcher._read = len(network.carried)
        for carried in new:
            if isinstance(carried.message, Request) and not carried.lost:
                seen.append(carried.message.body)
                if not loses(carried):
                    watcher.answer(carried.message, 200, tag="")
        network.run(0.5)
    assert seen[-1] == b"19"
    assert [int(state) for state in seen] == sorted(int(state) for state in seen)
    assert watcher.bob.told_of(SubscriptionEnded) == []
