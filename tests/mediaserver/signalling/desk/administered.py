"""A database of what is administered, in memory: for one house or for several."""

from typing import Any

from mediaserver.storage.asking import Unanswered


class Kept:
    """Stands for `mediaserver.storage.asking.Asking` of each house."""

    def __init__(self) -> None:
        self.identities: dict[tuple[str, str], dict[str, Any]] = {}
        self.policies: dict[str, dict[str, Any]] = {}
        self.revision = 0
        self.read_last: dict[str, dict[str, Any]] = {}
        """What the server's own disk has."""
        self.is_away = False

    async def ask(self, what: str, **given: Any) -> Any:
        """As `mediaserver.storage.answering` answers."""
        if what == "policies_read_last":
            return self.read_last
        if self.is_away:
            raise Unanswered("it does not answer")
        if what == "governing":
            everything = {"revision": self.revision, "identities": list(self.identities.values()), "policies": dict(self.policies)}
            return None if given["known"] == self.revision else everything
        self.revision += 1
        match what:
            case "put_identity":
                self.identities[given["tenant"], given["name"]] = given
            case "remove_identity":
                del self.identities[given["tenant"], given["name"]]
            case "put_policy":
                self.policies[given["tenant"]] = given["rules"]
        return None
