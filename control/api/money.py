"""Amounts in the API."""

from ninja import Schema
from pydantic import ConfigDict, Field


class Money(Schema):
    """An amount."""

    model_config = ConfigDict(extra="forbid")

    amount: str = Field(max_length=32)
    currency: str = Field(max_length=3)
