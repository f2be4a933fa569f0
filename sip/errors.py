"""The errors that the SIP room raises: one base, and what can be wrong with a message."""


class SipError(Exception):
    """Something in SIP went wrong; ``status`` is the code that the other side is told."""

    status = 500


class ParseError(SipError):
    """Bytes that are not a SIP message we accept; the text says what, where, and what would have been right."""

    status = 400


class UnsupportedVersion(ParseError):
    """A SIP message of another version than 2.0."""

    status = 505


class UnsupportedScheme(ParseError):
    """A Request-URI of a scheme that we do not serve (RFC 3261 §8.2.2.1)."""

    status = 416


class UriTooLong(ParseError):
    """A URI longer than we take (RFC 3261 §21.4.12)."""

    status = 414


class BodyTooLong(ParseError):
    """A body longer than we take (RFC 3261 §21.4.11)."""

    status = 413


class UnsafeValue(SipError):
    """A header, start line or URI to be sent that holds a line break: refused, for it could smuggle in another header."""

    status = 500
