"""Our own registration elsewhere: bound, renewed, refused, tried again, taken back."""

import pytest

from sip.asking import OutsideRequest
from sip.events import RequestAnswered
from sip.message import Response
from sip.registration import FIRST_WAIT, LONGEST_WAIT, MOST_ROUTES, Account, Registration, State
from tests.sip.network import seeded_entropy

ACCOUNT = Account(
    registrar="sip:provider.example",
    address="sip:4930123@provider.example",
    contact_user="pbx-1a2b",
    user="4930123",
    secret="secret",
    expires=600,
)
OURS = ("Contact", "<sip:pbx-1a2b@192.0.2.1:5060>;expires=300")


class Registrar:
    """Answers what a registration asks, at a time turned by hand."""

    def __init__(self, account: Account = ACCOUNT, seed: int = 1) -> None:
        self.now = 1000.0
        self.registration = Registration(account, seeded_entropy(seed))
        self.registration.start(self.now)
        self.asked = self.take()

    def take(self) -> OutsideRequest:
        """The request that is to be sent."""
        asked = self.registration.take()
        assert asked is not None
        return asked

    def says(self, status: int, *headers: tuple[str, str], sequence: int = 0) -> None:
        """Answer."""
        self.registration.answered(RequestAnswered(1, status, Response(status, headers), sequence or self.asked.cseq), self.now)

    def is_silent(self) -> None:
        """Never answer."""
        self.registration.answered(RequestAnswered(1, 408, None, self.asked.cseq), self.now)

    def wait_for_timer(self) -> float:
        """Let the time come that it waits for; returns the seconds."""
        due = self.registration.next_timer(self.now)
        assert due is not None
        waited, self.now = due - self.now, due
        self.registration.handle_timer(self.now)
        return waited

    def retry(self) -> float:
        """Wait for the next try and take it; returns the seconds."""
        waited = self.wait_for_timer()
        self.asked = self.take()
        return waited


def header(request: OutsideRequest, name: str) -> str:
    """A header's value."""
    return dict(request.headers)[name]


def test_a_register_asks_for_the_domain_and_names_its_contact() -> None:
    asked = Registrar().asked
    assert (asked.method, asked.request_uri) == ("REGISTER", "sip:provider.example")
    assert asked.from_uri == asked.to_uri == "sip:4930123@provider.example"
    assert asked.contact is not None
    assert (asked.contact.user, asked.contact.parameters) == ("pbx-1a2b", ";expires=600")
    assert header(asked, "Expires") == "600"
    assert (asked.user, asked.secret) == ("4930123", "secret")


def test_it_is_registered_for_as_long_as_the_contact_says() -> None:
    registrar = Registrar()
    registrar.says(200, ("Contact", "<sip:other@192.0.2.9>;expires=9"), OURS)
    assert registrar.registration.is_registered(registrar.now + 299)
    assert not registrar.registration.is_registered(registrar.now + 301)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((("Expires", "90"),), 90),
        ((), 600),
        ((("Contact", "<sip:pbx-1a2b@10.0.0.9:1024>;expires=120"),), 120),
        ((("Contact", "<sip:pbx-1a2b@192.0.2.1>;expires=nonsense"), ("Expires", "75")), 75),
        ((("Contact", "not a contact"), ("Expires", "75")), 75),
        ((("Expires", "4294967295"),), 7 * 86_400),
    ],
)
def test_where_the_contact_says_nothing_the_answer_or_the_wish_holds(headers: tuple[tuple[str, str], ...], seconds: int) -> None:
    registrar = Registrar()
    registrar.says(200, *headers)
    assert registrar.registration.binding is not None
    assert registrar.registration.binding.expires_at == registrar.now + seconds


@pytest.mark.parametrize("seed", range(20))
def test_it_is_renewed_well_before_it_runs_out(seed: int) -> None:
    registrar = Registrar(seed=seed)
    registrar.says(200, OURS)
    assert 0.70 * 300 <= registrar.wait_for_timer() <= 0.85 * 300
    assert registrar.take().method == "REGISTER"


def test_moments_of_renewal_differ() -> None:
    moments = set()
    for seed in range(10):
        registrar = Registrar(seed=seed)
        registrar.says(200, OURS)
        moments.add(registrar.wait_for_timer())
    assert len(moments) == 10


def test_renewals_keep_the_call_id_and_count_up() -> None:
    registrar = Registrar()
    first = registrar.asked
    registrar.says(200, OURS, sequence=first.cseq + 1)
    registrar.retry()
    assert registrar.asked.call_id == first.call_id
    assert registrar.asked.cseq == first.cseq + 2


def test_too_brief_is_asked_again_with_the_interval_that_was_named() -> None:
    registrar = Registrar()
    registrar.says(423, ("Min-Expires", "1800"))
    again = registrar.take()
    assert header(again, "Expires") == "1800"
    registrar.says(200)
    assert registrar.registration.is_registered(registrar.now + 1799)


@pytest.mark.parametrize("minimum", ["", "60", "nonsense"])
def test_too_brief_without_a_longer_interval_is_a_failure(minimum: str) -> None:
    registrar = Registrar()
    registrar.says(423, ("Min-Expires", minimum))
    assert registrar.registration.state is State.WAITING


def test_a_registrar_that_always_wants_longer_is_not_followed_for_ever() -> None:
    registrar = Registrar()
    registrar.says(423, ("Min-Expires", "1000"))
    registrar.take()
    registrar.says(423, ("Min-Expires", "2000"))
    assert registrar.registration.state is State.WAITING


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 407, 500, 503, 603])
def test_a_refusal_is_tried_again_later(status: int) -> None:
    registrar = Registrar()
    registrar.says(status, ("Contact", "<sip:elsewhere.example>"))
    assert registrar.registration.take() is None
    assert FIRST_WAIT / 2 <= registrar.retry() <= FIRST_WAIT
    assert registrar.asked.request_uri == "sip:provider.example"


