"""What is said at signing in, and which request is which; the OpenAPI description is made from these too."""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import ConfigDict, Field, model_validator

from config.identities import CALLBACK
from control_api.messages import DoneResult, Message, Name

Secret = Annotated[str, Field(min_length=1, max_length=1024)]


class SignIn(Message):
    """Sign in with a password, or with a token of an issuer."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["name", "password"], "properties": {"name": {"type": "string"}, "password": {"type": "string"}}},
                {"required": ["token"], "properties": {"token": {"type": "string"}}},
            ]
        }
    )

    tenant: Name = "default"
    name: Name | None = None
    password: Secret | None = None
    token: Annotated[str, Field(min_length=1, max_length=16_384)] | None = None
    """A signed token (JWT) of a configured OpenID issuer."""
    cookie: bool = False
    """What renews the session goes into a cookie."""

    @model_validator(mode="after")
    def _says_who(self) -> "SignIn":
        if self.token is None and (self.name is None or self.password is None):
            raise ValueError("give name and password, or token")
        return self


class UseLink(Message):
    """Enter by a listen-in link; it is good once."""

    token: Secret


class Renew(Message):
    """Renew a session: a new access token."""

    renewal: Secret | None = None
    """What signing in gave, or the last renewal; left out where a cookie holds it."""


class SignOut(Message):
    """End the session of the access token, or of the cookie, and the supervision that goes on by it."""


class OfferedResult(Message):
    """How one can sign in."""

    password: bool
    issuers: tuple[str, ...]
    """What the OpenID issuers are called whose tokens are taken."""
    redirects: tuple[str, ...] = ()
    """Those of them at whose own page one can sign in, by `/v1/sign-in/issuer?name=`."""


class GrantedResult(Message):
    """A session. The access token is good for every request and for the websocket."""

    access: str
    expires_in: float
    """Seconds for which the access token is good."""
    session: str
    identity: str
    tenant: str
    csrf: str
    """To be sent in the header X-CSRF-Token beside the cookie."""
    renewal: str | None = None
    """What renews the session, once; not there where a cookie holds it, or nothing does."""


@dataclass(frozen=True, slots=True)
class Door:
    """One request."""

    method: str
    path: str
    name: str
    """Of the operation, and of the method of `control_api.signing_in.routes.Doors` that answers."""
    result: type[Message] | None = None
    """None: a browser is sent on."""
    request: type[Message] | None = None
    summary: str = ""
    """Where no model has it."""
    query: tuple[tuple[str, str], ...] = ()
    """What the address says behind the question mark, and what that means."""


DOORS: Final = (
    Door("GET", "/v1/sign-in", "offered", OfferedResult),
    Door("POST", "/v1/sign-in", "sign_in", GrantedResult, SignIn),
    Door("POST", "/v1/sign-in/link", "use_link", GrantedResult, UseLink),
    Door("POST", "/v1/sign-in/renew", "renew", GrantedResult, Renew),
    Door(
        "GET",
        "/v1/sign-in/issuer",
        "depart",
        summary="Sign in at an issuer's own page: the browser is sent there.",
        query=(("name", "What the issuer is called in the configuration."),),
    ),
    Door(
        "GET",
        CALLBACK,
        "arrive",
        summary="Where issuers send browsers back to; it leads to the console, with a session or with why there is none.",
        query=(
            ("state", "As it was given on the way there."),
            ("code", "What is exchanged for who came."),
            ("error", "Why there is no code."),
            ("iss", "Who sends the browser back (RFC 9207)."),
        ),
    ),
    Door("POST", "/v1/sign-out", "sign_out", DoneResult, SignOut),
)
