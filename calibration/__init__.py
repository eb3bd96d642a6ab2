"""What is learnt from runs and from data: which assumptions matter, and which numbers fit.

Lies above `scenarios`, which it runs, and below `dashboards`, which draws what it finds.
"""