def test_waits_double_up_to_a_bound() -> None:
    registrar = Registrar()
    waits = []
    for _ in range(12):
        registrar.is_silent()
        waits.append(registrar.retry())
    bounds = [min(FIRST_WAIT * 2**failures, LONGEST_WAIT) for failures in range(12)]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))


def test_a_success_makes_the_waits_short_again() -> None:
    registrar = Registrar()
    for _ in range(6):
        registrar.is_silent()
        registrar.retry()
    registrar.says(200, OURS)
    registrar.retry()
    registrar.is_silent()
    assert registrar.retry() <= FIRST_WAIT


@pytest.mark.parametrize(("value", "least"), [("60", 60), ("60 (maintenance);duration=3", 60), ("999999", 3600), ("soon", 0)])
def test_retry_after_is_waited_for_within_bounds(value: str, least: float) -> None:
    registrar = Registrar()
    registrar.says(503, ("Retry-After", value))
    assert max(least, FIRST_WAIT / 2) <= registrar.retry() <= max(least, FIRST_WAIT)


def test_a_failed_renewal_leaves_the_binding_until_it_runs_out() -> None:
    registrar = Registrar()
    registrar.says(200, OURS)
    ends = registrar.now + 300
    registrar.retry()
    registrar.is_silent()
    assert registrar.registration.is_registered(registrar.now)
    while registrar.now < ends:
        registrar.wait_for_timer()
        if registrar.registration.take() is not None:
            registrar.is_silent()
    assert not registrar.registration.is_registered(registrar.now)


def test_a_grant_of_nothing_is_a_failure() -> None:
    registrar = Registrar()
    registrar.says(200, ("Contact", "<sip:pbx-1a2b@192.0.2.1>;expires=0"))
    assert registrar.registration.state is State.WAITING
    assert not registrar.registration.is_registered(registrar.now)


def test_service_route_and_path_are_kept_and_replaced() -> None:
    registrar = Registrar()
    routes = (("Service-Route", "<sip:p1.example;lr>, <sip:p2.example;lr>"), ("Path", "<sip:edge.example;lr>"))
    registrar.says(200, OURS, *routes)
    binding = registrar.registration.binding
    assert binding is not None
    assert binding.service_route == ("<sip:p1.example;lr>", "<sip:p2.example;lr>")
    assert binding.path == ("<sip:edge.example;lr>",)
    registrar.retry()
    registrar.says(200, OURS)
    binding = registrar.registration.binding
    assert binding is not None
    assert binding.service_route == ()


@pytest.mark.parametrize("value", ["nonsense", "<sip:a b>", ", ".join(["<sip:p.example;lr>"] * (MOST_ROUTES + 1))])
def test_routes_that_are_none_are_left_out(value: str) -> None:
    registrar = Registrar()
    registrar.says(200, OURS, ("Service-Route", value))
    binding = registrar.registration.binding
    assert binding is not None
    assert binding.service_route == ()


def test_stopping_takes_the_binding_back() -> None:
    registrar = Registrar()
    registrar.says(200, OURS)
    registrar.registration.stop(registrar.now)
    removal = registrar.take()
    assert removal.contact is not None
    assert removal.contact.parameters == ";expires=0"
    assert header(removal, "Expires") == "0"
    registrar.says(200)
    assert registrar.registration.state is State.OVER
    assert not registrar.registration.is_registered(registrar.now)
    assert registrar.registration.next_timer(registrar.now) is None


def test_stopping_while_asked_takes_back_what_may_be_granted() -> None:
    registrar = Registrar()
    registrar.registration.stop(registrar.now)
    assert header(registrar.take(), "Expires") == "0"


def test_stopping_while_nothing_is_bound_says_nothing() -> None:
    registrar = Registrar()
    registrar.is_silent()
    registrar.registration.stop(registrar.now)
    assert registrar.registration.take() is None
    assert registrar.registration.state is State.OVER


@pytest.mark.parametrize("status", [200, 423, 503])
def test_whatever_a_removal_is_answered_it_is_over(status: int) -> None:
    registrar = Registrar()
    registrar.says(200, OURS)
    registrar.registration.stop(registrar.now)
    registrar.take()
    registrar.says(status, ("Min-Expires", "9999"))
    assert registrar.registration.state is State.OVER
    assert registrar.registration.take() is None


def outbound() -> Account:
    """An account that asks for outbound."""
    return Account(
        ACCOUNT.registrar, ACCOUNT.address, ACCOUNT.contact_user, expires=600, instance="urn:uuid:00000000-0000-4000-8000-000000000001"
    )


def test_outbound_names_instance_and_flow() -> None:
    registrar = Registrar(outbound())
    assert registrar.asked.contact is not None
    assert ';+sip.instance="<urn:uuid:00000000-0000-4000-8000-000000000001>";reg-id=1' in registrar.asked.contact.parameters
    assert header(registrar.asked, "Supported") == "path, outbound"
    registrar.says(200, OURS, ("Require", "outbound"))
    assert registrar.registration.binding is not None
    assert registrar.registration.binding.is_outbound


def test_a_first_hop_without_outbound_is_asked_without() -> None:
    registrar = Registrar(outbound())
    registrar.says(439)
    again = registrar.take()
    assert again.contact is not None
    assert "reg-id" not in again.contact.parameters
    assert header(again, "Supported") == "path"
