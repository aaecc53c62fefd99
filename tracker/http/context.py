"""Common part of all endpoints of an edge: read the sender, append to the log, record requests over a limit."""

from starlette.types import Scope

from eventlog.port import LogUnavailable
from runtime import metrics
from runtime.logs import Throttled, logger
from schemas.reasons import Reason
from schemas.values.ids import AbsentIds
from tracker.edge import EdgeDependencies
from tracker.http.recorder import Recorder
from tracker.http.routes import route_of
from tracker.offers.program_index import ProgramIndex
from tracker.refusal import rejected
from tracker.rejected_event import rejected_event
from tracker.request.hit import Hit, HitSettings, read_hit

_log = Throttled(logger("tracker"))
_OVER_A_LIMIT = frozenset({"url", "headers", "body", "lines"})


class EdgeContext:
    """Dependencies and settings of one edge process, for its endpoints."""

    def __init__(self, edge: EdgeDependencies) -> None:
        self.edge = edge
        self.settings = edge.settings
        self.recorder = Recorder(edge)
        self.truncate_ip = edge.settings.ip_privacy == "truncated"
        self.absent = AbsentIds(edge.settings.absent_ids, addresses=self.truncate_ip)
        self._reading = self._settings_of(self.program)

    @property
    def program(self) -> ProgramIndex:
        """The current program. Read it once per request."""
        return self.edge.program.compiled

    def hit(self, scope: Scope, program: ProgramIndex, *, with_params: bool) -> Hit:
        """Read the request. Without parameters, the result describes only the sender and has no secret."""
        if self._reading.proxies is not program.proxies:
            self._reading = self._settings_of(program)
        return read_hit(scope, self.edge.clock.now_us(), self._reading, with_params=with_params)

    def _settings_of(self, program: ProgramIndex) -> HitSettings:
        bytes_max = self.settings.field_bytes_max
        return HitSettings(program.proxies, self.edge.keys.hash_secret, bytes_max, self.truncate_ip)

    async def refused_while_read(self, scope: Scope, field: str) -> None:
        """Record a request that was refused before it was read completely, without its content."""
        kind = route_of(scope["path"]).kind
        if not kind:
            return
        program = self.program
        hit = self.hit(scope, program, with_params=False)
        if field in _OVER_A_LIMIT:
            refusal = rejected(Reason.TOO_LARGE, field, f"the {field} of the request is over its limit")
        else:
            refusal = rejected(Reason.MALFORMED, field, "the request does not follow HTTP/1.1")
        event = rejected_event(kind, refusal, hit, {}, program)
        metrics.count("clew_hits_total", kind=kind, verdict=refusal.reason.value)
        try:
            await self.recorder.rejected((event,), key_of(hit))
        except LogUnavailable as error:
            _log.warning("refusal_unrecorded", field=field, error=str(error))


def key_of(hit: Hit) -> bytes:
    """Return the partition key of an event without an id: spread, with one sender's hits of a day together."""
    return hit.ip_hash.to_bytes(8, "big")
