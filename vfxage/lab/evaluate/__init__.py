"""Agers measured: age read, identity, where the change lies, steadiness, cost; as a report with contact sheets."""

from vfxage.lab.evaluate.report import write_report
from vfxage.lab.evaluate.run import Evaluation, Request, evaluate

__all__ = ["Evaluation", "Request", "evaluate", "write_report"]
