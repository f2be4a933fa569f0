"""The certificates that are shown: whether they are good for the names and long enough."""

from datetime import UTC, datetime, timedelta
from typing import Final

from config.settings import Settings
from mediaserver.doctor.finding import Check, Finding, Grade

SOON: Final = timedelta(days=30)


def _tls(settings: Settings) -> tuple[Finding, ...]:
    # Imported late: without TLS nothing of it is needed.
    from mediaserver.signalling.listening import certificates
    from sip.transport.certificates import CertificateError, Shown
    from sip.transport.identity import shows

    tls, name = settings.sip.tls, "certificate"
    if not (tls.enabled or settings.sip.ws.secure):
        return ()
    try:
        shown: tuple[Shown, ...] = certificates(settings.sip).shown
    except CertificateError as problem:
        return (Finding(name, Grade.BAD, str(problem), "give a PEM certificate with its chain, and the key that it was made with"),)
    findings = [_one(each.file, each.names, each.expires_at) for each in shown]
    told = tls.advertised
    if told and not any(shows(each.names, told, with_wildcards=True) for each in shown):
        todo = "set sip.tls.advertised to a name that it shows, or have one made for this name"
        findings.append(Finding(name, Grade.POOR, f"none shows {told}, which peers are told: they will not believe it", todo))
    return tuple(findings)


def _one(file: str, names: tuple[str, ...], expires_at: datetime) -> Finding:
    left = expires_at - datetime.now(UTC)
    text = f"{file} for {', '.join(names) or 'nobody'}"
    todo = "renew it, and put it in the same place: it is read anew by itself"
    if left < timedelta(0):
        return Finding("certificate", Grade.BAD, f"{text} ran out {-left.days} days ago", todo)
    if left < SOON:
        return Finding("certificate", Grade.POOR, f"{text} runs out in {left.days} days", todo)
    return Finding("certificate", Grade.GOOD, f"{text}, good for {left.days} days, and the key is its own")


CHECKS: Final[tuple[Check, ...]] = (_tls,)
