"""Client of the engine: reports, conversions, explanations and problems, over its HTTP API."""
