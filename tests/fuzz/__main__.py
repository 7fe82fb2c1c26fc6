"""``python -m tests.fuzz N [--seed S]``: check N random programs and print those that fail."""

from __future__ import annotations

import argparse
import collections
import sys
import time
import traceback
import warnings

import dualdiff as dd
from tests.fuzz.programs import Program, check


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1000, help="programs to run")
    parser.add_argument("--seed", type=int, default=None, help="the first seed (by the clock)")
    options = parser.parse_args()
    first = int(time.time()) * 1000 if options.seed is None else options.seed
    print(f"seeds {first} to {first + options.count - 1}", flush=True)
    warnings.simplefilter("ignore")
    dd.config(independence=False)
    kinds: collections.Counter[str] = collections.Counter()
    for seed in range(first, first + options.count):
        try:
            kinds[check(seed)] += 1
        except KeyboardInterrupt:
            print(f"stopped at seed {seed}")
            break
        except Exception as error:
            kinds["failed"] += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            text = " ".join(str(error).split())[:300]
            print(f"seed {seed} {Program(seed).names}: {type(error).__name__}: {text} "
                  f"({last.filename.rsplit('/', 1)[-1]}:{last.lineno})", flush=True)  # fmt: skip
    print(dict(kinds))
    return 1 if kinds["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
