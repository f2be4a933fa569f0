"""Digest answers to a challenge (RFC 3261 §22, RFC 7616, RFC 8760): MD5 and SHA-256, with and without qop."""

import hashlib
import re
import secrets
from collections.abc import Sequence

_PAIR = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def respond(challenges: Sequence[str], *, method: str, uri: str, user: str, secret: str) -> str:
    """The credentials for the strongest challenge that we can answer; raises ValueError where there is none."""
    usable = [fields for fields in map(_fields, challenges) if fields.get("algorithm", "MD5").upper() in _HASHES]
    if not usable:
        raise ValueError("no digest challenge with a known algorithm")
    fields = max(usable, key=lambda each: each.get("algorithm", "MD5").upper() == "SHA-256")
    algorithm = fields.get("algorithm", "MD5").upper()
    realm, nonce = fields.get("realm", ""), fields.get("nonce", "")

    def digest(text: str) -> str:
        return _HASHES[algorithm](text.encode()).hexdigest()

    first, second = digest(f"{user}:{realm}:{secret}"), digest(f"{method}:{uri}")
    answer = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm={algorithm}'
    if "auth" in [word.strip() for word in fields.get("qop", "").split(",")]:
        own, count = secrets.token_hex(8), "00000001"
        answer += f', qop=auth, nc={count}, cnonce="{own}", response="{digest(f"{first}:{nonce}:{count}:{own}:auth:{second}")}"'
    else:
        answer += f', response="{digest(f"{first}:{nonce}:{second}")}"'
    if "opaque" in fields:
        answer += f', opaque="{fields["opaque"]}"'
    return answer


def _fields(challenge: str) -> dict[str, str]:
    return {name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(challenge.partition(" ")[2])}
