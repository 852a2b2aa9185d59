"""The viewers: a film, an ECG on paper, a volume, a record as a table, and as sliders.

All view changes stay in the browser; a slider alone asks the server.
"""

from app.parts.viewers.canvas import ecg, film
from app.parts.viewers.record import record_table
from app.parts.viewers.sliders import Slider, sliders
from app.parts.viewers.volume import Series, volume

__all__ = ["Series", "Slider", "ecg", "film", "record_table", "sliders", "volume"]
