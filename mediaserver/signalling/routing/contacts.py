"""Which of a user's phones one INVITE rings: all that one offer can serve."""

from collections.abc import Callable, Sequence

from mediaserver.signalling.calls.legs import is_browser
from sip.registrar import Binding
from sip.session.settings import Branch
from sip.transport.flow import Flow


def branches_of(bindings: Sequence[Binding], media_address: Callable[[str], str]) -> tuple[Branch, ...]:
    """The phones to ring, given best first.

    All get one offer, so they are like the best of them: browsers or not, and told the same address of ours for media. Several
    flows of one phone (RFC 5626) are one branch: it rings once, by the next flow where one fails.
    """

    def kind(flow: Flow) -> tuple[bool, str]:
        return is_browser(flow), media_address(flow.remote[0])

    like_the_best = [binding for binding in bindings if kind(binding.flow) == kind(bindings[0].flow)]
    phones: dict[str, list[Binding]] = {}
    for number, binding in enumerate(like_the_best):
        phones.setdefault(binding.instance or str(number), []).append(binding)
    return tuple(Branch(flows[0].uri, tuple(binding.flow for binding in flows), flows[0].path, q=flows[0].q) for flows in phones.values())
