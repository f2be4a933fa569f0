"""What was kept is shown as far as ceilings and rights go; a database that is away is said to be away."""

from datetime import UTC, datetime
from typing import Any

import pytest

from control_api.past_models import HistoryCommand, ListeningCommand
from control_api.permissions import Ceiling, Identity, Refusal, Right
from mediaserver.signalling.desk.past import Past, nobody_knows
from mediaserver.storage.asking import Unanswerable
from mixer.modes import Mode
from tests.mediaserver.signalling.exchange import ROBERT, SETTINGS, TRUNK, Exchange

LARS = Identity("lars", "default", Ceiling(teams=frozenset({"north"}), mode=Mode.LISTEN))
EVE = Identity("eve", "default", Ceiling(agents=frozenset({"*"}), mode=Mode.BARGE))
REPORTER = Identity("rita", "default", Ceiling(rights=frozenset({Right.REPORTS})))
GUEST = Identity("eve/link-1", "default", Ceiling(agents=frozenset({"*"}), mode=Mode.LISTEN, calls=frozenset({"c1"})))
NOBODY = Identity("nobody", "default", Ceiling())
STARTED = 1_900_000_000_000_000


def row(call: str = "c1", agent: str = "robert", team: str = "north", **changed: Any) -> dict[str, Any]:
    """A call as the database has it."""
    names = {
        "id": call,
        "tenant": "default",
        "server": "a",
        "trunk": "carrier",
        "caller": "+491",
        "called": "100",
        "agent": agent,
        "team": team,
    }
    times = {"started_at": STARTED, "answered_at": STARTED + 2_500_000, "ended_at": STARTED + 62_500_000}
    return names | times | {"metadata": {"queue": "sales"}, "cause": "bye", "notes": [], "flags": []} | changed


def supervision(identity: str) -> dict[str, Any]:
    """A supervisor's time in it."""
    said = {"id": f"a/{identity}", "identity": identity, "way": "api", "address": "192.0.2.1", "permission": "everybody", "cause": "left"}
    stretch = {"mode": "listen", "target": "agent", "agent": "robert", "team": "north", "since": STARTED, "until": STARTED + 1_000_000}
    return said | {"joined_at": STARTED, "left_at": STARTED + 1_000_000, "stretches": [stretch]}


class Kept:
    """A database that notes what it is asked, and says what the test has laid down."""

    def __init__(self, answer: Any, policy: dict[str, Any] | None = None) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        policies = [policy] if policy else []
        settings = SETTINGS.model_validate(SETTINGS.model_dump() | {"policies": policies})
        self.past = Past(Exchange(settings).house, self.ask)

    async def ask(self, what: str, **given: Any) -> Any:
        """Answer."""
        self.asked.append({"what": what} | given)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def wanted(**fields: Any) -> HistoryCommand:
    """Of the history."""
    return HistoryCommand(id=1, **fields)


@pytest.mark.parametrize(
    ("identity", "within"),
    [
        (LARS, {"agents": [], "teams": ["north"], "calls": None}),
        (EVE, {"agents": None, "teams": None, "calls": None}),
        (REPORTER, {"agents": None, "teams": None, "calls": None}),
        (GUEST, {"agents": None, "teams": None, "calls": ["c1"]}),
        (NOBODY, {"agents": [], "teams": [], "calls": None}),
    ],
    ids=["a_team", "everybody", "reports", "one_call", "nobody"],
)
async def test_a_page_is_asked_for_within_the_ceiling_or_by_the_right_to_reports(identity: Identity, within: dict[str, Any]) -> None:
    kept = Kept([])
    await kept.past.calls(identity, wanted())
    assert within.items() <= kept.asked[0].items()
    assert (kept.asked[0]["tenant"], kept.asked[0]["is_over"]) == ("default", True)


async def test_pages_follow_each_other_by_their_cursor() -> None:
    kept = Kept([row("c3"), row("c2"), row("c1")])
    page = await kept.past.calls(EVE, wanted(limit=2))
    assert ([call["call"] for call in page["calls"]], page["next"]) == (["c3", "c2"], f"{STARTED}.c2")
    kept.answer = [row("c1")]
    last = await kept.past.calls(EVE, wanted(limit=2, cursor=page["next"]))
    assert (kept.asked[1]["before"], kept.asked[1]["most"], last["next"]) == ((STARTED, "c2"), 3, None)
    with pytest.raises(Refusal, match="cursor"):
        await kept.past.calls(EVE, wanted(cursor="nonsense"))


