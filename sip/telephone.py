"""Telephone numbers as URIs hold them: tel URIs, and the user part of SIP URIs that is one (RFC 3966, RFC 3261 §19.1.6)."""

from typing import Final

from sip.errors import SipError
from sip.uri import Uri

_SEPARATORS: Final = str.maketrans("", "", "-.() ")
"""What may be written into a number for the eye (RFC 3966 §5.1.1); blanks come out of escapes."""
_DIGITS: Final = frozenset("0123456789*#ABCDabcd")


def number_in(uri: str) -> str:
    """Who a URI means: a number without what is for the eye, else the user part as it is; empty where it is no URI of ours.

    An extension or a phone-context is no part of the number: the context says where a local number is valid, not what to dial
    before it (RFC 3966 §5.1.5).
    """
    try:
        return number_of(Uri.parse(uri))
    except SipError:
        return ""


def number_of(uri: Uri) -> str:
    """The same for a URI that was taken apart."""
    if uri.scheme == "tel":
        return _plain(uri.user)
    user, _, context = uri.user.partition(";")
    is_number = is_telephone(uri) or bool(context) or user.startswith("+")
    plain = _plain(user)
    return plain if is_number and is_number_text(plain) else uri.user


def is_telephone(uri: Uri) -> bool:
    """Whether a URI says of itself that it is a telephone number."""
    return uri.scheme == "tel" or (uri.parameter("user") or "").lower() == "phone"


def is_number_text(text: str) -> bool:
    """Whether text is a number as one dials it: digits, perhaps behind a plus; the letters A to D are digits, yet begin none."""
    digits = text.removeprefix("+")
    return digits != "" and not digits[0].isalpha() and _DIGITS.issuperset(digits)


def _plain(number: str) -> str:
    return number.translate(_SEPARATORS)
