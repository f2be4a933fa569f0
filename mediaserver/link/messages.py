"""What signalling and a worker say to each other. Commands go down, replies and notices come up.

A frame carries a list of messages, and all commands of one frame take effect in the same turn. Every command gets
exactly one reply, `Applied` or `Refused`, with its request number.
"""

from dataclasses import dataclass, field

# -- commands: signalling to worker


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """Give a leg a row and a seat in its call; the frame lends one bound UDP socket for it. It hears nobody yet."""

    leg: int
    call: int
    role: str
    """A `mixer.modes.Role`."""
    strict: bool
    """Only the signalled address is ever a source (no latching on another one)."""


@dataclass(frozen=True, slots=True)
class SetMedia:
    """What a leg negotiated; sent again after each offer/answer. Opens the latch anew for 2 s (`rtp.latch`)."""

    leg: int
    address: str
    port: int
    codec: str
    receive_payload_type: int
    send_payload_type: int
    ptime_ms: int
    receive_digit_payload_type: int
    """-1 where none was negotiated."""
    send_digit_payload_type: int
    """-1 where none was negotiated."""
    remote_sends: bool
    """False: what the leg sends is not heard by anybody."""
    remote_receives: bool
    """False: nothing is sent to the leg."""
    rtcp_mux: bool = False
    """RTCP comes to, and goes from, the port of RTP (RFC 5761)."""
    rtcp_address: str = ""
    """Where the leg wants its RTCP, where it is not muxed; empty for nowhere."""
    rtcp_port: int = 0
    clock_rate: int = 8000
    """RTP ticks a second of the codec."""
    channels: int = 1
    """As the codec's rtpmap says."""
    parameters: str = ""
    """What the codec's encoder should heed (`mixer.opus_parameters.OpusParameters`)."""
    receive_comfort_noise_payload_type: int = -1
    """-1 where none was negotiated."""
    send_comfort_noise_payload_type: int = -1
    """-1 where none was negotiated."""
    digit_clock_rate: int = 8000
    """Ticks a second in which telephone-events are measured."""
    srtp_suite: str = ""
    """As `rtp.srtp.suites.SUITES` names it; empty for plain RTP."""
    srtp_send_key: bytes = field(default=b"", repr=False)
    """Master key and salt of what goes to the leg."""
    srtp_receive_key: bytes = field(default=b"", repr=False)
    sorts: bool = False
    """STUN and DTLS come to its port too: they are handed up (`DatagramReceived`), and only the signalled address is a source."""
    peer: str = ""
    """The host that its signalling comes from: its packets may come from there too (`rtp.latch`); empty where that is not known."""


@dataclass(frozen=True, slots=True)
class OpenReports:
    """Give a leg a port for RTCP beside that of its RTP; the frame lends the bound UDP socket. It is closed with the leg."""

    leg: int


@dataclass(frozen=True, slots=True)
class MoveLeg:
    """Take a leg, with its row, its socket and its numbers, into another call, in one turn and in a new role.

    It is as new there: not admitted, without a mode, nothing played to it, and nothing that it said before is heard.
    """

    leg: int
    call: int
    """It may have nobody yet."""
    role: str
    """A `mixer.modes.Role`."""


@dataclass(frozen=True, slots=True)
class Admit:
    """Let a leg into, or take it out of, its call's mix. Before the first, and after ``admitted=False``, it is silence."""

    leg: int
    admitted: bool


@dataclass(frozen=True, slots=True)
class SetMode:
    """Set a supervisor's mode. The reply comes after the first packets with the changed gains were sent."""

    leg: int
    mode: str
    """A `mixer.modes.Mode`."""
    target: str
    """A `mixer.modes.Role`: whom a whisper is for."""


@dataclass(frozen=True, slots=True)
class SetMuted:
    """Mute or unmute what a leg says, to everybody."""

    leg: int
    muted: bool


@dataclass(frozen=True, slots=True)
class SetVolumes:
    """A supervisor's two volumes as linear gains (1.0 is unity, at most 4.0): how he hears, and how he is heard."""

    leg: int
    hears: float
    heard: float


@dataclass(frozen=True, slots=True)
class LoadSound:
    """Make a sound known by name; the frame lends a memory file with its samples, int16 little-endian mono 8 kHz."""

    sound: str


