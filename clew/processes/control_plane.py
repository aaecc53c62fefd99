"""Start of Django in a process, common to pages, jobs and commands. Django is imported only where it is needed."""

from dataclasses import dataclass
from pathlib import Path

from control.address import ControlAddress, find_control_address
from control.configuration import Configuration, oidc_secrets, secret_key
from runtime.collector import no_collections
from runtime.engine_key import find_engine_key
from runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class ControlPlace:
    """Database of the control plane, and the data directory of this machine if it has one."""

    address: ControlAddress
    data: Path | None

    def start(self, settings: Settings, *, signs: bool, host: str = "", migrates: bool = True) -> None:
        """Set Django up, and bring the database up to this version unless told otherwise. Raises UserError."""
        key = secret_key(self.data, settings) if signs else ""
        with no_collections():
            from control.start import start_django

            engine_key = find_engine_key(self.data, settings) if signs else None
            secrets = oidc_secrets(settings) if signs else {}
            start_django(Configuration(self.address, settings, key, host, engine_key or "", secrets))
        if migrates:
            from control.migrate import migrate

            migrate(self.address)


def find_control_place(data: Path | None, control: str | None, settings: Settings) -> ControlPlace:
    """Find the control plane named by flags and environment. Raises UserError."""
    return ControlPlace(find_control_address(data, control, settings), data)
