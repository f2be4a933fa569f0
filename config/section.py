"""What every table of the settings is made of: the base model and the bounds that keys share."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400 * 7)]
Rate = Annotated[float, Field(ge=0)]
Burst = Annotated[float, Field(ge=1)]
Security = Literal["auto", "refuse", "accept", "prefer", "require"]
"""SRTP: as "prefer" where signalling is private and else as "accept"; never; where the other side insists; where it can; always."""
SuiteName = Literal[
    "AES_CM_128_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32",
    "AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32",
]
"""A crypto suite of SRTP."""
CodecName = Literal["opus", "G722", "L16/16000", "L16/8000", "PCMU", "PCMA"]
AutoAnswer = Literal["answer-mode", "priv-answer-mode", "answer-after", "alert-autoanswer", "auto-answer", "ring-answer", "p-auto-answer"]
"""What makes a phone answer by itself: RFC 5373's header, one for those who may interrupt, and the vendors'."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
