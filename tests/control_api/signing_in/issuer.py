"""An OpenID issuer on loopback: real HTTP, keys of its own, and tokens with whatever claims a test wants."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

NOW = 1_000_001_000.0
"""By the office's wall clock when its other one says 1000."""


class Issuer:
    """What it publishes, and how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[ECKey | RSAKey] = [ECKey.generate_key("P-256", {"kid": "k1", "use": "sig"}, private=True)]
        self.place = ""
        self.asked: list[str] = []
        self.is_away = False
        self.documents: dict[str, Any] = {}
        """Instead of its own ones, by path."""
        self.codes: dict[str, dict[str, str]] = {}
        """What the browser was sent with, by the code that it was given; good once."""
        self.claims: dict[str, Any] = {}
        """Of the next tokens for codes, beside what is right."""
        self.denies = False
        """Whoever is sent here is sent back without a code."""
        self.forms: list[dict[str, str]] = []
        """What came to be exchanged, and under ``login`` the header that it came with."""

    def publish(self, path: str) -> Any:
        """A document."""
        if path in self.documents:
            return self.documents[path]
        if path == "/jwks":
            return {"keys": [key.as_dict(private=False) for key in self.keys]}
        return {
            "issuer": self.place,
            "jwks_uri": f"{self.place}/jwks",
            "authorization_endpoint": f"{self.place}/authorize",
            "token_endpoint": f"{self.place}/token",
        }

    def agree(self, location: str) -> dict[str, str]:
        """Somebody was sent here, and agrees: what the browser goes back with."""
        asked = dict(parse_qsl(urlsplit(location).query))
        code = f"code-{len(self.codes) + 1}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.place}

    def way_back(self, location: str) -> str:
        """Where the browser is sent on to."""
        asked = dict(parse_qsl(urlsplit(location).query))
        said = {"error": "access_denied", "state": asked["state"]} if self.denies else self.agree(location)
        return f"{asked['redirect_uri']}?{urlencode(said)}"

    def exchange(self, form: dict[str, str]) -> tuple[str, Any]:
        """A status and an answer; a verifier must be the one of the challenge."""
        self.forms.append(form)
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        if asked is None or challenge != asked["code_challenge"] or form.get("redirect_uri") != asked["redirect_uri"]:
            return "400 Bad Request", {"error": "invalid_grant"}
        return "200 OK", {"id_token": self.token(**{"nonce": asked["nonce"]} | self.claims), "access_token": "a", "token_type": "Bearer"}

    def token(self, key: ECKey | RSAKey | None = None, **claims: Any) -> str:
        """A token that is right but for what is given; a claim that is None is left out."""
        key = key or self.keys[0]
        right = {"iss": self.place, "aud": "mediaserver", "sub": "u-17", "exp": NOW + 300, "iat": NOW, "roles": ["qa"]}
        said = {name: value for name, value in (right | claims).items() if value is not None}
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        return jwt.encode({"alg": algorithm, "kid": key.kid}, said, key, algorithms=[algorithm])

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Its table in the configuration."""
        return {
            "name": "test",
            "issuer": self.place,
            "audience": "mediaserver",
            "algorithms": ["ES256"],
            "grants": [{"value": "lead", "role": "lead"}, {"value": "qa", "role": "qa"}],
        } | changes

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path = head.split()[:2]
        self.asked.append(path)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.splitlines()[1:])}
        more, answer = "", dict[str, Any]()
        if path.startswith("/authorize?"):
            more = f"Location: {self.way_back(path)}\r\n"
            status = "302 Found"
        elif method == "POST":
            form = dict(parse_qsl((await reader.readexactly(int(headers["content-length"]))).decode()))
            status, answer = self.exchange(form | {"login": headers.get("authorization", "")})
        else:
            status, answer = "200 OK", self.publish(path)
        body = json.dumps(answer).encode()
        status = "503 Away" if self.is_away else status
        writer.write(f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving_issuer() -> AsyncIterator[Issuer]:
    """While this is open, it answers."""
    issuer = Issuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    async with server:
        issuer.place = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield issuer
