"""Value types: money, currencies, durations, click ids, model names, timestamps."""
