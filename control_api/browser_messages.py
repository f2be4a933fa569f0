"""What the control API tells browsers whose audio goes over WebRTC: answers, and the servers that help them to be reached."""

from control_api.messages import Message


class AnswerResult(Message):
    """Result of ``reoffer``."""

    answer: str
    """A session description."""


class IceServerModel(Message):
    """As ``RTCIceServer`` has it."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""


class IceServersResult(Message):
    """Result of ``ice_servers``."""

    servers: tuple[IceServerModel, ...]
    """As ``RTCConfiguration.iceServers`` wants them; there may be none."""
    lifetime: float
    """Seconds for which the names and passwords are good."""
