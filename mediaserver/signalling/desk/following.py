"""The desk's commands to follow agents, teams, or chance."""

from collections.abc import Sequence
from typing import Any

from control_api.permissions import Identity, Refusal, Subject, check_mode
from mediaserver.call import inputs
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.desk.follows import Follow, Follows, Wanted, model
from mediaserver.signalling.desk.steps import Steps
from mediaserver.signalling.house import House
from mixer.modes import Mode, Role


class Following(Steps):
    """A part of `mediaserver.signalling.desk.supervising.SwitchboardDesk`."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        super().__init__(house, switchboard)
        self.all_follows = Follows(house, switchboard)
        switchboard.on_told = self.all_follows.told

    async def follow(
        self,
        identity: Identity,
        *,
        agent: str | None,
        team: str | None,
        pick: str,
        calls: int | None,
        current: bool,
        seconds: float,
        phone: str | None,
        offer: str | None,
        remote: str,
    ) -> dict[str, Any]:
        """Ring the identity's phone, or let his browser, into a lounge from which he joins calls."""
        wanted = Wanted(agent or "", team or "", "random" if pick == "random" else "next", calls, current, seconds)
        wanted = self._counted(lambda: self._permitted(identity, wanted))
        supervisor = inputs.Supervisor(identity=identity.name, name=identity.name, mode=Mode.LISTEN)
        if offer is not None:
            return await self._follow_in_browser(identity, wanted, supervisor, offer, remote)
        rung = self._counted(lambda: self._phone(identity, phone))
        lounge = self._counted(lambda: self._new_call(identity.tenant, is_lounge=True))
        return model(self.all_follows.begin(identity, wanted, lounge, lambda: self._ring(lounge, identity, supervisor, rung)))

    async def _follow_in_browser(
        self, identity: Identity, wanted: Wanted, supervisor: inputs.Supervisor, offer: str, remote: str
    ) -> dict[str, Any]:
        lounge = self._counted(lambda: self._new_call(identity.tenant, is_lounge=True))
        follow = self.all_follows.begin(identity, wanted, lounge, lambda: self._let_in(lounge, identity, supervisor, offer, remote).leg)
        found = self._switchboard.calls.of_leg(follow.leg)
        if found is None:
            raise Refusal("unavailable", "there was no room for your leg", "the server's log says why; try again")
        return model(follow) | {"answer": await self._answer_of(*found)}

    def _permitted(self, identity: Identity, wanted: Wanted) -> Wanted:
        """The same, the agent by his name. Whoever may listen to nobody follows nobody; each call is checked anew."""
        self.all_follows.check_room(identity)
        if wanted.agent:
            subject = self._agent(identity, wanted.agent)
            check_mode(identity, subject, Mode.LISTEN, Role.AGENT)
            return Wanted(subject.agent, "", wanted.picks, wanted.calls, wanted.current, wanted.seconds)
        if wanted.team:
            check_mode(identity, Subject(identity.tenant, "", wanted.team), Mode.LISTEN, Role.AGENT)
        elif identity.ceiling.mode is None:
            raise Refusal("forbidden", "listen is beyond your ceiling (no mode)", "ask an administrator for a higher mode")
        return wanted

    async def unfollow(self, identity: Identity, *, follow: int) -> None:
        """Follow no more."""
        found = self._counted(lambda: self._followed(identity, follow))
        self.all_follows.end(found)

    def _followed(self, identity: Identity, number: int) -> Follow:
        found = self.all_follows.get(number)
        if found is None or found not in list(self.all_follows.of(identity)):
            raise Refusal("not_found", f"you have no follow {number}", "follows shows yours")
        return found

    def follows(self, identity: Identity) -> Sequence[dict[str, Any]]:
        """Whom the identity follows."""
        return [model(follow) for follow in self.all_follows.of(identity)]
