"""G.711 and L16 (RFC 3551 §4.5.11, §4.5.14): a sample at a time, concealed after G.711 Appendix I where packets are missing."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.coding.concealing import conceal
from bench.generator import companding

Int16 = NDArray[np.int16]


def encode_g711(law: str, rate: int, samples: Int16, ptime_ms: int) -> list[bytes]:
    """Payloads of ``ptime_ms`` from samples (n); what is left over at the end is left out."""
    return cut(companding.encode(samples, law).tobytes(), rate * ptime_ms // 1000)


def decode_g711(law: str, rate: int, payloads: Sequence[bytes | None], ptime_ms: int) -> Int16:
    """Samples of payloads in a row, None where one is missing."""
    return laid_out(payloads, rate, ptime_ms, lambda data: companding.decode(np.frombuffer(data, np.uint8), law))


def encode_l16(rate: int, samples: Int16, ptime_ms: int) -> list[bytes]:
    """As `encode_g711`; network byte order."""
    return cut(samples.astype(">i2").tobytes(), 2 * rate * ptime_ms // 1000)


def decode_l16(rate: int, payloads: Sequence[bytes | None], ptime_ms: int) -> Int16:
    """As `decode_g711`."""
    return laid_out(payloads, rate, ptime_ms, lambda data: np.frombuffer(data, ">i2").astype(np.int16))


def cut(data: bytes, size: int) -> list[bytes]:
    """Pieces of this size."""
    return [data[at : at + size] for at in range(0, len(data) - size + 1, size)]


def laid_out(payloads: Sequence[bytes | None], rate: int, ptime_ms: int, decoded: Callable[[bytes], Int16]) -> Int16:
    """What came, decoded in one go (a codec's state stands still over what did not), laid in its places; the rest concealed."""
    there = np.repeat(np.array([payload is not None for payload in payloads], bool), rate * ptime_ms // 1000)
    samples = np.zeros(len(there), np.int16)
    samples[there] = decoded(b"".join(payload for payload in payloads if payload is not None))
    return conceal(samples, there, rate)
