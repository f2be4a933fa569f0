"""The supervisor's page: the files that `console/` is built into, read once; `control_api.headers` says what may be done with them.

It is served at ``/`` and at the path of listen-in links, whose secret stays behind the hash.

Without them (built where Node was missing) everything but the page works, and the page's address says how to build it.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from control_api.signing_in.links import PLACE

FOLDER: Final = Path(__file__).parent / "static"
INDEX: Final = "index.html"
METHODS: Final = ["GET", "HEAD"]
NOT_BUILT: Final = "the console is not built into this server"
HOW_TO_BUILD: Final = "make console (Node 20.19 or newer), then start the server again; everything else works without it"
MAX_BYTES: Final = 8 * 2**20
"""Of all files together; more is not our page."""
SMALL: Final = 1024
"""Octets that are not worth compressing."""
KEPT: Final = "public, max-age=31536000, immutable"
"""For files whose names say what is in them."""
ASKED_AGAIN: Final = "no-cache"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    body: bytes
    packed: bytes
    """By gzip; empty where that gains nothing."""
    media_type: str
    tag: str
    is_kept: bool

    def response(self, request: Request) -> Response:
        """The answer to a request for it."""
        headers = {"ETag": self.tag, "Cache-Control": KEPT if self.is_kept else ASKED_AGAIN, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == self.tag:
            return Response(status_code=304, headers=headers)
        if self.packed and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.packed, media_type=self.media_type, headers=headers | {"Content-Encoding": "gzip"})
        return Response(self.body, media_type=self.media_type, headers=headers)


def read_assets(folder: Path = FOLDER) -> dict[str, Asset]:
    """The built files by their path below the folder; none where it is not built, or is no build of ours."""
    files = {
        file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.startswith(".")
    }
    if INDEX not in files or sum(file.stat().st_size for file in files.values()) > MAX_BYTES:
        return {}
    return {name: _asset(name, file.read_bytes()) for name, file in files.items()}


def _asset(name: str, body: bytes) -> Asset:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    packed = gzip.compress(body, mtime=0) if len(body) > SMALL else b""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Asset(body, packed if len(packed) < len(body) else b"", media_type, tag, name.startswith("assets/"))


def add_console(app: FastAPI, assets: Mapping[str, Asset]) -> None:
    """Serve the page at ``/``, and its files at their names; nothing else is looked for on the disk."""
    for name, asset in assets.items():
        app.add_api_route(f"/{name}", _giver(asset), methods=METHODS, include_in_schema=False)
    for path in ("/", PLACE.removesuffix("#")):
        app.add_api_route(path, _giver(assets[INDEX]) if assets else _not_built, methods=METHODS, include_in_schema=False)


def _giver(asset: Asset) -> Callable[[Request], Awaitable[Response]]:
    async def give(request: Request) -> Response:
        return asset.response(request)

    return give


async def _not_built() -> Response:
    return JSONResponse({"code": "not_found", "text": NOT_BUILT, "hint": HOW_TO_BUILD}, 404)
