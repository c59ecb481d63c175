"""High-precision verification: every step's quantity measured on concrete networks, against its bound."""

from .run import StepReport, Verification, verify

__all__ = ["StepReport", "Verification", "verify"]