@dataclass(frozen=True, slots=True)
class Play:
    """The server speaks to one leg, beside whatever else that leg hears. A loop goes on behind what is said once."""

    leg: int
    sound: str
    loop: bool


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """End what the server plays to a leg."""

    leg: int


@dataclass(frozen=True, slots=True)
class CloseLeg:
    """Take a leg's row and seat back; the worker closes its copy of the socket before it replies."""

    leg: int


@dataclass(frozen=True, slots=True)
class OpenTap:
    """Have what the legs of a call say, leg by leg, written into the ring that the frame lends (`mediaserver.link.ring`).

    Taps that are lent the same ring share it. A tap ends with its call.
    """

    tap: int
    call: int
    role: str
    """A `mixer.modes.Role` as which it listens: ``outside`` for the conversation alone, ``supervisor`` for whispers too."""
    leg: int = -1
    """The only leg that is wanted; -1 for every one."""


@dataclass(frozen=True, slots=True)
class CloseTap:
    """End a tap; nothing of it is written after the reply."""

    tap: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for a sign of life; the reply names the turn."""


@dataclass(frozen=True, slots=True)
class ReleaseLeg:
    """Let a leg go to another worker, in one turn; answered by `Released`. Here it is no more."""

    leg: int


@dataclass(frozen=True, slots=True)
class ReceiveLeg:
    """Take a leg that another worker let go, its numbers and keys going on; the frame lends its socket and what `Released` lent."""

    leg: int
    call: int
    role: str
    """A `mixer.modes.Role`."""
    strict: bool
    is_new: bool
    """The call is another one: the leg is as new there, as after `MoveLeg`. Else it stays what it was, all of its call moving."""


@dataclass(frozen=True, slots=True)
class Inherit:
    """Said to a spare worker: take the memory that the frame lends, a fresh one or that of a worker that is dead and reaped."""

    legs: int
    """So many are named by `AdoptLegs` after this; no turn begins before."""
    cpu: int
    """Core to stay on; -1 for any."""


@dataclass(frozen=True, slots=True)
class AdoptLegs:
    """Legs that lie in the inherited memory, and go on as they are; the frame lends the socket of each, in this order.

    Three lists of as many int64, in the machine's order of bytes. A leg whose row is not what it should be is told by `LegDoubted`.
    """

    legs: bytes
    calls: bytes
    rows: bytes


Command = (
    OpenLeg
    | OpenReports
    | SetMedia
    | MoveLeg
    | Admit
    | SetMode
    | SetMuted
    | SetVolumes
    | LoadSound
    | Play
    | StopPlaying
    | CloseLeg
    | OpenTap
    | CloseTap
    | Ping
    | ReleaseLeg
    | ReceiveLeg
    | Inherit
    | AdoptLegs
)

# -- replies and notices: worker to signalling


@dataclass(frozen=True, slots=True)
class Applied:
    """A command took effect, and where it changed a gain, the first packets with it have left."""

    request: int
    turn: int
    """Number of the turn in which it took effect."""
    row: int
    """The leg's row in shared memory; -1 where the command names no leg."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A command could not be carried out; nothing changed."""

    request: int
    code: str
    """``unknown_leg``, ``unknown_tap``, ``unknown_call``, ``duplicate_leg``, ``no_row``, ``no_seat``, ``unknown_sound``, ``bad_value``."""
    text: str


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """An RFC 4733 event ended (told once, at its first end packet)."""

    leg: int
    digit: str
    """One of ``0-9*#ABCD``."""
    duration_ms: int


@dataclass(frozen=True, slots=True)
class MediaStarted:
    """The first valid packet since the leg was opened or its media set."""

    leg: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class DatagramReceived:
    """STUN or DTLS came to the port of a leg that has it sorted (RFC 7983); so many a second are told, the others are counted."""

    leg: int
    address: str
    port: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LegDoubted:
    """A leg could not be adopted: its row does not hold what was told of it. The worker has no such leg now."""

    leg: int


@dataclass(frozen=True, slots=True)
class Released:
    """A leg was let go, and its last packet has left. The frame lends a memory file with its row, and its connected socket.

    Where no remote was known, the second is a copy of the lent one.
    """

    request: int
    turn: int


Notice = DigitReceived | MediaStarted | DatagramReceived | LegDoubted
Upward = Applied | Refused | Released | Notice
