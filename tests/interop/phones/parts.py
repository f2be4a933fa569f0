"""SIPp scenarios out of parts: what most of them do alike stands once, in ``tests/interop/sipp/parts``.

A scenario says ``<part name="asks" method="INFO" number="2">`` and inside it, as in SIP, more headers, an empty line and a body. In the
part, ``{method}`` is the attribute of that name, ``{number:2}`` has a default, ``{headers}`` and ``{body}`` are what stands inside, and
``{content}`` is both as one. A line of which nothing is left is left out.
"""

import re
from pathlib import Path
from typing import Final

SCENARIOS: Final = Path(__file__).parents[1] / "sipp"
PARTS: Final = SCENARIOS / "parts"
_PART: Final = re.compile(r'^ *<part name="(\w+)"([^>]*?)(?:/>|>\n(.*?)\n *</part>)', re.MULTILINE | re.DOTALL)
_ATTRIBUTE: Final = re.compile(r'(\w+)="([^"]*)"')
_PLACE: Final = re.compile(r"\{(\w+)(?::([^}]*))?\}(\n?)")
DESCRIPTION: Final = """\
v=0
o=sipp 1 1 IN IP[media_ip_type] [media_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20"""
"""What ``[description]`` stands for: audio as most phones offer it, open at its end for more lines."""


def assembled(scenario: str) -> str:
    """The text of a scenario as SIPp reads it, its keys still open."""
    return _PART.sub(_part, (SCENARIOS / f"{scenario}.xml").read_text()).replace("[description]", DESCRIPTION)


def _part(found: re.Match[str]) -> str:
    name, attributes, content = found.groups(default="")
    headers, _, body = f"\n{content}".partition("\n\n")
    values = {**dict(_ATTRIBUTE.findall(attributes)), "headers": headers.strip("\n"), "body": body, "content": content}

    def fill(place: re.Match[str]) -> str:
        value = values.get(place[1]) or place[2] or ""
        return value + (place[3] if value else "")

    return _PLACE.sub(fill, (PARTS / f"{name}.xml").read_text())
