"""Responses to requests: the headers that every one of them copies (RFC 3261 §8.2.6, RFC 3581)."""

from sip.headers import parse_list
from sip.message import Header, Request
from sip.transport.flow import Flow


def response_headers(request: Request, flow: Flow, to_tag: str) -> list[Header]:
    """Via with where the request came from, From, To with our tag, Call-ID and CSeq, as far as the request has them."""
    vias = request.values("Via")
    headers: list[Header] = [("Via", stamped(request, vias[0], flow))] if vias else []
    headers += [("Via", value) for value in vias[1:]]
    for name in ("From", "To", "Call-ID", "CSeq"):
        values = request.values(name)
        if values:
            headers.append((name, tagged(values[0], to_tag) if name == "To" else values[0]))
    return headers


def tagged(value: str, tag: str) -> str:
    """A To value with our tag, unless it has one."""
    parameters = value.rpartition(">")[2]
    has_tag = any(part.partition("=")[0].strip().lower() == "tag" for part in parameters.split(";")[1:])
    return value if has_tag or not tag else f"{value};tag={tag}"


def stamped(request: Request, value: str, flow: Flow) -> str:
    """The topmost Via with ``received`` and ``rport`` filled in; one that cannot be read stays as it is."""
    if '"' in value:
        return value
    first, *others = parse_list(value) or [value]
    parts = first.split(";")
    names = [part.partition("=")[0].strip().lower() for part in parts]
    wants_port = "rport" in names
    sent_by = parts[0].split()[-1:] or [""]
    if not wants_port and sent_by[0].partition(":")[0] == flow.remote[0]:
        return value
    kept = [part for part, name in zip(parts, names, strict=True) if name not in ("rport", "received")]
    port = [f"rport={flow.remote[1]}"] if wants_port else []
    return ", ".join([";".join([*kept, f"received={flow.remote[0]}", *port]), *others])
