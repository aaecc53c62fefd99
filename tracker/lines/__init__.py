"""Read and check lines of /v1/events."""
