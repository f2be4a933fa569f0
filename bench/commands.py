"""The benches by name: what each is for, and its options, each an argument of the run of its name (`bench.runs`)."""

from pathlib import Path
from typing import Final

from bench.command import Command, option
from bench.faults.names import FAULTS
from bench.generator.formats import FORMATS
from bench.generator.secrecy import PLAIN, SUITES

COMMANDS: Final = (
    Command(
        "audibility",
        "who hears whom, while calls come and go and supervisors switch",
        (
            option("--calls", type=int, default=20),
            option("--seconds", type=float, default=60),
            option("--seed", type=int, default=1),
            option("--break", dest="broken", choices=sorted(FAULTS), help="start a server with this fault; it must be caught"),
            option("--codecs", nargs="+", default=[], choices=sorted(FORMATS), help="each leg has one of these (default: all as --codec)"),
            option("--journal", help="write what was done, and when, to this file"),
        ),
    ),
    Command(
        "supervision",
        "an agent followed over many calls, take over and give back, handover, transfers during a whisper: who hears whom, how soon",
        (
            option("--calls", type=int, default=20, help="that are followed"),
            option("--rounds", type=int, default=5, help="of everything else"),
            option("--seed", type=int, default=1),
            option("--journal", help="write what was done, and when, to this file"),
        ),
    ),
    Command(
        "soak",
        "a crowd of calls with joins, leaves, switches and transfers for a long time; a few are judged, the server is weighed",
        (
            option("--calls", type=int, default=100, help="at once"),
            option("--judged", type=int, default=3, help="of them, judged as in audibility"),
            option("--minutes", type=float, default=30),
            option("--changes", type=float, default=1000, help="a minute over all others: joins, leaves, switches, transfers, holds"),
            option("--seed", type=int, default=1),
            option("--codecs", nargs="+", default=[], choices=sorted(FORMATS), help="each leg has one of these (default: all as --codec)"),
            option("--journal", help="write what was done, and when, to this file"),
        ),
    ),
    Command(
        "audio",
        "how good a party behind a bad network sounds to a supervisor, by codec, packet time, loss and jitter",
        (
            option("--codecs", nargs="+", default=["PCMU", "G722", "opus", "L16/8000", "L16/16000"], help="of the bench's table"),
            option("--ptimes", nargs="+", type=int, default=[10, 20, 30, 60], help="ms"),
            option("--losses", nargs="+", type=float, default=[0, 5, 15], help="percent"),
            option("--jitters", nargs="+", type=float, default=[0, 60], help="ms"),
            option("--seconds", type=float, default=20, help="of speech"),
            option("--seed", type=int, default=1),
        ),
        isolated=False,
    ),
    Command(
        "pairs",
        "any codec and packet time with any other on one call: pitch, level, steadiness, leaks",
        (option("--codecs", nargs="+", default=list(FORMATS), choices=sorted(FORMATS)),),
        isolated=False,
    ),
    Command(
        "entering",
        "what two parties hear of a supervisor who comes, switches and goes: of themselves nothing may change",
        (option("--codecs", nargs="+", default=list(FORMATS), choices=sorted(FORMATS)),),
        isolated=False,
    ),
    Command(
        "drift",
        "an hour with a party whose clock is fast or slow: gaps, glitches, delay",
        (
            option("--codecs", nargs="+", default=["PCMU"], help="of the bench's table"),
            option("--ppms", nargs="+", type=float, default=[100, -100], help="how fast the party's clock is, millionths"),
            option("--signals", nargs="+", choices=("speech", "tone"), default=["speech", "tone"]),
            option("--minutes", type=float, default=60),
            option("--loss", type=float, default=0, help="percent of the party's packets"),
        ),
        isolated=False,
    ),
    Command(
        "capacity",
        "how many monitored three-leg calls one core carries",
        (
            option("--from", dest="first", type=int, default=100),
            option("--step", type=int, default=100),
            option("--to", dest="last", type=int, default=1000),
            option("--seconds", type=float, default=15),
            option("--whispering", type=float, default=1 / 3, help="share of supervisors who whisper"),
        ),
    ),
    Command(
        "latency",
        "what the server adds between two ears, by path",
        (
            option("--calls", type=int, default=100),
            option("--seconds", type=float, default=20),
        ),
    ),
    Command(
        "switch",
        "from the command to the first packet with changed gain, by door",
        (
            option("--calls", type=int, default=100),
            option("--switches", type=int, default=400),
            option("--rate", type=float, default=20, help="switches a second over all calls"),
            option("--seed", type=int, default=1),
        ),
    ),
    Command(
        "setup",
        "calls a second through the whole server, SIPp at both ends",
        (
            option("--rate", type=float, default=100),
            option("--seconds", type=float, default=20),
        ),
    ),
    Command(
        "parser",
        "SIP messages read and written a second on one core",
        (option("--messages", dest="count", type=int, default=2000, help="of each kind"),),
    ),
    Command(
        "srtp",
        "what SRTP costs a media worker for a packet, by crypto suite and direction",
        (
            option("--legs", type=int, default=600, help="half as many calls"),
            option("--seconds", type=float, default=2.0, help="of audio that is measured, of each suite in each round"),
            option("--rounds", type=int, default=3),
        ),
    ),
    Command(
        "clients",
        "many consoles at once: when each is told of what happens, what that costs, and what calls notice",
        (
            option("--calls", type=int, default=1000),
            option("--talking", type=int, default=200, help="of them, with RTP and a supervisor"),
            option("--clients", type=int, default=500),
            option("--rate", type=float, default=20, help="events a second, told to every client"),
            option("--seconds", type=float, default=20, help="of each phase"),
            option("--connects", type=float, default=10_000, help="a minute, in the last phase"),
        ),
    ),
    Command(
        "cuts",
        "a client's websocket is cut while modes change: what he misses, and when he is right again",
        (
            option("--calls", type=int, default=10),
            option("--cuts", type=int, default=200),
            option("--rate", type=float, default=20, help="changes of mode a second"),
            option("--seed", type=int, default=1),
        ),
    ),
    Command(
        "browsers",
        "what supervisors in browsers cost, and how soon they hear the call",
        (
            option("--pages", type=int, default=14, help="so many supervisors; 14 in each call"),
            option("--seconds", type=float, default=10.0, help="that each measurement lasts"),
            option("--stereo", action="store_true", help="each hears the agent left and the customer right"),
        ),
    ),
    Command(
        "trouble",
        "what the conversations lose while signalling stands still or supervisors' phones freeze",
        (option("--calls", type=int, default=100),),
    ),
    Command(
        "death",
        "what calls lose when their media worker is killed",
        (
            option("--calls", type=int, default=200),
            option("--kills", type=int, default=20),
            option("--seed", type=int, default=1, help="of the moments of death"),
            option("--codecs", nargs="+", choices=sorted(FORMATS), help="of which each leg has one (default: every 29th Opus)"),
            option("--suites", nargs="+", choices=(PLAIN, *SUITES), help="of SRTP, of which each leg has one (default: every other leg)"),
            option("--hangs", action="store_true", help="stop the worker instead (SIGSTOP): it is to be noticed, and replaced"),
        ),
    ),
    Command(
        "books",
        "what the audit log lacks after the server was killed amid commands",
        (
            option("--calls", type=int, default=10),
            option("--kills", type=int, default=50),
            option("--seed", type=int, default=1, help="of the moments of death"),
        ),
    ),
    Command(
        "journeys",
        "what legs lose when they go from one media worker to another",
        (
            option("--calls", type=int, default=20),
            option("--journeys", type=int, default=40),
            option("--seed", type=int, default=1, help="of the moments"),
        ),
    ),
    Command(
        "flood",
        "what attackers get, and what the conversations lose meanwhile",
        (
            option("--calls", type=int, default=50),
            option("--seconds", type=float, default=6, help="of each phase"),
        ),
    ),
    Command(
        "garbage",
        "what conversations lose while one leg's port is flooded with datagrams that are no audio",
        (
            option("--calls", type=int, default=200),
            option("--seconds", type=float, default=5, help="of each phase"),
            option("--rate", type=float, default=100_000, help="datagrams a second"),
        ),
    ),
    Command(
        "floor",
        "what packets cost without a server, and what the server costs beside that",
        (
            option("--calls", type=int, default=200, help="of three legs each"),
            option("--seconds", type=float, default=4, help="of each turn"),
            option("--rounds", type=int, default=3, help="turns of each of the two"),
        ),
    ),
    Command(
        "demo",
        "keep calls of a running server talking, until stopped",
        (
            option("--config", type=Path, help="the server's configuration; default: the built-in one"),
            option("--calls", type=int, default=3),
        ),
        isolated=False,
        judges=False,
    ),
    Command(
        "phone",
        "a softphone for the terminal: answers, records and shows what it hears",
        (
            option("--config", type=Path, help="the server's configuration: where it speaks SIP"),
            option("--user", default="anna"),
            option("--secret", default="demo"),
            option("--address", default="127.0.0.4", help="own address; must not be a trunk's"),
            option("--dial", default="", help="call this at once, for instance *1robert"),
            option("--record", type=Path, default=Path("heard.wav")),
            option("--seconds", type=float, default=3600),
            option("--speaks", action="store_true", help="say the supervisor's sentences instead of nothing"),
        ),
        isolated=False,
        judges=False,
    ),
)
"""Every bench, in the order of the help."""
