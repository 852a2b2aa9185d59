"""The viewers: a film, an ECG on paper, a record as a table. All view changes stay in the browser."""

from app.parts.viewers.canvas import ecg, film
from app.parts.viewers.record import record_table

__all__ = ["ecg", "film", "record_table"]
