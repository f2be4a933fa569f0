"""The request by which a TCP connection to the control API asks to be a websocket (RFC 6455 §4.1), for clients of the bench's own."""

import base64
import os


def upgrade(host: str, token: str) -> bytes:
    """The whole request; host as it stands in the header."""
    lines = (
        "GET /v1/control HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        f"Authorization: Bearer {token}",
    )
    return "\r\n".join((*lines, "", "")).encode()
