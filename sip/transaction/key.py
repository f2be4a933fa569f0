"""What a request's server transaction is known by (RFC 3261 §17.2.3).

Call-ID and sequence number are part of the key beside the branch, because phones are about that send every request with the same
branch; by the RFC they never differ where the branch is the same, so nothing is lost by it.
"""

from sip.message import Request

ServerKey = tuple[str, str, int, str, str, int]
"""Branch (or the whole Via and From tag, for RFC 2543), sent-by host and port, method, Call-ID, sequence number."""

Identity = tuple[str, str, int, str]
"""Call-ID, From tag, sequence number, method: two transactions that share it are one request that came by two ways (§8.2.2.2)."""


def server_key(request: Request, method: str) -> ServerKey:
    """The key under which the server transaction of ``method`` would be that this request belongs to."""
    via, cseq = request.via, request.cseq
    branch = via.branch if via.has_unique_branch else f"{request.values('Via')[0]} {request.from_.tag}"
    host, port = via.sent_by
    return branch, host, port, method, request.call_id, cseq.number


def identity(request: Request, method: str) -> Identity:
    """What two copies of one request share, and an INVITE and its ACK."""
    return request.call_id, request.from_.tag, request.cseq.number, method
