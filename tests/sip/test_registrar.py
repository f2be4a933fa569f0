"""The registrar: REGISTER requests in turn, on a virtual clock."""

import itertools

import pytest

from sip.message import Request
from sip.registrar import Outcome, Registrar
from sip.transport.flow import Flow

DESK = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.50", 5062))
HOME = Flow("tcp", ("192.0.2.1", 5060), ("198.51.100.7", 40_000))


def register(*contacts: str, expires: str | None = None, call_id: str = "one", cseq: int = 1) -> Request:
    """A REGISTER with these Contact headers."""
    headers = [("From", "<sip:alice@house>;tag=1"), ("To", "<sip:alice@house>"), ("Call-ID", call_id), ("CSeq", f"{cseq} REGISTER")]
    headers += [("Contact", contact) for contact in contacts]
    if expires is not None:
        headers.append(("Expires", expires))
    return Request("REGISTER", "sip:house", headers)


class House:
    """A registrar (30 s to 3600 s, three contacts a user) and a clock; each request has the next CSeq unless told."""

    def __init__(self) -> None:
        self.registrar = Registrar(30, 3600, 3)
        self.now = 100.0
        self._cseq = itertools.count(1)

    def send(self, *contacts: str, expires: str | None = None, call_id: str = "one", cseq: int | None = None, flow: Flow = DESK) -> Outcome:
        request = register(*contacts, expires=expires, call_id=call_id, cseq=next(self._cseq) if cseq is None else cseq)
        return self.registrar.register("alice", request, flow, self.now)

    def uris(self, user: str = "alice") -> list[str]:
        return [binding.uri for binding in self.registrar.contacts(user, self.now)]


@pytest.fixture
def house() -> House:
    return House()


def test_a_contact_is_bound_with_its_flow(house: House) -> None:
    outcome = house.send("<sip:alice@192.0.2.50:5062>;expires=600")
    assert outcome == Outcome(200, (("Contact", "<sip:alice@192.0.2.50:5062>;expires=600"),), changed=True)
    (binding,) = house.registrar.contacts("alice", house.now)
    assert (binding.flow, binding.expires_at, binding.q, binding.call_id, binding.cseq) == (DESK, 700.0, 1.0, "one", 1)


def test_nobody_is_bound_at_first(house: House) -> None:
    assert house.uris() == []
    assert house.registrar.next_timer() is None
    assert house.registrar.expire(1e9) == []


