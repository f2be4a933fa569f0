"""Who is kept out for wrong passwords, on the command line."""

import json

from mediaserver.cli.connecting import with_client


def bans(url: str, token: str, lift: str, user: str, as_json: bool) -> None:
    """Show the bans, or lift one. Raises `Refusal`, `Unreachable`."""
    if lift:
        with_client(url, token, lambda client: client.lift_ban(lift, user))
        print(json.dumps({"lifted": lift, "user": user}) if as_json else f"let in again: {user or 'everybody'} at {lift}")
        return
    found = with_client(url, token, lambda client: client.bans()).bans
    if as_json:
        print(json.dumps([ban.model_dump() for ban in found]))
    elif found:
        print("\n".join(f"{ban.source:<40} {ban.user or 'everybody':<24} {ban.seconds:.0f} s" for ban in found))
    else:
        print("nobody is kept out")
