"""`python -m loadtests [mixed|rate|console] [options]`; `--help` after the profile lists its options."""

import sys

from loadtests import console, mixed, open_loop

PROFILES = {"mixed": mixed.main, "rate": open_loop.main, "console": console.main}

if __name__ == "__main__":
    words = sys.argv[1:]
    profile = words.pop(0) if words and not words[0].startswith("-") else "mixed"
    if profile not in PROFILES:
        sys.exit(f"{profile} is not a profile; choose one of {', '.join(PROFILES)}")
    sys.exit(PROFILES[profile](words))
