"""A proxy that asks our users for their passwords vouches for them; nobody else does."""

from typing import Any

import pytest

from config.checks import find
from config.settings import Settings
from config.sip import SipSettings
from config.trunks import TrunkSettings
from sip.events import Accepted, Rejected
from tests.mediaserver.signalling.exchange import ROBERT, SETTINGS, TRUNK, Exchange, Phone

EVE = ("P-Asserted-Identity", "<sip:eve@127.0.1.1>")


def knocking(*headers: tuple[str, str], number: str = "*2robert", own: str = "", **trunk: Any) -> Phone:
    """The proxy sends a supervisor's INVITE to a door of a live call."""
    settings = {"name": "edge", "addresses": ["127.0.1.1"], "host": "127.0.1.1", "trusted": True, "asserts_users": True} | trunk
    carrier = TrunkSettings.model_validate(settings)
    routes = tuple(route.model_copy(update={"trunk": "*"}) for route in SETTINGS.routes)
    exchange = Exchange(
        SETTINGS.model_copy(update={"trunks": (carrier,), "routes": routes, "sip": SipSettings(domains=(own,) if own else ())})
    )
    proxy = exchange.phone(TRUNK)
    robert = exchange.phone(ROBERT).register("robert", "r")
    proxy.dial("100")
    robert.answers()
    proxy.dial(number, headers=headers)
    return proxy


def refusals(proxy: Phone) -> list[int]:
    return [event.status for event in proxy.told(Rejected)]


@pytest.mark.parametrize("host", ["127.0.1.1", "127.0.0.1", "mediaserver"])
def test_whom_it_asserts_is_let_in_without_a_challenge(host: str) -> None:
    """By its own name, or by one of ours."""
    proxy = knocking(("P-Asserted-Identity", f"<sip:eve@{host}>"), own="127.0.0.1")
    assert len(proxy.told(Accepted)) == 2
    (supervisor,) = [leg for leg in proxy.exchange.view.legs if leg.role == "supervisor"]
    assert (supervisor.identity, supervisor.mode) == ("eve", "whisper")


def test_a_user_without_a_ceiling_stays_without_one() -> None:
    assert refusals(knocking(("P-Asserted-Identity", "<sip:maria@127.0.1.1>"))) == [403]


@pytest.mark.parametrize(
    ("headers", "trunk"),
    [
        ((), {}),
        ((("P-Asserted-Identity", "<sip:stranger@127.0.1.1>"),), {}),
        ((("P-Preferred-Identity", "<sip:eve@127.0.1.1>"),), {}),
        ((EVE,), {"asserts_users": False}),
        ((EVE,), {"trusted": False}),
        # whom it passes on from elsewhere
        ((("P-Asserted-Identity", "<sip:eve@carrier.example>"),), {}),
        ((("P-Asserted-Identity", "<tel:eve>"),), {}),
    ],
)
def test_everybody_else_is_challenged(headers: tuple[tuple[str, str], ...], trunk: dict[str, Any]) -> None:
    assert refusals(knocking(*headers, **trunk)) == [401]


def test_only_a_trusted_trunk_may_vouch() -> None:
    trunk = {"name": "edge", "addresses": ["127.0.1.1"], "asserts_users": True}
    told = [str(finding) for finding in find(Settings.model_validate({"trunks": [trunk]}))]
    assert any("asserts_users" in text for text in told), told