async def test_times_without_a_zone_are_utc_and_calls_tell_how_long_they_were() -> None:
    kept = Kept([row()])
    page = await kept.past.calls(EVE, wanted(since="2030-03-17T17:46:40", until=datetime(2031, 1, 1, tzinfo=UTC)))
    assert (kept.asked[0]["since"], kept.asked[0]["until"]) == (STARTED, 1_924_992_000_000_000)
    (call,) = page["calls"]
    assert (call["started"], call["answered"], call["duration"]) == ("2030-03-17T17:46:40.000Z", "2030-03-17T17:46:42.500Z", 60.0)


@pytest.mark.parametrize(("identity", "is_his"), [(LARS, False), (NOBODY, False), (GUEST, False), (EVE, True), (REPORTER, True)])
async def test_one_call_is_for_whoever_might_have_seen_it_or_may_have_reports(identity: Identity, is_his: bool) -> None:
    kept = Kept(row("c2", "maria", "south", supervisions=[supervision("anna")]))
    if is_his:
        told = await kept.past.call(identity, "c2")
        assert [one["timeline"][0]["mode"] for one in told["supervisions"]] == ["listen"]
        return
    with pytest.raises(Refusal) as refused:
        await kept.past.call(identity, "c2")
    assert refused.value.code == "not_found"


async def test_a_call_has_its_notes_and_the_flags_that_stand() -> None:
    said = {"id": "0a", "identity": "anna", "at": STARTED, "about": None}
    flags = [said | {"label": "praise", "taken_back_at": None}, said | {"id": "0b", "label": "look", "taken_back_at": STARTED}]
    told = await Kept(row(supervisions=[], notes=[said | {"text": "kind"}], flags=flags)).past.call(EVE, "c1")
    assert [note["text"] for note in told["notes"]] == ["kind"]
    assert [(flag["label"], flag["about"]) for flag in told["flags"]] == [("praise", "2030-03-17T17:46:40.000Z")]


async def test_a_call_that_was_not_kept_is_not_found() -> None:
    with pytest.raises(Refusal) as refused:
        await Kept(None).past.call(REPORTER, "c9")
    assert refused.value.code == "not_found"


@pytest.mark.parametrize(
    ("seen_by", "identity", "seen"),
    [
        ("everybody", LARS, ["anna", "lars"]),
        ("supervisors", LARS, ["anna", "lars"]),
        ("supervisors", EVE, []),
        ("permitted", LARS, ["lars"]),
        ("permitted", REPORTER, ["anna", "lars"]),
    ],
)
async def test_who_listened_is_hidden_from_whom_it_was_hidden_then(seen_by: str, identity: Identity, seen: list[str]) -> None:
    kept = Kept(row(supervisions=[supervision("anna"), supervision("lars")]), {"listeners_seen_by": seen_by})
    told = await kept.past.call(identity, "c1")
    assert [one["identity"] for one in told["supervisions"]] == seen


async def test_reports_need_their_right_and_are_of_the_own_tenant_alone() -> None:
    kept = Kept({"rows": []})
    with pytest.raises(Refusal) as refused:
        await kept.past.listening(EVE, ListeningCommand(id=1))
    assert refused.value.code == "forbidden"
    await kept.past.listening(REPORTER, ListeningCommand(id=1, by="agent,day,agent"))
    assert kept.asked == [{"what": "listening", "tenant": "default", "since": None, "until": None, "by": ["agent", "day"]}]


async def test_a_database_that_does_not_answer_is_unavailable_and_a_question_too_large_is_bad() -> None:
    house = Exchange().house
    with pytest.raises(Refusal) as refused:
        await Past(house, nobody_knows).calls(EVE, wanted())
    assert (refused.value.code, "doctor" in refused.value.hint) == ("unavailable", True)
    with pytest.raises(Refusal) as refused:
        await Kept(Unanswerable("too many rows")).past.listening(REPORTER, ListeningCommand(id=1))
    assert refused.value.code == "bad_request"


async def test_agents_are_shown_on_calls_idle_and_away_within_the_ceiling() -> None:
    exchange = Exchange()
    exchange.phone(ROBERT).register("robert", "r")
    exchange.run()
    assert [(one["agent"], one["state"]) for one in exchange.desk.agents(EVE)] == [("maria", "offline"), ("robert", "idle")]
    exchange.phone(TRUNK).dial("100")
    exchange.run()
    (robert,) = exchange.desk.agents(LARS)
    assert (robert["agent"], robert["state"], robert["calls"]) == ("robert", "ringing", [exchange.view.call])
    assert exchange.desk.agents(NOBODY) == exchange.desk.agents(GUEST) == []
