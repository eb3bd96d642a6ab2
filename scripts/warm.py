"""Compile the engine and every built-in rule, so that what runs afterwards starts at once.

Several processes that start together would each compile for themselves; this does it once, for continuous
integration and for images. It runs no model.

Usage::

    uv run python -m scripts.warm
"""

from __future__ import annotations

import sys
import time


def main() -> int:
    """Compile, and say how long it took and where the result lies."""
    begin = time.perf_counter()
    import sim.kernel  # noqa: F401  importing it compiles the loop
    from sim.engine.codes import HOOK_NAMES
    from sim.engine.jit import CACHE_DIR
    from sim.policies.rules import rules

    count = sum(len(rules(hook)) for hook in HOOK_NAMES)
    print(f"compiled the engine and {count} rules in {time.perf_counter() - begin:.1f} s ({CACHE_DIR.name})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
