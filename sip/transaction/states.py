"""The four state machines of RFC 3261 §17 with RFC 6026, as tables.

- What is not in a table is absorbed: a retransmission in a state that has nothing to say to it, a timer that came too late.
- Timers A, E, G retransmit and start themselves anew, doubling; A without a bound, E and G up to T2. They run on unreliable
  transports only. Timers D, I, J, K wait for stray retransmissions; on reliable transports they take no time.
- A server that was told to say a failure once starts H without G (RFC 3261 §26.3.2.4).
- Timers B, F, H give up after 64 T1. Timer C here is the wait for a final answer that nobody wants any more (after CANCEL, §9.1),
  64 T1 as well.
- RFC 6026: a 2xx takes an INVITE to ACCEPTED, not to its end, so that its retransmissions are known as such. Those of our 200 are
  the session's business (§13.3.1.4).
"""

from enum import Enum, auto
from typing import Final


class State(Enum):
    """States of all four machines."""

    __hash__ = object.__hash__  # each is one of a kind; Enum's own is Python, and asked at every step

    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class Input(Enum):
    """What can happen to a transaction. Timers have the names that they are started under."""

    __hash__ = object.__hash__

    PROVISIONAL = auto()
    """1xx: received by a client, sent by a server."""
    SUCCESS = auto()
    """2xx, likewise."""
    FAILURE = auto()
    """300 and more, likewise."""
    REQUEST = auto()
    """The request again (server)."""
    ACK = auto()
    """An ACK on the INVITE's own transaction (server)."""
    LOST = auto()
    """The transport failed."""
    ABANDONED = auto()
    """Nobody waits for an answer any more (client)."""
    A = auto()
    B = auto()
    C = auto()
    D = auto()
    E = auto()
    F = auto()
    G = auto()
    H = auto()
    I = auto()  # noqa: E741 — the RFC's own name
    J = auto()
    K = auto()
    L = auto()
    M = auto()


class Do(Enum):
    """What a transition does, in the order in which it stands in the table."""

    SEND = auto()
    """Client: the request again. Server: the newest response (again)."""
    SEND_ACK = auto()
    """Acknowledge a failure, hop by hop (§17.1.1.3)."""
    TELL = auto()
    """Hand the message to the user."""
    TELL_TIMEOUT = auto()
    TELL_LOST = auto()
    RETRANSMIT_LATER = auto()
    """Start the retransmission timer anew with the doubled interval."""
    RETRANSMIT_SLOWLY = auto()
    """Start it anew with T2 (timer E in PROCEEDING)."""
    STOP = auto()
    """Stop all timers."""
    START_C = auto()
    START_D = auto()
    START_I = auto()
    START_J = auto()
    START_K = auto()
    START_L = auto()
    START_M = auto()
    START_G_AND_H = auto()


Table = dict[tuple[State, Input], tuple[State, tuple[Do, ...]]]

_TIMEOUT: Final = (State.TERMINATED, (Do.STOP, Do.TELL_TIMEOUT))
_LOST: Final = (State.TERMINATED, (Do.STOP, Do.TELL_LOST))
_OVER: Final = (State.TERMINATED, (Do.STOP,))

INVITE_CLIENT: Final[Table] = {
    (State.CALLING, Input.A): (State.CALLING, (Do.SEND, Do.RETRANSMIT_LATER)),
    (State.CALLING, Input.B): _TIMEOUT,
    (State.CALLING, Input.LOST): _LOST,
    (State.CALLING, Input.ABANDONED): (State.CALLING, (Do.STOP, Do.START_C)),
    (State.CALLING, Input.C): _TIMEOUT,
    (State.CALLING, Input.PROVISIONAL): (State.PROCEEDING, (Do.STOP, Do.TELL)),
    (State.CALLING, Input.SUCCESS): (State.ACCEPTED, (Do.STOP, Do.START_M, Do.TELL)),
    (State.CALLING, Input.FAILURE): (State.COMPLETED, (Do.STOP, Do.SEND_ACK, Do.START_D, Do.TELL)),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Do.TELL,)),
    (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, (Do.STOP, Do.START_M, Do.TELL)),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Do.STOP, Do.SEND_ACK, Do.START_D, Do.TELL)),
    (State.PROCEEDING, Input.C): _TIMEOUT,
    (State.PROCEEDING, Input.LOST): _LOST,
    (State.COMPLETED, Input.FAILURE): (State.COMPLETED, (Do.SEND_ACK,)),
    (State.COMPLETED, Input.D): _OVER,
    (State.COMPLETED, Input.LOST): _OVER,
    (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, (Do.TELL,)),  # RFC 6026 §7.2
    (State.ACCEPTED, Input.M): _OVER,
}

CLIENT: Final[Table] = {
    (State.TRYING, Input.E): (State.TRYING, (Do.SEND, Do.RETRANSMIT_LATER)),
    (State.TRYING, Input.F): _TIMEOUT,
    (State.TRYING, Input.LOST): _LOST,
    (State.TRYING, Input.ABANDONED): _OVER,
    (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, (Do.TELL,)),
    (State.TRYING, Input.SUCCESS): (State.COMPLETED, (Do.STOP, Do.START_K, Do.TELL)),
    (State.TRYING, Input.FAILURE): (State.COMPLETED, (Do.STOP, Do.START_K, Do.TELL)),
    (State.PROCEEDING, Input.E): (State.PROCEEDING, (Do.SEND, Do.RETRANSMIT_SLOWLY)),
    (State.PROCEEDING, Input.F): _TIMEOUT,
    (State.PROCEEDING, Input.LOST): _LOST,
    (State.PROCEEDING, Input.ABANDONED): _OVER,
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Do.TELL,)),
    (State.PROCEEDING, Input.SUCCESS): (State.COMPLETED, (Do.STOP, Do.START_K, Do.TELL)),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Do.STOP, Do.START_K, Do.TELL)),
    (State.COMPLETED, Input.K): _OVER,
}

INVITE_SERVER: Final[Table] = {
    (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Do.SEND,)),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
    (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, (Do.SEND, Do.START_L)),  # RFC 6026 §7.1
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Do.SEND, Do.START_G_AND_H)),
    (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Do.SEND,)),
    (State.COMPLETED, Input.G): (State.COMPLETED, (Do.SEND, Do.RETRANSMIT_LATER)),
    (State.COMPLETED, Input.H): _TIMEOUT,
    (State.COMPLETED, Input.ACK): (State.CONFIRMED, (Do.STOP, Do.START_I)),
    (State.CONFIRMED, Input.I): _OVER,
    (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, (Do.SEND,)),
    (State.ACCEPTED, Input.ACK): (State.ACCEPTED, (Do.TELL,)),
    (State.ACCEPTED, Input.L): _OVER,
}

SERVER: Final[Table] = {
    (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
    (State.TRYING, Input.SUCCESS): (State.COMPLETED, (Do.SEND, Do.START_J)),
    (State.TRYING, Input.FAILURE): (State.COMPLETED, (Do.SEND, Do.START_J)),
    (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Do.SEND,)),
    (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
    (State.PROCEEDING, Input.SUCCESS): (State.COMPLETED, (Do.SEND, Do.START_J)),
    (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Do.SEND, Do.START_J)),
    (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Do.SEND,)),
    (State.COMPLETED, Input.J): _OVER,
}


def answered(status: int) -> Input:
    """The input that a response of this status is."""
    if status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if status < 300 else Input.FAILURE
