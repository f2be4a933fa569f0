"""Hosts in URIs: which of them mean us, and which a trunk. Pure."""

from config.sip import SipSettings
from config.trunks import TrunkSettings
from mediaserver.signalling.routing.routes import Router
from sip.errors import SipError
from sip.uri import Uri


def names_of_us(sip: SipSettings) -> frozenset[str]:
    """Our addresses, the realm and ``sip.domains``, in lower case."""
    return frozenset(name.lower() for name in (*sip.addresses, sip.advertised, sip.realm, *sip.domains) if name)


def is_at_trunk(router: Router, trunk: TrunkSettings, host: str) -> bool:
    """Whether a trunk's settings say that this host is its own."""
    hosts = {host_of(f"sip:{trunk.host}"), *(target.host.lower() for target in trunk.targets)}
    return host in hosts or router.find_trunk(host) is trunk


def host_of(uri: str) -> str:
    """A URI's host; empty for what is none."""
    try:
        return Uri.parse(uri).host
    except SipError:
        return ""
