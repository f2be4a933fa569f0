"""What is looked at in webhooks and lookups: names that are there once, secrets that can be read."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Final

from config.findings import Finding, distinct
from config.settings import Settings
from config.webhooks import HookSettings

PREFIX: Final = "whsec_"


def check_webhooks(settings: Settings) -> Iterator[Finding]:
    """Everything wrong with them."""
    hooks: tuple[tuple[str, Sequence[HookSettings]], ...] = (("webhooks", settings.webhooks), ("lookups", settings.lookups))
    for section, each in hooks:
        yield from distinct(section, ((("name",), hook.name) for hook in each))
        for index, hook in enumerate(each):
            if not _is_readable(hook.secret.get_secret_value()):
                yield (section, index, "secret"), f"after {PREFIX} base64 is expected; `openssl rand -base64 32` makes some"
    yield from distinct("lookups", ((("tenant",), hook.tenant) for hook in settings.lookups))


def _is_readable(secret: str) -> bool:
    if not secret.startswith(PREFIX):
        return True
    try:
        return len(base64.b64decode(secret.removeprefix(PREFIX), validate=True)) > 0
    except binascii.Error:
        return False
