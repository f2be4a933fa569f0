"""Whatever DNS says, a search ends, asks within bounds, and raises nothing; and what is secure stays so."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sip.location.records import Answer, Kind, Naptr, Question, Srv
from sip.location.search import MOST_ALIASES, MOST_HOPS, MOST_SERVERS, MOST_SERVICES, Search
from sip.uri import Uri
from tests.sip.location.asker import means, seeded

NAMES = st.sampled_from(["example.com", "_sip._udp.example.com", "_sips._tcp.example.com", "a.example", "", ".", "192.0.2.1", "x" * 300])
NUMBERS = st.integers(0, 65_535)
RECORDS = {
    "NAPTR": st.builds(
        Naptr,
        order=NUMBERS,
        preference=NUMBERS,
        flags=st.sampled_from(["s", "S", "u", ""]),
        service=st.sampled_from(["SIP+D2U", "SIP+D2T", "SIPS+D2T", "SIP+D2S", "SIP+D2W", "E2U+sip", ""]),
        replacement=NAMES,
    ),
    "SRV": st.builds(Srv, priority=NUMBERS, weight=NUMBERS, port=NUMBERS, target=NAMES),
    "A": st.one_of(st.ip_addresses(v=4).map(str), st.text(max_size=5)),
    "AAAA": st.one_of(st.ip_addresses(v=6).map(str), st.just("fe80::1%eth0")),
}
URIS = st.sampled_from(
    [
        "sip:u@example.com",
        "sips:u@example.com",
        "sip:u@example.com;transport=tcp",
        "sips:u@example.com;transport=tcp",
        "sip:u@example.com:5070",
        "sips:u@example.com:5070;maddr=a.example",
        "sip:u@example.com;maddr=[::1]",
    ]
)


def answers(kind: Kind) -> st.SearchStrategy[Answer]:
    """Anything for a question of this kind, and at times records of another."""
    wrong = st.sampled_from(sorted(RECORDS)).flatmap(lambda other: RECORDS[other])
    records = st.lists(st.one_of(RECORDS[kind], wrong), max_size=40).map(tuple)
    return st.builds(Answer, records=records, alias=st.one_of(st.just(""), NAMES), has_failed=st.booleans())


@settings(max_examples=100, deadline=None)
@given(st.data(), URIS)
def test_a_search_ends_within_its_bounds(data: st.DataObject, uri: str) -> None:
    search = Search(Uri.parse(uri), means(families=("AAAA", "A"), below=seeded(1)))
    asked: list[Question] = []
    while questions := search.questions():
        asked += questions
        for question in questions:
            search.answer(question, data.draw(answers(question.kind)))
    assert len(asked) <= 1 + MOST_SERVICES + 2 * MOST_SERVERS + MOST_ALIASES
    assert len(search.hops) <= MOST_HOPS
    assert bool(search.hops) != bool(search.problem)
    assert all(hop.port for hop in search.hops)
    if uri.startswith("sips:"):
        assert {hop.transport for hop in search.hops} <= {"tls"}
        assert {hop.name for hop in search.hops} <= {"example.com"}
