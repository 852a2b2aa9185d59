"""Small files of each kind, made in memory."""

import io
import zipfile

import numpy as np
import openpyxl
from PIL import Image as Pillow
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from medcore.inputs import Image, Signal, sha256
from medcore.readers import Found, read

CR = "1.2.840.10008.5.1.4.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"


def dataset(sop_class: str = CR, syntax: UID = ExplicitVRLittleEndian) -> Dataset:
    out = Dataset()
    out.SOPClassUID, out.SOPInstanceUID = sop_class, "1.2.826.0.1.1"
    out.StudyInstanceUID, out.SeriesInstanceUID = "1.2.826.0.1.2", "1.2.826.0.1.3"
    out.PatientID, out.PatientName, out.StudyDate = "4711", "Muster^Erika", "20200229"
    out.file_meta = FileMetaDataset()
    out.file_meta.TransferSyntaxUID = syntax
    return out


def film(pixels: np.ndarray | None = None, **tags: object) -> Dataset:
    """A film of 12 bits; `tags` by keyword."""
    if pixels is None:
        pixels = np.arange(48 * 40, dtype=np.uint16).reshape(48, 40)
    out = dataset()
    out.Modality, out.PhotometricInterpretation = "CR", "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    out.Rows, out.Columns = pixels.shape[:2]
    out.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    if pixels.ndim == 3:
        out.PlanarConfiguration = 0
    out.BitsAllocated = 8 * pixels.itemsize
    out.BitsStored = 12 if pixels.itemsize == 2 else out.BitsAllocated
    out.HighBit, out.PixelRepresentation = out.BitsStored - 1, 0
    out.PixelData = pixels.tobytes()
    for keyword, value in tags.items():
        setattr(out, keyword, value)
    return out


def code(value: str, meaning: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "X", meaning
    return Sequence([item])


def ecg(leads: tuple[str, ...] = ("Lead I (Einthoven)", "Lead II"), n: int = 1000, units: str = "uV") -> Dataset:
    """A rhythm strip of 500 Hz, 2.5 units a step."""
    group = Dataset()
    group.WaveformOriginality, group.MultiplexGroupLabel = "ORIGINAL", "RHYTHM"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples, group.SamplingFrequency = len(leads), n, 500
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    channels = []
    for lead in leads:
        channel = Dataset()
        channel.ChannelSourceSequence = code("2:1", lead)
        channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor = 2.5, 1
        channel.ChannelSensitivityUnitsSequence = code(units, units)
        channel.ChannelBaseline, channel.WaveformBitsStored = 0, 16
        channels.append(channel)
    group.ChannelDefinitionSequence = Sequence(channels)
    group.WaveformData = np.arange(n * len(leads), dtype="<i2").tobytes()
    out = dataset(ECG)
    out.Modality, out.WaveformSequence = "ECG", Sequence([group])
    return out


def part10(given: Dataset) -> bytes:
    out = io.BytesIO()
    dcmwrite(out, given, enforce_file_format=True)
    return out.getvalue()


def picture(array: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(array).save(out, kind, **options)
    return out.getvalue()


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def wfdb(comments: str = "", n: int = 600) -> dict[str, bytes]:
    """A record of two leads in format 16, 1000 steps a mV, every 100th sample not recorded."""
    digital = np.stack([np.arange(n), -np.arange(n)], 1).astype("<i2")
    digital[::100] = -32768
    header = f"r1 2 200 {n}\nr1.dat 16 1000/mV 16 0 0 0 0 I\nr1.dat 16 1000/mV 16 0 0 0 0 II\n{comments}"
    return {"r1.hea": header.encode(), "r1.dat": digital.tobytes()}


def workbook(*sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def one(content: bytes | dict[str, bytes], key: bytes = b"secret") -> Found:
    """The only input in a file, after seeing that its cleaned files give the same again."""
    (found,) = read(content if isinstance(content, dict) else {"some file": content}, key)
    (again,) = read(found.files, key)
    assert sha256(again.input) == sha256(found.input)
    assert again.input.facts == found.input.facts
    assert again.person is None
    if isinstance(found.input, Image):
        assert isinstance(again.input, Image)
        for name in ("monochrome1", "spacing_mm", "bits", "window"):
            assert getattr(again.input, name) == getattr(found.input, name)
    return found


def image(content: bytes) -> Image:
    found = one(content).input
    assert isinstance(found, Image)
    return found


def signal(content: bytes | dict[str, bytes]) -> Signal:
    found = one(content).input
    assert isinstance(found, Signal)
    return found
