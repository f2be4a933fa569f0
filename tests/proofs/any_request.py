"""schemathesis reads the description and asks whatever it allows, and what it does not: every answer is as described, never a fault."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings

from config.settings import ControlSettings
from control_api.application import create_app
from control_api.tokens import TokenStore
from tests.control_api.desk import FakeDesk, call_model
from tests.control_api.serving import ANNA_TOKEN, TOKENS

desk = FakeDesk()
desk.put(call_model())
app = create_app(desk, TokenStore(TOKENS), ControlSettings(), lambda: b"", office=desk.office)
REFUSALS = ["400", "401", "403", "404", "405", "409", "413", "429", "5xx"]
"""How what is against the description may be answered: a body that is too long is one such thing."""
config = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})
schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app, config=config)


@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {ANNA_TOKEN}"})