def test_a_request_without_contact_asks_what_is_bound(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=600")
    house.now += 100
    assert house.send() == Outcome(200, (("Contact", "<sip:alice@192.0.2.50>;expires=500"),))


@pytest.mark.parametrize(
    ("contact", "header", "seconds"),
    [
        ("<sip:a@192.0.2.50>;expires=60", "600", 60),
        ("<sip:a@192.0.2.50>", "600", 600),
        ("<sip:a@192.0.2.50>", None, 3600),
        ("<sip:a@192.0.2.50>", "soon", 3600),
        ("<sip:a@192.0.2.50>;expires=abc", "600", 3600),
        ("<sip:a@192.0.2.50>;expires=99999", None, 3600),
        ("<sip:a@192.0.2.50>;expires=99999999999999999999", None, 3600),
        ("sip:a@192.0.2.50;expires=60", None, 60),
        ("<sip:a@192.0.2.50>;expires=30", None, 30),
    ],
)
def test_the_contacts_own_expiry_counts_before_the_headers(house: House, contact: str, header: str | None, seconds: int) -> None:
    outcome = house.send(contact, expires=header)
    assert outcome.headers == (("Contact", f"<sip:a@192.0.2.50>;expires={seconds}"),)


def test_too_brief_an_expiry_is_told_the_minimum_and_changes_nothing(house: House) -> None:
    outcome = house.send("<sip:alice@192.0.2.51>;expires=600", "<sip:alice@192.0.2.50>;expires=29")
    assert (outcome.status, outcome.headers, outcome.changed) == (423, (("Min-Expires", "30"),), False)
    assert house.uris() == []


def test_seconds_left_are_rounded_up(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=600")
    house.now += 0.4
    assert house.send().headers[0][1].endswith(";expires=600")
    house.now += 599.5
    assert house.send().headers[0][1].endswith(";expires=1")


def test_zero_removes_one_contact(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>", "<sip:alice@192.0.2.51>")
    outcome = house.send("<sip:alice@192.0.2.50>;expires=0")
    assert outcome.changed
    assert house.uris() == ["sip:alice@192.0.2.51"]


def test_removing_what_was_never_bound_is_fine(house: House) -> None:
    assert house.send("<sip:alice@192.0.2.50>", expires="0") == Outcome(200)


def test_a_star_removes_all(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>", "<sip:alice@192.0.2.51>")
    assert house.send("*", expires="0", call_id="another") == Outcome(200, changed=True)
    assert house.uris() == []
    assert house.registrar.next_timer() is None


@pytest.mark.parametrize(
    ("contacts", "expires"), [(("*",), "60"), (("*",), None), (("*", "<sip:a@192.0.2.50>"), "0"), (("<sip:a@192.0.2.50>", "*"), "0")]
)
def test_a_star_stands_alone_and_with_zero(house: House, contacts: tuple[str, ...], expires: str | None) -> None:
    house.send("<sip:alice@192.0.2.50>")
    assert house.send(*contacts, expires=expires).status == 400
    assert house.uris() == ["sip:alice@192.0.2.50"]


@pytest.mark.parametrize("contact", ["nonsense", "<tel:+4930123>", "<mailto:a@b>", "<sip:a b@c>", "<sip:a@192.0.2.50", '"x" sip:a@b'])
def test_a_contact_that_cannot_be_reached_is_refused(house: House, contact: str) -> None:
    outcome = house.send(contact)
    assert outcome.status in (400, 416)
    assert outcome.problem
    assert house.uris() == []


@pytest.mark.parametrize("cseq", [4, 5])
def test_an_older_or_repeated_request_changes_nothing(house: House, cseq: int) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=600", cseq=5)
    for contacts, expires in [(("<sip:alice@192.0.2.50>;expires=0",), None), (("*",), "0")]:
        assert house.send(*contacts, expires=expires, cseq=cseq).status == 500
    assert house.uris() == ["sip:alice@192.0.2.50"]


def test_another_call_id_may_begin_with_a_lower_number(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=600", cseq=50)
    assert house.send("<sip:alice@192.0.2.50>;expires=60", call_id="rebooted", cseq=1).status == 200
    assert house.registrar.contacts("alice", house.now)[0].expires_at == 160


def test_a_request_that_fails_at_one_contact_fails_whole(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=600", cseq=5)
    assert house.send("<sip:alice@192.0.2.60>", "<sip:alice@192.0.2.50>", cseq=5).status == 500
    assert house.uris() == ["sip:alice@192.0.2.50"]


def test_renewing_moves_expiry_and_flow_and_is_no_change(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=60")
    house.now += 50
    outcome = house.send("<sip:alice@192.0.2.50>;expires=60", flow=HOME)
    assert not outcome.changed
    (binding,) = house.registrar.contacts("alice", house.now)
    assert (binding.flow, binding.expires_at) == (HOME, 210.0)


@pytest.mark.parametrize(
    ("one", "other", "bound"),
    [
        ("<sip:alice@192.0.2.50>", "<SIP:%61lice@192.0.2.50>", 1),
        ("<sip:alice@192.0.2.50;ob>", "<sip:alice@192.0.2.50>", 1),
        ("<sip:alice@192.0.2.50;line=1>", "<sip:alice@192.0.2.50;line=2>", 2),
        ("<sip:alice@192.0.2.50;transport=tcp>", "<sip:alice@192.0.2.50>", 2),
        ("<sip:alice@192.0.2.50;transport=TCP>", "<sip:alice@192.0.2.50;transport=tcp>", 1),
        ("<sip:alice@192.0.2.50:5060>", "<sip:alice@192.0.2.50:5061>", 2),
        ("<sip:Alice@192.0.2.50>", "<sip:alice@192.0.2.50>", 2),
    ],
)
def test_contacts_are_compared_as_uris(house: House, one: str, other: str, bound: int) -> None:
    house.send(one)
    house.send(other)
    assert len(house.uris()) == bound


def test_one_contact_twice_in_a_request_is_bound_once(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=60, <sip:alice@192.0.2.50>;expires=90")
    (binding,) = house.registrar.contacts("alice", house.now)
    assert binding.expires_at == 190


def test_contacts_are_best_first(house: House) -> None:
    house.send("<sip:a@192.0.2.1>;q=0.2", "<sip:b@192.0.2.2>;q=0.9", "<sip:c@192.0.2.3>;q=0.2")
    assert house.uris() == ["sip:b@192.0.2.2", "sip:c@192.0.2.3", "sip:a@192.0.2.1"]
    assert house.send().headers[0] == ("Contact", "<sip:b@192.0.2.2>;expires=3600;q=0.9")


@pytest.mark.parametrize("q", ["nan", "-1", "2", "high", ""])
def test_a_nonsense_preference_counts_as_one(house: House, q: str) -> None:
    house.send(f"<sip:a@192.0.2.1>;q={q}")
    assert house.registrar.contacts("alice", house.now)[0].q == 1.0


def test_a_users_oldest_contact_makes_room(house: House) -> None:
    for port in (1, 2, 3):
        house.send(f"<sip:alice@192.0.2.50:{port}>")
    house.send("<sip:alice@192.0.2.50:1>")
    house.send("<sip:alice@192.0.2.50:4>")
    assert house.uris() == ["sip:alice@192.0.2.50:4", "sip:alice@192.0.2.50:1", "sip:alice@192.0.2.50:3"]
    assert house.registrar.evicted == 1


def test_more_contacts_than_a_user_may_have_in_one_request_are_refused(house: House) -> None:
    assert house.send(*[f"<sip:alice@192.0.2.50:{port}>" for port in range(1, 5)]).status == 403
    assert house.uris() == []


def test_users_do_not_see_each_others_contacts(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>")
    house.registrar.register("bob", register("<sip:bob@192.0.2.51>"), HOME, house.now)
    assert (house.uris("alice"), house.uris("bob")) == (["sip:alice@192.0.2.50"], ["sip:bob@192.0.2.51"])


def test_contacts_run_out_and_their_users_are_told_once(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=60", "<sip:alice@192.0.2.51>;expires=120")
    house.registrar.register("bob", register("<sip:bob@192.0.2.52>;expires=90"), HOME, house.now)
    assert house.registrar.next_timer() == 160
    assert house.registrar.expire(159.9) == []
    assert house.registrar.expire(160) == ["alice"]
    assert house.registrar.next_timer() == 190
    assert sorted(house.registrar.expire(500)) == ["alice", "bob"]
    assert house.registrar.expire(500) == []
    assert house.registrar.next_timer() is None


def test_a_contact_that_ran_out_is_not_given_even_before_the_timer(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=60")
    house.now += 60
    assert house.uris() == []


def test_a_contact_that_ran_out_is_told_even_where_another_user_registers_first(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=60")
    house.registrar.register("bob", register("<sip:bob@192.0.2.52>"), HOME, 170)
    assert house.registrar.expire(170) == ["alice"]


def test_a_request_over_a_contact_that_ran_out_tells_the_change(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=60", cseq=9)
    house.now += 61
    assert house.send(cseq=3) == Outcome(200, changed=True)


def test_a_renewed_contact_does_not_run_out_at_its_old_time(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>;expires=60")
    house.now += 30
    house.send("<sip:alice@192.0.2.50>;expires=60")
    assert house.registrar.next_timer() == 190
    assert house.registrar.expire(165) == []
    assert house.registrar.expire(190) == ["alice"]


def test_renewing_for_ever_keeps_the_timer_table_small(house: House) -> None:
    for _ in range(1000):
        house.now += 1
        house.send("<sip:alice@192.0.2.50>;expires=3600")
    assert len(house.registrar._due) < 100
    assert house.registrar.next_timer() == house.now + 3600


def test_a_lost_connection_takes_along_what_was_bound_over_it_and_nothing_else(house: House) -> None:
    house.send("<sip:alice@192.0.2.50>")
    house.send("<sip:alice@198.51.100.7;transport=tcp>", call_id="two", flow=HOME)
    assert house.registrar.lose_flow(HOME) == ["alice"]
    assert house.uris() == ["sip:alice@192.0.2.50"]
    assert house.registrar.lose_flow(HOME) == []
