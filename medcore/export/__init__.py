"""What leaves the house: one small file a format, each made of a `Report`, which names nobody."""

from medcore.export.report import Report, Said

__all__ = ["Report", "Said"]
