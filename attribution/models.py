"""Attribution models by name: each gives integer weights to the touches of journeys. Pure.

A weight is a small integer, so that money can follow it exactly; a touch that does not count weighs 0.
"""

from collections.abc import Mapping

from attribution.journeys import Journeys
from attribution.kernels import Ints, Weigh, last_click, linear

MODELS: Mapping[str, Weigh] = {"last_click": last_click, "linear": linear}
DEFAULT_MODEL = "last_click"


def weigh(model: str, journeys: Journeys) -> Ints:
    """Weights of one model for each place of the journeys. Raises KeyError for a model that there is not."""
    return MODELS[model](journeys.offsets, journeys.codes, journeys.precedence, journeys.named)
