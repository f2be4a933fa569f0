"""A STUN or TURN server of the settings as a browser is told of it, with a name and a password where it wants them."""

import base64
import hmac
from hashlib import sha1
from typing import Any

from config.ice import IceServerSettings


def server_for(server: IceServerSettings, passing_name: str) -> dict[str, Any]:
    """As ``RTCIceServer`` has it. passing_name: ``until:user``, whose password only who knows the secret can make."""
    shown: dict[str, Any] = {"urls": list(server.urls)}
    if server.secret is not None:
        digest = hmac.digest(server.secret.get_secret_value().encode(), passing_name.encode(), sha1)
        return shown | {"username": passing_name, "credential": base64.b64encode(digest).decode()}
    if server.credential is not None:
        return shown | {"username": server.username, "credential": server.credential.get_secret_value()}
    return shown
