"""Charts as pure functions: data in, a :class:`~dashboards.charts.base.Chart` out.

Used by reports, exports and pages alike. Nothing here reads files, runs models or knows about a web page.
"""
