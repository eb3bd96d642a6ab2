"""Speed, memory and statistical efficiency, measured: one figure to a module, all printed by ``python -m benchmarks``.

Nothing here is a test: figures depend on the machine, so ratios are formed within one run. The tests only see to it
that every figure can be measured (``--quick``) and that both sides of a comparison model the same thing.
"""
