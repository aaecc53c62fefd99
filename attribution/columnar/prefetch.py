"""Asking the memory for what a loop reads soon. Pure: no result depends on it.

Columns of a shard are read in pieces, a journey each, with gaps between them that the processor does not foresee; the
places of later journeys are known, though, long before they are read.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

AHEAD = 32
"""Journeys between the one that is worked and the one that is asked for: some 100 ns of work, as memory takes."""

_READ, _KEEP, _DATA = 0, 3, 1
"""What llvm.prefetch is told: to read, into the nearest cache, data and no code."""


def prefetch(array: Any, place: int) -> None:
    """Ask for the line of the cache that has a place of a flat array; any place will do, also one outside it.

    Plain Python has nothing to ask; compiled code has one instruction.
    """


@overload(prefetch, inline="always", strict=False)
def _prefetch_overload(array: Any, place: Any) -> Any:
    return lambda array, place: _prefetch_instruction(array, place)  # type: ignore[call-arg]


@intrinsic
def _prefetch_instruction(typing_context: Any, array: Any, place: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = context.make_array(signature.args[0])(context, builder, arguments[0])
        line = builder.bitcast(builder.gep(held.data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [line.type, number, number, number])
        called = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            builder.module, kind, "llvm.prefetch.p0"
        )
        builder.call(called, [line, number(_READ), number(_KEEP), number(_DATA)])
        return context.get_dummy_value()

    return types.void(array, place), code
