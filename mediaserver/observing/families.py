"""Every family of metrics, said once: its kind, its labels, and what it counts. A name ends with its base unit where it has one.

Names here go without ``mediaserver_`` and without the ``_total`` of counters.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

PREFIX: Final = "mediaserver_"
UNITS: Final = ("seconds", "bytes", "ratio")


class Kind(StrEnum):
    """What a family's numbers do."""

    COUNTER = "counter"
    """They only rise."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """One family."""

    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


def _counter(text: str, *labels: str) -> Family:
    return Family(Kind.COUNTER, text, labels or ("label",))


def _total(text: str) -> Family:
    """One number without a label: shown from the start, so that the first time is seen as a rise."""
    return Family(Kind.COUNTER, text)


def _gauge(text: str, *labels: str) -> Family:
    return Family(Kind.GAUGE, text, labels)


def _histogram(text: str, *labels: str) -> Family:
    return Family(Kind.HISTOGRAM, text, labels)


COUNTED: Final[dict[str, Family]] = {
    "audit_heads_sent": _counter("Signed heads of the audit log sent to audit.send_to: taken, failed, or left out."),
    "bans": _counter("Sources and users kept out for wrong passwords."),
    "browser_datagrams_dropped": _counter("STUN and DTLS of browser legs that was not taken, by reason."),
    "browser_datagrams_unsent": _total("STUN and DTLS to browser legs that the system did not send."),
    "browsers_lost": _counter("Legs whose browser counted as gone, by why: no checks, never reached, no handshake, it said goodbye."),
    "call_inputs_absorbed": _counter("What happened to calls in a state that it means nothing in, by what it was."),
    "calls_ended": _counter("Calls that ended, by cause."),
    "calls_marked": _counter("Calls that their agents marked private, or public again."),
    "calls_that_killed": _total("Calls that were ended because their packets killed two media workers."),
    "certificates": _counter("Certificates read anew, or refused, by label."),
    "contacts_left_out": _counter("Phones that were not rung with a user's best one, since one offer could not serve both."),
    "contacts_refused": _counter("Contacts that were not called, by reason."),
    "dialogs_left_behind": _counter("Dialogs that a crash left behind: ended with BYE after the restart, or out of our reach."),
    "annotations": _counter("Notes and flags about calls: note, flag, or unflag where one was taken back."),
    "digits": _counter("Digits received in RTP, by the role of the leg."),
    "dns_answers": _counter("Answers of DNS: some, none, failed."),
    "events": _counter("Events told to watchers, by kind: calls, joins and modes of supervisors, quality.", "kind"),
    "faults": _counter("Faults in what is done again and again, by what it was; each is in the log."),
    "follows_joined": _counter("Calls that followers joined."),
    "heirs": _total("Spare media workers that took over a dead one's calls."),
    "help_requests": _counter("Agents' requests for help: asked, or declined."),
    "indications": _counter("Times that agents were told of supervision: tone, text, or no_phone where none could show one."),
    "infos_dropped": _counter("INFO bodies that nobody could be given, by reason."),
    "invites_refused": _counter("INVITEs answered with a failure before a call began, by reason."),
    "journal_looks_left_out": _total("Looks at the dialogs that were not noted, since the disk was too slow."),
    "legs_doubted": _total("Legs that an heir could not adopt, and that were opened anew."),
    "legs_moved": _counter("Legs that went to another media worker: whole, with their numbers, or opened anew there."),
    "legs_refused": _counter("Legs that a media worker had no room for."),
    "legs_secured": _counter(
        "Legs on SRTP, by crypto suite, their keys from descriptions or a handshake; again where one changes its suite."
    ),
    "locations": _counter("Searches for where a request goes, by result."),
    "lookups": _counter("Lookups of callers: found, nothing, timeout, failed, unreadable, or too many at once."),
    "media_circles": _total("Legs sent nothing, since by the port of ours that their peer named it would have come back into their call."),
    "no_free_port": _total("Legs for which no media port was free."),
    "overload": _counter("Calls that were not taken for want of room, by what was busy: media or signalling."),
    "pins": _counter("PINs that were typed, by whether they were right."),
    "quality_events": _counter("Ways of legs that began to sound bad (dropped) or were well again (recovered), by which and way."),
    "refusals": _counter("Requests of supervisors that were refused, by code."),
    "registrations": _counter("REGISTERs of phones, by what became of them."),
    "reoffers_refused": _counter("Offers in standing calls that were refused, by the role of the leg."),
    "replacements": _counter("Legs that were replaced by INVITE with Replaces, by the part that the old one had."),
    "replacements_refused": _counter("INVITEs with Replaces that a call refused, by reason."),
    "settings": _counter("Settings read anew under way, or refused, by label."),
    "sign_ins_refused": _counter("Tries to sign in that were refused, by the way that was tried."),
    "spares_died": _total("Spare media workers that died while they waited."),
    "storage_died": _total("Processes that bring the journal into the database and died."),
    "storage_unanswered": _counter("Questions to the database that got no answer, by why.", "why"),
    "storage_dropped": _counter("Lines for the journal that were dropped because it could not be written for too long, by why."),
    "storage_journal_failures": _counter("Writes that the journal refused or that failed, by why."),
    "supervisors_left": _counter("Supervisors who left calls, by cause."),
    "supervisors_moved": _counter("Supervisors who went with a transfer to another call, by cause."),
    "supervisors_refused": _counter("Supervisors whom a call did not take, by reason."),
    "supervisors_withdrawn": _total("Supervisors who were put out of calls since their access was withdrawn."),
    "talks_refused": _counter("Talks that another supervisor of the call had already, by mode."),
    "targets_failed": _counter("Targets of calls that did not answer, by cause."),
    "texts_sent": _counter("Texts sent to agents' phones, by how they answered."),
    "trace_dropped": _counter("Messages that the trace lost, by reason."),
    "tracers_died": _total("Processes that keep the trace and died."),
    "transfers": _counter("Transfers that succeeded, by their way."),
    "transfers_failed": _counter("Transfers whose target did not answer, by cause."),
    "transfers_refused": _counter("REFERs that were refused, by reason."),
    "trunk_calls_in": _counter("Calls that began from a trunk, by trunk."),
    "trunk_calls_out": _counter("Calls that began to a trunk, by trunk."),
    "trunk_keepalives": _counter("OPTIONS sent to trunks, by the status of their answer."),
    "trunk_refused": _counter("Calls over a trunk's caps, by trunk, direction and cap."),
    "trunk_registrations": _counter("REGISTERs sent to trunks, by the status of their answer."),
    "watchers_refused": _counter("Subscriptions to agents' calls that were refused, by reason."),
    "webhooks_delivered": _counter("Events that a webhook has taken, by webhook."),
    "webhooks_dropped": _counter("Events that a webhook never got, by reason: queue full, too old, or it wants nothing any more."),
    "webhooks_failed": _counter("Attempts to deliver an event that failed, by webhook."),
    "webhooks_not_kept": _total("Events for webhooks that could not be kept on disk; a restart would lose them."),
    "workers_died": _total("Media workers that died."),
    "workers_hung": _total("Media workers that were killed because their turns stood still."),
}
"""Counters that any part of signalling adds to (`mediaserver.observing.counters`)."""

SINGLE: Final = tuple(name for name, family in COUNTED.items() if not family.labels)
"""Those of them that have no label."""

FAMILIES: Final[dict[str, Family]] = COUNTED | {
    "audit_entries": _gauge("Entries of this server's audit log."),
    "audit_head_signed_seconds": _gauge("When the audit log's head was last signed, as Unix time."),
    "audit_supervisors": _gauge("Supervisors who are in calls, by the audit log."),
    "bad_ways": _gauge("Ways of live legs, up or down, that sound bad now."),
    "call_answer_seconds": _histogram("From a call's first INVITE to its answer."),
    "call_length_seconds": _histogram("From a call's answer to its end."),
    "calls": _gauge("Live calls, by tenant and state.", "tenant", "state"),
    "certificate_expires_seconds": _gauge("When a certificate that we show runs out, as Unix time.", "file"),
    "control_events": _counter("What the control API counted: clients, commands, slow readers, closed connections, by kind.", "kind"),
    "leg_jitter_seconds": _histogram("Jitter of legs when they ended, by worker and way.", "worker", "way"),
    "leg_loss_ratio": _histogram("Part of packets lost in the last seconds of legs that ended, by worker and way.", "worker", "way"),
    "leg_mos": _histogram("Average score of legs that ended (MOS by G.107), by worker and way: up to us, down from us.", "worker", "way"),
    "leg_round_trip_seconds": _histogram("Round trip of legs when they ended, by worker.", "worker"),
    "legs": _gauge("Live legs, by role.", "role"),
    "media_ports_lent": _gauge("Media ports lent to legs."),
    "rtp_packets": _counter("RTP packets, by what became of them.", "kind"),
    "sip_dropped": _counter("Messages that got no answer, by reason.", "kind"),
    "sip_events": _counter(
        "What the SIP user agent counted: messages received and sent, drops, refusals, retransmissions, time-outs, by kind.", "kind"
    ),
    "storage_behind_bytes": _gauge("Of the journal, what is not in the database yet."),
    "storage_database_up": _gauge("Whether the database answered when it was last asked, 1 or 0."),
    "storage_journal_bytes": _gauge("What the journal has on disk."),
    "storage_journal_trouble": _gauge("Why the journal takes nothing new, and so nobody new may supervise: 1 or 0.", "trouble"),
    "storage_lines": _total("Lines of the journal that came into the database."),
    "storage_set_aside": _total("Lines that the database would not take."),
    "supervision_join_seconds": _histogram("From when a supervisor's phone is rung until he is in the call."),
    "supervisors": _gauge("Supervisors in calls, by mode.", "mode"),
    "trunk_calls": _gauge("Live calls of a trunk, by direction.", "trunk", "direction"),
    "trunk_registered": _gauge("Whether we are registered with a trunk, 1 or 0.", "trunk"),
    "trunk_up": _gauge("Whether a target of a trunk is up, 1 or 0.", "trunk", "target"),
    "turn_late_seconds": _histogram("How late a media worker's turns started.", "worker"),
    "turn_length_seconds": _gauge("How long a media worker's turns are now.", "worker"),
    "webhooks_waiting": _gauge("Events that wait to be delivered, by webhook.", "webhook"),
    "worker_cpu_seconds": _counter("CPU time of a media worker.", "worker"),
    "worker_events": _counter("What a media worker counted of itself, by kind: frames, turns.", "worker", "kind"),
    "worker_spares": _gauge("Spare media workers, ready to take a dead one's place."),
    "worker_turns": _counter("Turns that a media worker has made.", "worker"),
}
"""All of them."""


def shown_name(name: str) -> str:
    """As Prometheus shows the family's samples: ``mediaserver_bans_total``."""
    return f"{PREFIX}{name}{'_total' if FAMILIES[name].kind is Kind.COUNTER else ''}"


def unit_of(name: str) -> str:
    """The base unit that a name ends with; empty for a plain number."""
    return next((unit for unit in UNITS if name.endswith(f"_{unit}")), "")


def metric(name: str, value: float | None = None) -> Any:
    """The family, still empty; with a value, where it has no labels."""
    family = FAMILIES.get(name) or _counter(name.replace("_", " ").capitalize() + ", by label.")
    made: dict[Kind, type[Metric]] = {
        Kind.COUNTER: CounterMetricFamily,
        Kind.GAUGE: GaugeMetricFamily,
        Kind.HISTOGRAM: HistogramMetricFamily,
    }
    given: dict[str, Any] = {"labels": family.labels or None, "unit": unit_of(name)}
    if value is not None:
        given = {"value": value, "unit": unit_of(name)}
    return made[family.kind](PREFIX + name, family.help, **given)
