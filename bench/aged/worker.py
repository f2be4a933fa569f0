"""`python -m bench.aged.worker`: a media worker whose streams begin as if they had sent some 65,000 packets."""

from bench.aged.numbers import aged
from mediaserver.worker import __main__ as entry
from rtp.sender import Senders

_begin = Senders.begin


def _begin_aged(senders: Senders, row: int, entropy: int) -> None:
    _begin(senders, row, entropy)
    senders.sequence[row] = senders.first[row] = aged(int(senders.sequence[row])) - 1


if __name__ == "__main__":
    Senders.begin = _begin_aged  # type: ignore[method-assign, assignment]
    entry.main()
