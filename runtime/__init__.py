"""Settings, metrics, logs, clock, files. Knows no other package."""
