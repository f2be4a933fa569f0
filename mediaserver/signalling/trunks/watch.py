"""Whether a target of a trunk is up: so many failures in a row put it down, so many answers up again. Pure.

Any final answer to OPTIONS but 408 and 503 shows that somebody is there: a 404 or 405 is a word too (RFC 3261 §11.1 leaves the
meaning to us). A target that was never asked counts as up.
"""

from typing import Final

from config.trunks import KeepaliveSettings

NO_ANSWER: Final = frozenset({408, 503})


class Watch:
    """One target's state."""

    def __init__(self, settings: KeepaliveSettings) -> None:
        self._settings = settings
        self._in_a_row = 0
        """Words against the present state."""
        self.is_up = True

    def answered(self, status: int) -> bool:
        """Take an answer; whether the state changed by it."""
        is_word_against = (status in NO_ANSWER) == self.is_up
        if not is_word_against:
            self._in_a_row = 0
            return False
        self._in_a_row += 1
        if self._in_a_row < (self._settings.down_after if self.is_up else self._settings.up_after):
            return False
        self._in_a_row = 0
        self.is_up = not self.is_up
        return True
