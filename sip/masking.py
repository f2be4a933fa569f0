"""What must not be read by whoever reads a trace: keys, credentials, tokens, PINs and digits, in place of which stands ``***``.

- Authorization and its kin keep scheme, user, realm and algorithm; every other parameter goes, a bearer token as a whole.
- SDP: keys of ``a=crypto`` (RFC 4568), ``a=ice-pwd`` (RFC 8839), ``a=key-mgmt`` (RFC 4567) and ``k=`` (RFC 4566).
- Passwords in URIs (RFC 3261 §19.1.1), and what follows a star inside of a dialled number, where a PIN stands: ``*1robert*4711``, and
  ``881robert*4711`` where the doors have codes without a star. Phones repeat what was dialled as a name in quotes.
- Digits in the bodies of INFO (``application/dtmf-relay``, ``application/dtmf``) and KPML (RFC 4730).
- Numbers, where it is asked for: user parts that are numbers keep their last two digits.

Header values may be folded over lines; what is masked is found all the same. A message without any of it comes back as it is.
"""

import re
from typing import Final

MASK: Final = b"***"

_WORDS: Final = (
    *(b"authori", b"authentication-info", b"inline:", b"ice-pwd", b"key-mgmt", b"\nk="),
    *(b"dtmf", b"kpml", b"signal", b"*", b"%2a"),
)
"""Without one of these, in lower case, there is nothing to mask but a password in a URI: nearly every message."""
_CREDENTIALS: Final = re.compile(
    rb"(?im)^((?:proxy-)?authori[sz]ation|(?:proxy-)?authentication-info)([ \t]*:[ \t]*)((?:[^\r\n]|\r?\n[ \t])*)",
)
_PARAMETER: Final = re.compile(rb'([\w-]+)([ \t]*=[ \t]*)("(?:[^"\\]|\\.)*"?|[^,\s"]+)')
_HARMLESS: Final = frozenset({b"username", b"realm", b"algorithm", b"qop", b"uri", b"nc", b"opaque", b"stale", b"userhash"})
_SDP_KEYS: Final = (
    (re.compile(rb"(?i)(inline:)[^\s|;]+"), rb"\1" + MASK),
    (re.compile(rb"(?im)^(a=ice-pwd:)[^\r\n]+"), rb"\1" + MASK),
    (re.compile(rb"(?im)^(a=key-mgmt:\S+[ \t]+)[^\r\n]+"), rb"\1" + MASK),
    (re.compile(rb"(?m)^(k=)[^\r\n]+"), rb"\1" + MASK),
)
_URI_PASSWORD: Final = re.compile(rb'(?i)(sips?:[^@\s<>";:]{1,128}:)[^@\s<>";]{0,128}(@)')
_LOWER_URI_PASSWORD: Final = re.compile(rb'sips?:[^@\s<>";:]{1,128}:[^@\s<>";]{0,128}@')
_STAR_PIN: Final = re.compile(rb"(?i)((?:sips?|tel):(?:\*|%2a)?(?:[^\s@<>\":;*%]|%(?!2a)[\da-f]{2}){1,64}(?:\*|%2a))[^\s@<>\";]+")
_QUOTED_PIN: Final = re.compile(rb'("[*#\d][^"*\s]{1,64}\*)\d[^"]*')
_SIGNAL: Final = re.compile(rb"(?im)^(signal[ \t]*=[ \t]*)[^\r\n]+")
_KPML: Final = re.compile(rb"(?i)(digits[ \t]*=[ \t]*)(\"[^\"]*\"|'[^']*')")
_DTMF_TYPE: Final = re.compile(rb"(?im)^(?:content-type|c)[ \t]*:[ \t]*application/dtmf(?:-relay)?\b")
_NUMBER: Final = re.compile(rb"(?i)((?:sips?|tel):)(\+?[\d().-]{3,32})(?=[@;>\s?]|$)")


def mask(data: bytes, *, numbers: bool = False) -> bytes:
    """A message as it may be shown. ``numbers``: telephone numbers too. Works on whatever bytes there are; never raises."""
    if _is_worth_a_look(data.lower()):
        head, gap, body = data.partition(b"\r\n\r\n")
        data = _masked_head(head) + gap + _masked_body(body, head)
    return _NUMBER.sub(_masked_number, data) if numbers else data


def _is_worth_a_look(lower: bytes) -> bool:
    return any(word in lower for word in _WORDS) or _LOWER_URI_PASSWORD.search(lower) is not None


def _masked_head(head: bytes) -> bytes:
    head = _CREDENTIALS.sub(_masked_credentials, head)
    head = _URI_PASSWORD.sub(rb"\1" + MASK + rb"\2", head)
    return _QUOTED_PIN.sub(rb"\1" + MASK, _STAR_PIN.sub(rb"\1" + MASK, head))


def _masked_body(body: bytes, head: bytes) -> bytes:
    if not body:
        return body
    if _DTMF_TYPE.search(head):
        return _SIGNAL.sub(rb"\1" + MASK, body) if b"=" in body else MASK
    for found, masked in _SDP_KEYS:
        body = found.sub(masked, body)
    body = _KPML.sub(rb'\1"' + MASK + rb'"', body)
    body = _SIGNAL.sub(rb"\1" + MASK, body)
    # A message/sipfrag is a head, and what embeds one holds one.
    return _masked_head(body)


def _masked_credentials(found: re.Match[bytes]) -> bytes:
    name, colon, value = found.groups()
    scheme, blank, rest = value.partition(b" ")
    if scheme.lower() == b"digest" or b"info" in name.lower():
        return name + colon + _PARAMETER.sub(_masked_parameter, value)
    return name + colon + scheme + blank + (MASK if rest else b"")


def _masked_parameter(found: re.Match[bytes]) -> bytes:
    name, equals, value = found.groups()
    if name.lower() in _HARMLESS:
        return found.group()
    return name + equals + (b'"' + MASK + b'"' if value.startswith(b'"') else MASK)


def _masked_number(found: re.Match[bytes]) -> bytes:
    scheme, number = found.groups()
    return scheme + re.sub(rb"\d", b"x", number[:-2]) + number[-2:]
