"""The viewers: a film, an ECG on paper, a volume, a record as a table. All view changes stay in the browser."""

from app.parts.viewers.canvas import ecg, film
from app.parts.viewers.record import record_table
from app.parts.viewers.volume import Series, volume

__all__ = ["Series", "ecg", "film", "record_table", "volume"]
