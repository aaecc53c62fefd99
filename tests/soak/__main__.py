"""`python -m tests.soak --kills N [--seed S]`."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.soak.run import soak


def main() -> int:
    parser = argparse.ArgumentParser(description="Random SIGKILLs of edge, engine, parent and all, under load.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the data directory")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clew-soak-"))
    say = lambda text: sys.stderr.write(text + "\n")  # noqa: E731
    result = soak(folder, options.kills, options.seed, say)
    verdict, answered = result.verdict, result.answered
    sys.stdout.write(
        f"killed {result.kills.total()} {dict(result.kills)} in {result.seconds:.0f} s\n"
        f"requests {answered.requests}, unanswered {answered.unanswered}, refused {answered.refused}\n"
        f"acknowledged {verdict.acknowledged}: {len(answered.clicks)} clicks, {len(answered.event_clicks)} batch "
        f"clicks, {len(answered.conversions)} conversions\n"
        f"lost {verdict.lost}, doubled {verdict.doubled}, audit and money {'ok' if verdict.ok else 'FAILED'}\n"
    )
    for line in verdict.found:
        sys.stdout.write(f"  {line}\n")
    if not options.keep and verdict.ok:
        shutil.rmtree(folder)
    else:
        sys.stdout.write(f"data kept in {folder}\n")
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
