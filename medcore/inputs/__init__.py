"""What is seen of a patient, in native units, and the fields by which tasks take it."""

from medcore.inputs.base import Field, GridField, Input, joined, parts_of, sha256
from medcore.inputs.image import Image, ImageField
from medcore.inputs.outlines import Outlines
from medcore.inputs.record import Column, Record, RecordField
from medcore.inputs.signal import Signal, SignalField
from medcore.inputs.volume import Volume
from medcore.inputs.volume_field import VolumeField

KINDS: dict[str, type[Input]] = {
    "record": Record,
    "image": Image,
    "signal": Signal,
    "volume": Volume,
    "outlines": Outlines,
}

__all__ = [
    "KINDS",
    "Column",
    "Field",
    "GridField",
    "Image",
    "ImageField",
    "Input",
    "Outlines",
    "Record",
    "RecordField",
    "Signal",
    "SignalField",
    "Volume",
    "VolumeField",
    "joined",
    "parts_of",
    "sha256",
]
