"""Whatever arrives at a secured leg: nobody hears it, it is counted by reason, and the leg's own packets are heard as before."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mediaserver.worker.secured import PROFILES, SecuredHouse, line_of
from tests.mediaserver.worker.test_secured_legs import heard

REASONS = ("dropped_srtp_authentication", "dropped_srtp_replayed", "dropped_srtp_malformed", "dropped_rtcp", "dropped_size")
TRICKS = st.one_of(
    st.tuples(st.just("noise"), st.binary(min_size=1, max_size=1472)),
    st.tuples(st.just("cut"), st.integers(1, 180)),
    st.tuples(st.just("flip"), st.integers(0, 8 * 180)),
    st.tuples(st.just("again"), st.integers(1, 200)),
    st.tuples(st.just("ssrc"), st.integers(0, 0xFFFF_FFFF)),
    st.tuples(st.just("number"), st.integers(1, 0xFFFF)),
    st.tuples(st.just("longer"), st.integers(1, 1471)),
    st.tuples(st.just("plain"), st.integers(0, 1400)),
)


def made(trick: str, value: object, genuine: list[bytes]) -> bytes:
    """A datagram that is not genuine, of one that was."""
    last = bytearray(genuine[-1])
    match trick, value:
        case "noise", bytes(content):
            return content
        case "cut", int(length):
            return bytes(last[:length]) if length < len(last) else bytes(last)
        case "flip", int(bit):
            last[bit // 8 % len(last)] ^= 1 << bit % 8
        case "again", int(back):
            return genuine[-(back % len(genuine)) - 1]
        case "ssrc", int(ssrc):
            last[8:12] = ssrc.to_bytes(4, "big")
        case "number", int(step):
            last[2:4] = ((int.from_bytes(last[2:4], "big") + step) & 0xFFFF).to_bytes(2, "big")
        case "longer", int(length):
            return (bytes(last) + bytes(length))[:1472]
        case "plain", int(length):
            return bytes(last[:12]) + bytes(length)
    return bytes(last)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(PROFILES)), st.lists(TRICKS, min_size=1, max_size=20))
def test_what_is_not_genuine_is_counted_and_heard_by_nobody(suite: str, tricks: list[tuple[str, object]]) -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of(suite))
    agent = house.join(2, 7, "agent")
    house.run(0.1)
    genuine = list(house.lines[customer.row].shut)
    came = len(genuine)
    for trick, value in tricks:
        house.arrive_as_it_is(customer, made(trick, value, genuine))
        house.run(0.01)
    house.run(0.1)
    shut = house.lines[customer.row].shut
    assert len(shut) > came
    assert [sent.payload for sent in agent.got if any(sent.payload)] == customer.said[: len(agent.got)]
    counters = house.memory.counters(customer.row)
    assert sum(counters[reason] for reason in REASONS) == len(tricks)
    assert len(heard(agent, customer)) >= len(shut) - 1
