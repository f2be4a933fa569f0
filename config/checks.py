"""What no single key can say of itself: names that must exist, things that must differ, ranges that must fit."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from typing import Final

from config import certificates
from config.findings import HEADER_NAME, Finding, distinct, is_address, is_network, unknown
from config.identity_checks import check_ceiling, check_identities
from config.name_checks import PLACEHOLDER, check_names, problem_of_uri
from config.schema import Path, dotted
from config.settings import AgentSettings, RouteSettings, Settings
from config.sip import CertificateSettings
from config.trunk_checks import USERS_TRUNK, check_trunks
from config.trunks import TrunkSettings
from config.user_checks import check_secrets
from config.webhook_checks import check_webhooks

CODE: Final = re.compile(r"[*#0-9]{1,8}")
DIGIT: Final = re.compile(r"[0-9*#A-D]")
TARGET: Final = re.compile(r"agent:(?P<agent>\S+)|(?P<uri>sips?:\S+)|trunk:(?P<trunk>[^/\s]+)/(?P<number>\S+)")


def find(settings: Settings) -> Iterator[Finding]:
    """Everything wrong with settings whose single keys are right, as path and text."""
    for check in CHECKS:
        yield from check(settings)


def _addresses(settings: Settings) -> Iterator[Finding]:
    for path, address in (
        *((("sip", "bind"), address) for address in settings.sip.addresses),
        (("media", "bind"), settings.media.bind),
        (("media", "advertised"), settings.media.advertised),
    ):
        if not (address == "" and path[1] == "advertised") and not is_address(address):
            yield path, f"must be an IP address, not {address!r}"
    lists: tuple[tuple[Path, tuple[str, ...]], ...] = (
        (("sip", "local_networks"), settings.sip.local_networks),
        (("media", "local_networks"), settings.media.local_networks),
        (("sip", "guard", "trusted"), settings.sip.guard.trusted),
    )
    for where, networks in lists:
        for index, network in enumerate(networks):
            if not is_network(network):
                yield (*where, index), f"must be an IP network such as 10.0.0.0/8, not {network!r}"


def _listeners(settings: Settings) -> Iterator[Finding]:
    sip = settings.sip
    if not sip.addresses:
        yield ("sip", "bind"), "must name at least one address"
    if len(sip.addresses) > 1 and not {"0.0.0.0", "::", ""}.isdisjoint(sip.addresses):
        yield ("sip", "bind"), "an address that means every other stands alone; '::' hears IPv4 too"
    taken: dict[int, str] = {}
    for path, is_used, port in (
        (("sip", "tcp_port"), sip.tcp, sip.tcp_port),
        (("sip", "tls", "port"), sip.tls.enabled, sip.tls.port),
        (("sip", "ws", "port"), sip.ws.enabled, sip.ws.port),
        (("sip", "ws", "secure_port"), sip.ws.secure, sip.ws.secure_port),
        (("control", "port"), settings.control.bind in sip.addresses, settings.control.port),
    ):
        if is_used and port and (other := taken.setdefault(port, dotted(path))) != dotted(path):
            yield path, f"{port} is {other} already; take another port"


def _certificates(settings: Settings) -> Iterator[Finding]:
    tls = settings.sip.tls
    is_shown = tls.enabled or settings.sip.ws.secure
    if is_shown and not tls.certificate:
        switch = "sip.tls.enabled" if tls.enabled else "sip.ws.secure"
        yield ("sip", "tls", "certificate"), f"is missing, and {switch} is true; give the PEM files of a certificate and its key"
    pairs: list[tuple[Path, CertificateSettings]] = [(("sip", "tls"), tls)] if tls.certificate or tls.key else []
    pairs += [(("sip", "tls", "more", index), pair) for index, pair in enumerate(tls.more)] if is_shown else []
    for path, pair in pairs:
        for key, text in certificates.problems_of_pair(pair.certificate, pair.key):
            yield (*path, key), text
    if tls.ca_file:
        for text in certificates.problems_of_roots(tls.ca_file):
            yield ("sip", "tls", "ca_file"), text


def _ranges(settings: Settings) -> Iterator[Finding]:
    media, sip = settings.media, settings.sip
    if media.first_port < 1:
        yield ("media", "first_port"), "must be at least 1"
    if media.last_port < media.first_port + 1:
        yield ("media", "last_port"), f"must be above media.first_port ({media.first_port}), so that there is a pair of ports to lend"
    if media.first_port <= sip.udp_port <= media.last_port:
        yield ("sip", "udp_port"), f"must be outside of the media ports {media.first_port} to {media.last_port}, not {sip.udp_port}"
    if sip.registration_min > sip.registration_max:
        yield ("sip", "registration_min"), f"must be at most sip.registration_max ({sip.registration_max:g})"
    if settings.watching.shortest > settings.watching.longest:
        yield ("watching", "shortest"), f"must be at most watching.longest ({settings.watching.longest})"
    if sip.min_se > sip.session_expires:
        yield ("sip", "min_se"), f"must be at most sip.session_expires ({sip.session_expires})"
    if not media.codecs:
        yield ("media", "codecs"), "must name at least one codec"
    if media.seats > media.rows:
        yield ("media", "seats"), f"must be at most media.rows ({media.rows})"
    if settings.quality.fair < settings.quality.poor:
        yield ("quality", "fair"), f"must be at least quality.poor ({settings.quality.poor:g})"
    if settings.control.queue > settings.control.resume:
        yield ("control", "queue"), f"must be at most control.resume ({settings.control.resume}), where the events are kept"


def _codes(settings: Settings) -> Iterator[Finding]:
    codes = [("listen", settings.doors.listen), ("whisper", settings.doors.whisper), ("barge", settings.doors.barge)]
    for index, (name, code) in enumerate(codes):
        if not CODE.fullmatch(code):
            yield ("doors", name), f"must be one to eight of * # 0-9, not {code!r}"
            continue
        for other_name, other in codes[:index]:
            if other and (code.startswith(other) or other.startswith(code)):
                yield ("doors", name), f"{code!r} cannot be told from doors.{other_name} ({other!r}); no code may begin with another"


def _digits(settings: Settings) -> Iterator[Finding]:
    for door, digits in (("digits", settings.doors.digits), ("api_digits", settings.doors.api_digits)):
        taken: dict[str, str] = {}
        for name, digit in (digits.model_dump() if digits else {}).items():
            if digit == "":
                continue
            if not DIGIT.fullmatch(digit):
                yield ("doors", door, name), f"must be one of 0-9 * # A-D, or empty, not {digit!r}"
            elif digit in taken:
                yield ("doors", door, name), f"{digit!r} is doors.{door}.{taken[digit]} already; take another digit"
            else:
                taken[digit] = name


def _music(settings: Settings) -> Iterator[Finding]:
    if settings.media.music and not FilePath(settings.media.music).is_file():
        yield ("media", "music"), f"there is no file {settings.media.music!r}; give a WAV file, or nothing for the built-in melody"


def _routes(settings: Settings) -> Iterator[Finding]:
    trunks = {trunk.name: trunk for trunk in settings.trunks}
    for index, route in enumerate(settings.routes):
        if route.trunk not in ("*", USERS_TRUNK) and route.trunk not in trunks:
            yield ("routes", index, "trunk"), unknown("trunk", route.trunk, [*trunks, USERS_TRUNK, "*"])
        if route.header and not HEADER_NAME.fullmatch(route.header):
            yield ("routes", index, "header"), f"{route.header!r} is not a header name"
        fillers = {"number"}
        for key, expression in (("number", route.number), ("header_matches", route.header_matches)):
            try:
                compiled = re.compile(expression)
            except re.error as error:
                yield ("routes", index, key), f"is not a regular expression: {error}"
            else:
                if key == "number":
                    fillers |= set(compiled.groupindex) | {str(number) for number in range(compiled.groups + 1)}
        if not route.targets:
            yield ("routes", index, "targets"), "name at least one target: agent:NAME, sip:URI or trunk:NAME/NUMBER"
        for position, target in enumerate(route.targets):
            for text in _target(target, route, fillers, trunks, settings.agents):
                yield ("routes", index, "targets", position), text


def _target(
    target: str, route: RouteSettings, fillers: set[str], trunks: dict[str, TrunkSettings], agents: tuple[AgentSettings, ...]
) -> Iterator[str]:
    match = TARGET.fullmatch(target)
    if match is None:
        yield f"must be agent:NAME, sip:URI or trunk:NAME/NUMBER, not {target!r}"
        return
    for filler in PLACEHOLDER.findall(target):
        if filler not in fillers:
            yield f"{{{filler}}} is not filled in by the route's number; there are {', '.join(sorted(fillers))}"
    if match["uri"] and (problem := problem_of_uri(match["uri"])):
        yield problem
    tenant = trunks[route.trunk].tenant if route.trunk in trunks else None
    agent, trunk = match["agent"], match["trunk"]
    if agent and not PLACEHOLDER.search(agent):
        known = [one.name for one in agents if tenant in (None, one.tenant)]
        if agent not in known:
            yield unknown("agent", agent, known) + (f" (of tenant {tenant!r})" if tenant else "")
    if trunk and not PLACEHOLDER.search(trunk):
        known = [one.name for one in trunks.values() if tenant in (None, one.tenant)]
        if trunk not in known:
            yield unknown("trunk", trunk, known) + (f" (of tenant {tenant!r})" if tenant else "")
        elif not trunks[trunk].is_reachable:
            yield f"trunk {trunk!r} has no host to send calls to"


def _agents(settings: Settings) -> Iterator[Finding]:
    users = {user.name: user for user in settings.users}
    yield from distinct("agents", ((("name",), (agent.tenant, agent.name)) for agent in settings.agents))
    yield from distinct("agents", ((("user",), agent.user) for agent in settings.agents if agent.user is not None))
    for index, agent in enumerate(settings.agents):
        if agent.user is None:
            if not agent.extension:
                yield ("agents", index, "user"), "name his SIP user, or the extension that a trunk knows him by"
        elif agent.user not in users:
            yield ("agents", index, "user"), unknown("user", agent.user, users)
        elif users[agent.user].tenant != agent.tenant:
            yield ("agents", index, "user"), f"{agent.user!r} is of tenant {users[agent.user].tenant!r}, the agent of {agent.tenant!r}"


def _users(settings: Settings) -> Iterator[Finding]:
    yield from distinct("users", ((("name",), user.name) for user in settings.users))
    for index, user in enumerate(settings.users):
        yield from check_secrets(("users", index), user)
        if user.ceiling is not None:
            yield from check_ceiling(settings, ("users", index, "ceiling"), user.ceiling, user.tenant)


def _tokens(settings: Settings) -> Iterator[Finding]:
    users = {user.name: user for user in settings.users}
    yield from distinct("tokens", ((("sha256",), token.sha256) for token in settings.tokens))
    seen: dict[tuple[str, str], object] = {}
    for index, token in enumerate(settings.tokens):
        if token.user and (token.user not in users or users[token.user].tenant != token.tenant):
            known = [name for name, user in users.items() if user.tenant == token.tenant]
            yield ("tokens", index, "user"), unknown("user", token.user, known)
        elif token.identity in users and users[token.identity].tenant == token.tenant and token.user != token.identity:
            # Legs belong to a name of a tenant, whichever way somebody came in.
            yield (
                ("tokens", index, "user"),
                f"must be {token.identity!r}: the SIP user of that name counts as the same person; or take another identity",
            )
        for position, number in enumerate(token.numbers):
            if not re.fullmatch(r"sips?:[^\s<>\"]+", number):
                yield ("tokens", index, "numbers", position), f"must be a SIP URI such as sip:anna@192.0.2.77, not {number!r}"
        # Two tokens of one identity are how a token is changed without a break; they must then mean the same.
        rest = token.model_copy(update={"sha256": ""})
        if seen.setdefault((token.tenant, token.identity), rest) != rest:
            yield ("tokens", index, "identity"), f"{token.identity!r} has a token with another ceiling, user or numbers; make them equal"
        yield from check_ceiling(settings, ("tokens", index, "ceiling"), token.ceiling, token.tenant)


CHECKS: Final[tuple[Callable[[Settings], Iterator[Finding]], ...]] = (
    _addresses,
    check_names,
    _listeners,
    _certificates,
    _ranges,
    _codes,
    _digits,
    _music,
    check_trunks,
    _routes,
    _agents,
    _users,
    _tokens,
    check_identities,
    check_webhooks,
)
