"""The base of every error that the SIP room raises."""


class SipError(Exception):
    """Something in SIP went wrong; ``status`` is the code that the other side is told."""

    status = 500
