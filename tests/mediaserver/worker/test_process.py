"""The real process over the real link and loopback sockets: relaying, supervising, latches, strangers, dead ends, its end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mediaserver.link.memory import Memory
from mediaserver.link.messages import Applied, CloseLeg, Inherit, MediaStarted, OpenLeg, Refused, SetMode
from mediaserver.link.wire import encode_frame, link_pair
from rtp.latch import PROOF
from tests.mediaserver.worker.real import PATIENCE, RealLeg, RealWorker, udp


@pytest.fixture(scope="module")
def worker() -> Iterator[RealWorker]:
    """One process for all tests of this file; each has a call of its own."""
    with RealWorker() as running:
        yield running


@pytest.fixture
def parties(worker: RealWorker, request: pytest.FixtureRequest) -> Iterator[tuple[RealLeg, RealLeg]]:
    """Customer and agent of a call of this test."""
    call = abs(hash(request.node.name)) % 1_000_000 * 10
    legs = worker.join(call + 1, call, "customer"), worker.join(call + 2, call, "agent")
    yield legs
    worker.command(*(CloseLeg(leg.leg) for leg in legs))
    for leg in legs:
        leg.lent.close()
        leg.phone.close()


def relayed(worker: RealWorker, speaker: RealLeg, listener: RealLeg, payload: bytes) -> None:
    """Say something and wait until it was heard."""
    speaker.say(payload)
    worker.wait(lambda: payload in [*listener.listen(), *listener.got])


def counted(worker: RealWorker, leg: RealLeg) -> tuple[int, int, int]:
    """Received, sent, lost."""
    counters = worker.memory.counters(leg.row)
    return counters["received"], counters["sent"], counters["lost"]


def test_a_call_is_relayed_and_its_start_told(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    customer, agent = parties
    for count in range(20):
        relayed(worker, customer, agent, bytes([count]) * 160)
        relayed(worker, agent, customer, bytes([100 + count]) * 160)
    host, port = customer.phone.getsockname()
    assert MediaStarted(customer.leg, host, port) in worker.messages
    worker.wait(lambda: counted(worker, customer) == (20, 20, 0))
    assert worker.memory.leg(customer.row) == customer.leg


def test_a_supervisor_is_sent_a_steady_mix_and_his_mode_is_acknowledged(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    customer, _ = parties
    supervisor = worker.join(customer.leg + 2, customer.leg - 1, "supervisor")
    relayed(worker, customer, parties[1], b"a" * 160)
    worker.wait(lambda: len([*supervisor.listen(), *supervisor.got]) > 5)
    (answer,) = worker.command(SetMode(supervisor.leg, "whisper", "agent"))
    assert isinstance(answer, Applied)
    assert 0 < answer.turn <= worker.memory.turn
    worker.command(CloseLeg(supervisor.leg))


def test_strangers_are_dropped_and_counted_while_the_source_talks(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    customer, agent = parties
    relayed(worker, customer, agent, b"a" * 160)
    with udp() as stranger:
        for _ in range(5):
            payload = os.urandom(160)
            customer.say(payload)
            customer.say(b"evil" * 40, stranger)
            worker.wait(lambda payload=payload: payload in [*agent.listen(), *agent.got])  # type: ignore[misc]
        worker.wait(lambda: worker.memory.counters(customer.row)["dropped_beside_source"] >= 5)
    assert b"evil" * 40 not in agent.got


@pytest.mark.parametrize(("sends", "counter"), [(True, "dropped_stranger"), (False, "dropped_not_sending")])
def test_a_stranger_gets_nothing_of_what_a_silent_phone_hears(
    worker: RealWorker, parties: tuple[RealLeg, RealLeg], sends: bool, counter: str
) -> None:
    customer, agent = parties
    supervisor = worker.join(customer.leg + 2, customer.leg - 1, "supervisor")
    worker.command(replace(worker.media(supervisor), remote_sends=sends))
    with udp("127.0.0.77") as stranger:
        for _ in range(3 * PROOF):
            supervisor.say(b"evil" * 40, stranger)
        worker.wait(lambda: worker.memory.counters(supervisor.row)[counter] == 3 * PROOF)
        relayed(worker, customer, agent, b"a" * 160)
        worker.wait(lambda: len([*supervisor.listen(), *supervisor.got]) > 5)
        with pytest.raises(BlockingIOError):
            stranger.recv(2000)
    assert worker.memory.counters(supervisor.row)["received"] == 0
    worker.command(CloseLeg(supervisor.leg))


def test_the_host_of_the_signalling_is_a_place_of_the_leg(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    customer, agent = parties
    worker.command(replace(worker.media(customer), peer="127.0.0.78"))
    with udp("127.0.0.78") as translated:
        customer.say(b"n" * 160, translated)
        worker.wait(lambda: b"n" * 160 in [*agent.listen(), *agent.got])


def test_a_source_behind_a_translated_address_is_latched_and_sent_to(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    customer, agent = parties
    with udp() as translated:
        customer.say(b"n" * 160, translated)
        worker.wait(lambda: b"n" * 160 in [*agent.listen(), *agent.got])
        agent.say(b"back" * 40)
        heard: list[bytes] = []

        def is_heard() -> bool:
            try:
                heard.append(translated.recv(2000)[12:])
            except BlockingIOError:
                return False
            return b"back" * 40 in heard

        worker.wait(is_heard)


def test_the_signalled_address_takes_over_from_an_early_stranger(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    customer, agent = parties
    with udp() as early:
        customer.say(b"e" * 160, early)
        worker.wait(lambda: b"e" * 160 in [*agent.listen(), *agent.got])
        relayed(worker, customer, agent, b"s" * 160)
        customer.say(b"x" * 160, early)
        relayed(worker, customer, agent, b"t" * 160)
    assert b"x" * 160 not in agent.got


def test_another_source_is_taken_after_a_second_of_silence(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    customer, agent = parties
    relayed(worker, customer, agent, b"a" * 160)
    spoke = worker.memory.last_packet(customer.row)
    with udp() as other:

        def is_taken() -> bool:
            customer.say(b"o" * 160, other)
            time.sleep(0.02)
            return b"o" * 160 in [*agent.listen(), *agent.got]

        worker.wait(is_taken)
    assert worker.memory.last_packet(customer.row) - spoke >= 1.0


def test_new_media_moves_a_leg_at_once(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    customer, agent = parties
    relayed(worker, customer, agent, b"a" * 160)
    with udp() as moved:
        worker.command(worker.media(customer, moved))
        customer.say(b"old" * 50)
        customer.say(b"m" * 160, moved)
        worker.wait(lambda: b"m" * 160 in [*agent.listen(), *agent.got])
    assert b"old" * 50 not in agent.got


def test_a_strict_leg_takes_packets_from_the_signalled_address_alone(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    customer, _ = parties
    outside = worker.join(customer.leg + 3, customer.leg - 1, "outside", strict=True)
    with udp() as stranger:
        outside.say(b"x" * 160, stranger)
        worker.wait(lambda: worker.memory.counters(outside.row)["dropped_stranger"] == 1)
        outside.say(b"o" * 160)
        worker.wait(lambda: worker.memory.counters(outside.row)["received"] == 1)
    worker.command(CloseLeg(outside.leg))


def test_what_waited_in_a_socket_before_its_leg_was_opened_is_thrown_away(worker: RealWorker) -> None:
    stale = RealLeg(501, udp(), udp())
    for _ in range(5):
        stale.say(b"old" * 50)
    opened, _ = worker.command(OpenLeg(501, 500, "customer", False), worker.media(stale), descriptors=(stale.lent.fileno(),))
    assert isinstance(opened, Applied)
    worker.wait(lambda: worker.memory.counters(opened.row)["dropped_stale"] == 5)
    assert worker.memory.counters(opened.row)["received"] == 0
    worker.command(CloseLeg(501))


def test_what_overflowed_at_a_port_is_counted_and_the_others_hear_each_other(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    customer, agent = parties
    supervisor = worker.join(customer.leg + 2, customer.leg - 1, "supervisor")
    relayed(worker, customer, agent, b"a" * 160)
    with udp() as stranger:
        for _ in range(2000):
            stranger.sendto(b"x" * 1000, supervisor.lent.getsockname())
    worker.wait(lambda: worker.memory.counters(supervisor.row)["dropped_overflow"] > 0)
    assert worker.memory.counters(customer.row)["dropped_overflow"] == 0
    relayed(worker, customer, agent, b"b" * 160)
    worker.command(CloseLeg(supervisor.leg))


def test_a_phone_that_vanishes_is_counted_and_harms_nobody(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    customer, agent = parties
    supervisor = worker.join(customer.leg + 2, customer.leg - 1, "supervisor")
    relayed(worker, customer, agent, b"a" * 160)
    supervisor.phone.close()

    def errors() -> int:
        counters = worker.memory.counters(supervisor.row)
        return counters["send_errors"] + counters["receive_errors"]

    worker.wait(lambda: errors() > 3)
    relayed(worker, customer, agent, b"b" * 160)
    worker.command(CloseLeg(supervisor.leg))


def test_a_lent_descriptor_that_is_no_udp_socket_is_refused(worker: RealWorker) -> None:
    descriptor = os.memfd_create("not a socket")
    (answer,) = worker.command(OpenLeg(601, 600, "customer", False), descriptors=(descriptor,))
    os.close(descriptor)
    assert isinstance(answer, Refused)
    assert answer.code == "bad_value"


def test_garbage_on_the_link_is_counted_and_survived(worker: RealWorker, parties: tuple[RealLeg, RealLeg]) -> None:
    refused = worker.memory.worker_counters()["link_frames_refused"]
    assert worker.link.send(b"\xc1 not a frame")
    worker.wait(lambda: worker.memory.worker_counters()["link_frames_refused"] == refused + 1)
    relayed(worker, *parties, b"a" * 160)


def test_it_ignores_signals_and_ends_with_its_link() -> None:
    with RealWorker() as short:
        short.wait(lambda: short.memory.turn > 0)
        for number in (signal.SIGTERM, signal.SIGINT):
            short.process.send_signal(number)
        turn = short.memory.turn
        short.wait(lambda: short.memory.turn > turn)
        short.link.close()
        assert short.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("core", [999, 1 << 62])
def test_a_core_that_is_not_there_is_told_in_one_line(core: int) -> None:
    memory = Memory.create(8, 4, 4)
    link, theirs = link_pair()
    arguments = [sys.executable, "-m", "mediaserver.worker", "--link-fd", str(theirs.fileno())]
    with subprocess.Popen(arguments, pass_fds=(theirs.fileno(),), stderr=subprocess.PIPE, text=True) as process:
        theirs.close()
        assert link.send(encode_frame([(1, Inherit(0, core))]), [memory.fd])
        _, told = process.communicate(timeout=PATIENCE)
    link.close()
    memory.close()
    assert process.returncode == os.EX_CONFIG
    (line,) = told.splitlines()
    assert line.startswith(f"mediaserver.worker: no core {core} for media.cpu; there are ")


def test_audio_goes_on_when_the_link_is_gone() -> None:
    with RealWorker() as orphan:
        customer, agent = orphan.join(1, 10, "customer"), orphan.join(2, 10, "agent")
        relayed(orphan, customer, agent, b"a" * 160)
        orphan.link.close()
        until = time.monotonic() + PATIENCE
        while b"b" * 160 not in agent.got:
            assert time.monotonic() < until
            customer.say(b"b" * 160)
            time.sleep(0.02)
            agent.listen()
        assert orphan.process.poll() is None
