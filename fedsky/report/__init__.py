"""Run folders -> statistics -> one page with plots and tables; needs neither torch nor flwr nor ray."""

from .page import write_report

__all__ = ["write_report"]
