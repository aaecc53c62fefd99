"""What all endpoints of an edge share: reading who asks, the way into the log, and requests over a limit."""

from starlette.types import Scope

from eventlog.port import LogUnavailable
from runtime import metrics
from runtime.logs import logger
from schemas.reasons import Reason
from tracker.edge import Edge
from tracker.http.recorder import Recorder
from tracker.http.request_metrics import route_of
from tracker.offers.program_index import CompiledProgram
from tracker.refusal import rejected
from tracker.rejected_event import rejected_event
from tracker.request.hit import Hit, Reading, read_hit

_log = logger("tracker")
_KIND_OF_ROUTE = {"click": "click", "impression": "impression", "postback": "conversion", "events": "event"}


class Desk:
    """One edge process, as its endpoints see it."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.settings = edge.settings
        self.recorder = Recorder(edge)
        self.truncate_ip = edge.settings.ip_privacy == "truncated"

    @property
    def program(self) -> CompiledProgram:
        """The program in force: read it once per request."""
        return self.edge.program.compiled

    def hit(self, scope: Scope, program: CompiledProgram, *, with_params: bool) -> Hit:
        """The request as a value. Without parameters it is only about the sender: no secret is in it."""
        bytes_max = self.settings.field_bytes_max
        reading = Reading(program.proxies, self.edge.keys.hash_secret, bytes_max, self.truncate_ip)
        return read_hit(scope, self.edge.clock.now_us(), reading, with_params=with_params)

    async def over_limit(self, scope: Scope, field: str) -> None:
        """Record a request over a limit: not what it carried, but that it came."""
        kind = _KIND_OF_ROUTE.get(route_of(scope["path"]))
        if kind is None:
            return
        program = self.program
        hit = self.hit(scope, program, with_params=False)
        refusal = rejected(Reason.TOO_LARGE, field, f"the {field} of the request is over its limit")
        event = rejected_event(kind, refusal, hit, {}, program)
        metrics.count("clew_hits_total", kind=kind, verdict=refusal.reason.value)
        try:
            await self.recorder.rejected((event,), key_of(hit))
        except LogUnavailable as error:
            _log.warning("refusal_unrecorded", field=field, error=str(error))


def key_of(hit: Hit) -> bytes:
    """Partition key of what has no id: it spreads, and one sender's hits stay together for a day."""
    return hit.ip_hash.to_bytes(8, "big")
