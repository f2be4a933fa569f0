"""`listen`, `whisper`, `barge`, `message`, `leave` and `hangup`."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from control_api.client import ControlClient
from control_api.messages import CallModel, LegModel
from control_api.permissions import Refusal
from mediaserver.cli.connecting import progress, with_client
from mixer.modes import Role

ANSWER_TIMEOUT: Final = 60.0
"""Seconds that one's own phone may ring."""


def enter(url: str, token: str, which: str, mode: str, target: str, phone: str | None, wait: bool, as_json: bool) -> None:
    """Enter a call in a mode; who is in it already changes his mode."""

    async def work(client: ControlClient) -> dict[str, object]:
        mine = list(own_legs(client, which))
        if mine and phone is None:
            call, leg = only(mine)
            applied = await client.set_mode(leg.leg, mode, target)
            return {"call": call.call, "leg": leg.leg, "mode": mode, "state": "joined", "turn": applied.turn}
        is_call = which in client.calls
        made = await client.supervise(
            call=which if is_call else None, agent=None if is_call else which, mode=mode, target=target, phone=phone
        )
        state = made.state
        if wait and state != "joined":
            with progress("your phone rings; answer it …"):
                await _answered(client, made.leg)
            state = "joined"
        return {"call": made.call, "leg": made.leg, "mode": str(made.mode), "state": state}

    result = with_client(url, token, work)
    sentence = f"{result['mode']}: call {result['call']}, leg {result['leg']}, {result['state']}"
    print(json.dumps(result) if as_json else sentence + (f", in turn {result['turn']}" if "turn" in result else ""))


async def _answered(client: ControlClient, leg: int) -> None:
    """Wait for one's own phone. Raises `Refusal`."""
    try:
        await client.joined(leg, ANSWER_TIMEOUT)
    except TimeoutError:
        text = f"your phone was not answered within {ANSWER_TIMEOUT:.0f} s"
        raise Refusal("timeout", text, "mediaserver calls shows whether it rings still; mediaserver leave ends that") from None


def leave(url: str, token: str, which: str | None, as_json: bool) -> None:
    """Leave the call, or the only one."""

    async def work(client: ControlClient) -> dict[str, object]:
        call, leg = only(list(own_legs(client, which)))
        await client.leave(leg.leg)
        return {"call": call.call, "leg": leg.leg}

    result = with_client(url, token, work)
    print(json.dumps(result) if as_json else f"left: call {result['call']}")


def message(url: str, token: str, which: str, text: str, as_json: bool) -> None:
    """Send a text to an agent's phone."""

    async def work(client: ControlClient) -> dict[str, object]:
        is_call = which in client.calls
        result = await client.message(text, call=which if is_call else None, agent=None if is_call else which)
        return result.model_dump()

    result = with_client(url, token, work)
    print(json.dumps(result) if as_json else f"sent: {which}, {result['phones']} phone(s), answered {result['status']}")


def hang_up(url: str, token: str, which: str, leg: int | None, as_json: bool) -> None:
    """End a call or hang up one of its legs."""

    async def work(client: ControlClient) -> dict[str, object]:
        call = find(client.calls, which)
        if leg is None:
            await client.end(call)
        else:
            await client.hang_up(call, leg)
        return {"call": call, "leg": leg}

    result = with_client(url, token, work)
    print(json.dumps(result) if as_json else f"ended: call {result['call']}" + (f", leg {leg}" if leg is not None else ""))


def find(calls: Mapping[str, CallModel], which: str) -> str:
    """The call's id, from its id or from its agent. What we do not see is left to the server to refuse."""
    if which in calls:
        return which
    found = [call.call for call in calls.values() if call.agent == which]
    if len(found) > 1:
        raise Refusal("ambiguous", f"{which} has {len(found)} calls", "name the call: " + ", ".join(found))
    return found[0] if found else which


def own_legs(client: ControlClient, which: str | None) -> Iterator[tuple[CallModel, LegModel]]:
    """Our supervising legs, in the call, in the agent's calls, or (None) anywhere."""
    identity = client.hello.identity if client.hello else ""
    for call in client.calls.values():
        if which in (None, call.call, call.agent):
            for leg in call.legs:
                if leg.role is Role.SUPERVISOR and leg.identity == identity and leg.state != "ended":
                    yield call, leg


def only(legs: list[tuple[CallModel, LegModel]]) -> tuple[CallModel, LegModel]:
    """The one leg there is."""
    if not legs:
        raise Refusal("not_found", "you are in no such call", "mediaserver calls shows who is where")
    if len(legs) > 1:
        raise Refusal("ambiguous", f"you are in {len(legs)} such calls", "name the call: " + ", ".join(call.call for call, _ in legs))
    return legs[0]
