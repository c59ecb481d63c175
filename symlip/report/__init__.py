"""Reports: a derivation as LaTeX, as a notebook display, as a figure."""

from .document import notebook_html, notebook_latex, render

__all__ = ["notebook_html", "notebook_latex", "render"]
