"""Reports: one self-contained HTML page that answers the question of a study."""

from dashboards.report.write import write_report

__all__ = ["write_report"]
