"""Software prefetch. Pure: no result depends on it.

A scan reads the columns of a shard journey by journey, with gaps that the hardware prefetcher cannot predict. The
positions of later journeys are known long before they are read.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

AHEAD = 32
"""Journeys between the current one and the prefetched one: about 100 ns of work, the latency of memory."""

_READ, _KEEP, _DATA = 0, 3, 1
"""Arguments of llvm.prefetch: read access, highest locality, data cache."""


def prefetch(array: Any, index: int) -> None:
    """Prefetch the cache line of an element of a flat array. The index may be outside the array.

    In compiled code this is one instruction; in plain Python it does nothing.
    """


@overload(prefetch, inline="always", strict=False)
def _prefetch_overload(array: Any, index: Any) -> Any:
    return lambda array, index: _prefetch_instruction(array, index)  # type: ignore[call-arg]


@intrinsic
def _prefetch_instruction(typing_context: Any, array: Any, index: Any) -> Any:
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

    return types.void(array, index), code
