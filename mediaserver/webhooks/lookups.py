"""Asking another program who calls. The call goes on meanwhile; what is answered in time is shown with it."""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.webhooks import LookupSettings
from control_api.messages import first_problem
from control_api.ports import HouseEvent
from mediaserver.observing.counters import Counters
from mediaserver.webhooks.delivering import concerns
from mediaserver.webhooks.envelopes import Envelopes
from mediaserver.webhooks.posting import Post, Undelivered

KIND: Final = "caller.lookup"
MOST_AT_ONCE: Final = 100
"""Beyond it calls are not looked up."""
MOST_FIELDS: Final = 16
LONGEST_NAME: Final = 64
LONGEST_VALUE: Final = 256
_FIELD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

_log = structlog.get_logger(__name__)


class Found(BaseModel):
    """What another program knows of a caller; fields that we do not know are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = ""
    link: str = Field("", pattern=r"^$|^https?://[^\s\"'<>]+$", max_length=2048)
    """A page about him. No other scheme: somebody will click on it."""
    fields: dict[str, str | int | float | bool | None] = {}

    def metadata(self) -> dict[str, str]:
        """As the call shows it: ``caller_name``, ``caller_link``, and the fields under their own names."""
        shown = {"caller_name": _clean(self.name), "caller_link": self.link}
        for name, value in self.fields.items():
            if len(shown) < MOST_FIELDS + 2 and len(name) <= LONGEST_NAME and _FIELD.fullmatch(name) and value is not None:
                shown.setdefault(name, _clean(str(value)))
        return {name: value for name, value in shown.items() if value}


class Lookups:
    """Asks for each call that begins, at most `MOST_AT_ONCE` at a time."""

    def __init__(
        self, hooks: tuple[LookupSettings, ...], envelopes: Envelopes, tell: Callable[[str, dict[str, str]], None], counters: Counters
    ) -> None:
        """tell: is given a call's id and what was found of its caller."""
        self._hooks = hooks
        self._envelopes = envelopes
        self._tell = tell
        self._counters = counters
        self._running = 0

    def hook_for(self, event: HouseEvent) -> LookupSettings | None:
        """Who is to be asked at this event: the first who is there for the tenant."""
        if event.kind != "call.started":
            return None
        return next((hook for hook in self._hooks if concerns(hook, event.tenant)), None)

    def begin(self, event: HouseEvent, hook: LookupSettings, post: Post, group: asyncio.TaskGroup) -> None:
        """Ask beside everything else."""
        if self._running >= MOST_AT_ONCE:
            self._counters.add("lookups", "too_many")
            return
        self._running += 1
        group.create_task(self._ask(event.tenant, event.call, event.body, hook, post)).add_done_callback(self._finished)

    async def _ask(self, tenant: str, call: str, body: dict[str, Any], hook: LookupSettings, post: Post) -> None:
        envelope = self._envelopes.wrap(KIND, tenant, call, {"call": body.get("call")})
        try:
            async with asyncio.timeout(hook.timeout):
                answer = await post(hook.url, hook.secret.get_secret_value(), envelope, hook.timeout)
            found = Found.model_validate(orjson.loads(answer.body)).metadata() if answer.is_success and answer.body else {}
        except TimeoutError:
            self._failed("timeout", hook, call, f"no answer within {hook.timeout:g} s")
        except Undelivered as error:
            self._failed("failed", hook, call, str(error))
        except (orjson.JSONDecodeError, ValidationError) as error:
            self._failed("unreadable", hook, call, first_problem(error) if isinstance(error, ValidationError) else str(error))
        else:
            self._counters.add("lookups", "found" if found else "nothing")
            if found:
                self._tell(call, found)

    def _failed(self, label: str, hook: LookupSettings, call: str, why: str) -> None:
        self._counters.add("lookups", label)
        _log.info("lookup.failed", lookup=hook.name, call=call, why=why)

    def _finished(self, _: asyncio.Task[None]) -> None:
        self._running -= 1


def _clean(text: str) -> str:
    """Without control characters, and not too long."""
    return "".join(character for character in text if character.isprintable())[:LONGEST_VALUE]
