"""An OpenID issuer on loopback: real HTTP, keys of its own, and tokens with whatever claims a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

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

    def publish(self, path: str) -> Any:
        """A document."""
        if path in self.documents:
            return self.documents[path]
        if path == "/jwks":
            return {"keys": [key.as_dict(private=False) for key in self.keys]}
        return {"issuer": self.place, "jwks_uri": f"{self.place}/jwks"}

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
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.asked.append(path)
        body = json.dumps(self.publish(path)).encode()
        status = "503 Away" if self.is_away else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
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
