"""Which of a user's phones one INVITE rings: all that one offer can serve."""

from collections.abc import Callable, Sequence

from mediaserver.signalling.legs import is_browser
from sip.registrar import Binding
from sip.session.settings import Branch
from sip.transport.flow import Flow


def branches_of(bindings: Sequence[Binding], media_address: Callable[[str], str]) -> tuple[Branch, ...]:
    """The phones to ring, given best first.

    All get one offer, so they are like the best of them: browsers or not, and told the same address of ours for media.
    """

    def kind(flow: Flow) -> tuple[bool, str]:
        return is_browser(flow), media_address(flow.remote[0])

    return tuple(Branch(binding.uri, (binding.flow,), q=binding.q) for binding in bindings if kind(binding.flow) == kind(bindings[0].flow))
