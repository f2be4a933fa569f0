"""The drivers of the phones, tried on each other without a server in between: what fails here is not the server's fault."""

from pathlib import Path

import pytest

from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, hear
from tests.interop.phones.baresip import Baresip, PhoneError


async def test_two_baresips_call_hold_press_keys_and_hear_each_other(tmp_path: Path, voices: dict[float, Path]) -> None:
    async with Baresip(tmp_path / "one", "one", voices[CUSTOMER_HZ]) as one, Baresip(tmp_path / "two", "two", voices[AGENT_HZ]) as two:
        await one.dial(two.uri)
        await two.wait_for("CALL_INCOMING")
        await one.wait_for("CALL_RINGING")
        await two.accept()
        await one.wait_for("CALL_ESTABLISHED")
        await two.wait_for("CALL_ESTABLISHED")
        await hear({one: {AGENT_HZ}, two: {CUSTOMER_HZ}})
        await one.send_digit("5")
        assert (await two.wait_for("CALL_DTMF_START"))["param"] == "5"
        await one.hold()
        await two.wait_for("CALL_REMOTE_SDP")
        with pytest.raises(PhoneError, match="samples"):
            await two.listen(0.5, within=2.0)
        await one.resume()
        await two.wait_for("CALL_REMOTE_SDP")
        await two.hang_up()
        await one.wait_for("CALL_CLOSED")


async def test_a_killed_baresip_is_told_from_a_silent_one(tmp_path: Path, voices: dict[float, Path]) -> None:
    async with Baresip(tmp_path / "one", "one", voices[CUSTOMER_HZ]) as one:
        one.kill()
        with pytest.raises(PhoneError, match="is gone"):
            await one.wait_for("CALL_INCOMING")
