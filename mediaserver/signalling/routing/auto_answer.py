"""What makes a phone answer by itself: Answer-Mode (RFC 5373), and what the vendors had before it.

Each phone takes the one it knows and leaves the others; one that trips over a foreign one can be given its own style alone.
"""

from typing import Final

from config.section import AutoAnswer
from config.settings import Settings
from sip.message import Header

STYLES: Final[dict[AutoAnswer, Header]] = {
    "answer-mode": ("Answer-Mode", "Auto"),
    "priv-answer-mode": ("Priv-Answer-Mode", "Auto"),
    "answer-after": ("Call-Info", "<sip:localhost>;answer-after=0"),
    "alert-autoanswer": ("Alert-Info", "<http://localhost>;info=alert-autoanswer;delay=0"),
    "auto-answer": ("Alert-Info", "Auto Answer"),
    "ring-answer": ("Alert-Info", "Ring Answer"),
    "p-auto-answer": ("P-Auto-Answer", "normal"),
}
"""Header by style: RFC 5373 §5.1 and §5.2; Snom, Yealink, Grandstream, Cisco SPA; Mitel, Gigaset, Sipura; Polycom twice; Bria, Zoiper."""


class AutoAnswering:
    """The headers for each user's phone, made once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        """What they were made of."""
        self._usual = _headers(settings.sip.auto_answer)
        self._of_user = {user.name: _headers(user.auto_answer) for user in settings.users if user.auto_answer is not None}

    def headers(self, user: str) -> tuple[Header, ...]:
        """For a user's phone; for any other the usual ones."""
        return self._of_user.get(user, self._usual)


def _headers(styles: tuple[AutoAnswer, ...]) -> tuple[Header, ...]:
    return tuple(STYLES[style] for style in styles)
