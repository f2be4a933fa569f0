"""The session description in a message's body, alone or as a part of a multipart one (RFC 3261 §8.2.3, RFC 2046 §5.1)."""

from typing import Final

from sip.errors import ParseError, SipError
from sip.headers import Parameters, parse_parameters
from sip.message import Header, Message
from sip.sdp import SessionDescription

SDP: Final = "application/sdp"
MOST_PARTS: Final = 16


class ContentError(SipError):
    """A body of a kind that we do not take; ``headers`` say what we would."""

    status = 415
    headers: tuple[Header, ...] = (("Accept", SDP),)


class EncodedContent(ContentError):
    """A body that is compressed."""

    headers = (("Accept-Encoding", "identity"),)


class UnreadableContent(ContentError):
    """A header about the body that cannot be read."""

    status = 400
    headers = ()


def description_in(message: Message) -> SessionDescription | None:
    """The description in a body; None where the body is empty. Raises `ContentError`, `SdpError`."""
    if not message.body:
        return None
    encoding = (message.header("Content-Encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise EncodedContent(f"body encoded as {encoding[:40]!r}; expected none")
    content_type = message.header("Content-Type") or SDP
    kind, parameters = _parsed(content_type)
    kind = kind.lower()
    if kind == SDP:
        return SessionDescription.parse(message.body)
    if kind.startswith("multipart/") and (part := _sdp_part(message.body, parameters.get("boundary") or "")) is not None:
        return SessionDescription.parse(part)
    _, options = _parsed(message.header("Content-Disposition") or "")
    if options.get("handling") == "optional":
        return None
    raise ContentError(f"body of type {kind[:40]!r}; expected {SDP}")


def _parsed(value: str) -> tuple[str, Parameters]:
    try:
        return parse_parameters(value)
    except ParseError as error:
        raise UnreadableContent(str(error)) from None


def _sdp_part(body: bytes, boundary: str) -> bytes | None:
    """The first part of type application/sdp."""
    if not boundary:
        return None
    for part in body.split(b"--" + boundary.encode("utf-8", "surrogateescape"), MOST_PARTS)[1:]:
        head, _, content = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.strip().lower() in (b"content-type", b"c") and value.split(b";")[0].strip().lower() == SDP.encode():
                return content
    return None
