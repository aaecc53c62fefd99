"""Random SIGKILLs under load: `python -m tests.soak --kills 200`; the tests run it short."""
