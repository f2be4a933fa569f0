"""Other programs that answer as the test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from config.webhooks import LookupSettings, WebhookSettings
from control_api.ports import HouseEvent
from mediaserver.webhooks.envelopes import Envelope
from mediaserver.webhooks.posting import Answer, Post, Undelivered
from tests.control_api.desk import call_model, event_of

SECRET = "whsec_bWVkaWFzZXJ2ZXItdGVzdC1zZWNyZXQ="
HOOK = WebhookSettings.model_validate({"name": "crm", "url": "https://crm.example/hook", "secret": SECRET})
LOOKUP = LookupSettings.model_validate({"name": "crm", "url": "https://crm.example/who", "secret": SECRET})


def event(kind: str = "call.started", call: str = "c1", tenant: str = "default") -> HouseEvent:
    """Something that happened to a call."""
    return event_of(kind, call_model(call, tenant=tenant), leg=None, detail={})


class OtherProgram:
    """Notes what it gets; answers in the order given, then always the last."""

    def __init__(self, *answers: Answer | Undelivered) -> None:
        self.answers = list(answers) or [Answer(204)]
        self.got: list[Envelope] = []
        self.news = asyncio.Event()
        self.gate = asyncio.Event()
        """It answers while this is set."""
        self.gate.set()

    async def __call__(self, url: str, secret: str, envelope: Envelope, timeout: float) -> Answer:
        self.got.append(envelope)
        self.news.set()
        await self.gate.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Undelivered):
            raise answer
        return answer

    async def gets(self, count: int) -> None:
        """Wait until it got so many."""
        async with asyncio.timeout(30):
            while len(self.got) < count:
                self.news.clear()
                await self.news.wait()

    @asynccontextmanager
    async def reached(self) -> AsyncIterator[Post]:
        """As `mediaserver.webhooks.posting.posting`."""
        yield self
