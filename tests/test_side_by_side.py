"""Chains of tests: what shares servers is run by one process, and no chain names what is not there."""

from pathlib import Path

from tests.side_by_side import CHAINS, COMPUTING, chain_of, computes, place_of

HERE = Path(__file__).parent


def test_every_file_and_room_that_a_chain_names_is_there() -> None:
    assert [name for chain in (*CHAINS, COMPUTING) for name in chain if not (HERE / name).exists()] == []


def test_files_of_one_chain_go_together() -> None:
    assert chain_of("tests/interop/test_baresip.py::test_a") == chain_of("tests/interop/test_pyvoip.py::test_b[x::y]")


def test_a_file_is_in_the_chain_that_names_it_rather_than_in_its_rooms() -> None:
    room = chain_of("tests/interop/test_offers.py::test_a")
    assert room == chain_of("tests/interop/test_transfers_by_sipp.py::test_a")
    assert room != chain_of("tests/interop/test_transfers.py::test_a")


def test_a_file_that_no_chain_names_is_a_chain_of_its_own_and_comes_after_them() -> None:
    nodeid = "tests/config/test_loading.py::test_a"
    assert chain_of(nodeid) == "tests/config/test_loading.py"
    assert place_of(nodeid) == len(CHAINS)
    assert not computes(nodeid)


def test_a_file_that_only_computes_comes_last_and_one_that_a_chain_names_does_not() -> None:
    nodeid = "tests/mediaserver/worker/test_heir.py::test_a"
    assert chain_of(nodeid) == "tests/mediaserver/worker/test_heir.py"
    assert computes(nodeid)
    assert place_of(nodeid) > len(CHAINS)
    assert not computes("tests/mediaserver/worker/test_process.py::test_a")
