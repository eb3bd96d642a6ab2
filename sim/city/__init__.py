"""The city: areas, roads, travel, people, ties and facilities; building a synthetic one and reading a real one.

It holds what is there before anything happens. It is not the demand (``sim.cases``), not the staff
(``sim.agents``) and has no clock. Submodules are imported on use, so that ``import sim.city`` stays light.
"""
