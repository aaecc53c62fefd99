"""Base of a section of settings: frozen, without unknown names and negative numbers."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import BaseModel, ConfigDict, field_validator


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*")
    @classmethod
    def _not_negative(cls, value: object) -> object:
        """Refuse negative numbers: no setting accepts them."""
        if isinstance(value, int) and value < 0:
            raise ValueError("must not be negative")
        return value


def parse_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Parse networks that are separated by commas. Raises ValueError."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
