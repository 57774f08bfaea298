"""Every test here draws as the report does: in the house style."""

from tests.report.figures.conftest import style

__all__ = ["style"]
