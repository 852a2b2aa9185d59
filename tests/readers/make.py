"""Small files of each kind, made in memory."""

import io
import zipfile
from collections.abc import Callable, Iterable

import numpy as np
import openpyxl
from nibabel.nifti1 import Nifti1Image
from PIL import Image as Pillow
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from medcore.inputs import Image, Signal, Volume, sha256
from medcore.readers import Found, read
from medcore.readers import again as reopened

CR = "1.2.840.10008.5.1.4.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
SLICES = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4", "PT": "1.2.840.10008.5.1.4.1.1.128"}
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


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
    if isinstance(found.input, Volume):
        assert isinstance(again.input, Volume)
        for name in ("placed", "window", "padding"):
            assert getattr(again.input, name) == getattr(found.input, name)
        (short,) = reopened(found.files)
        assert sha256(short) == sha256(found.input)
    return found


def image(content: bytes) -> Image:
    found = one(content).input
    assert isinstance(found, Image)
    return found


def signal(content: bytes | dict[str, bytes]) -> Signal:
    found = one(content).input
    assert isinstance(found, Signal)
    return found


def volume(content: bytes | dict[str, bytes]) -> Volume:
    found = one(content).input
    assert isinstance(found, Volume)
    return found


def slice_of(pixels: np.ndarray, z: float, number: int = 1, modality: str = "MR", **tags: object) -> Dataset:
    """A slice that lies flat in the body at height `z` mm: pixels of 0.5 × 0.8 mm; `tags` by keyword, None to leave
    one out."""
    placed = {
        "Modality": modality,
        "SOPClassUID": SLICES[modality],
        "SOPInstanceUID": f"1.2.826.0.1.4.{number}.{round(100 * z) + 100_000}",
        "InstanceNumber": number,
        "ImagePositionPatient": [-10.0, -20.0, z],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [0.5, 0.8],
    }
    signed = {"PixelRepresentation": int(pixels.dtype.kind == "i"), "BitsStored": 16, "HighBit": 15}
    given = {**placed, **(signed if pixels.itemsize == 2 else {}), **tags}
    return film(pixels, **{k: v for k, v in given.items() if v is not None})


def stack(
    heights: Iterable[float] = (0, 2, 4, 6),
    modality: str = "MR",
    change: Callable[[int], dict[str, object]] | None = None,
) -> list[Dataset]:
    """Slices at these heights, the n-th filled with noise about 100 · n; `change`: tags of the n-th."""
    rng = np.random.default_rng(0)
    return [
        slice_of(
            rng.integers(100 * n, 100 * n + 90, (12, 10), np.uint16),
            z,
            n + 1,
            modality,
            **(change(n) if change else {}),
        )
        for n, z in enumerate(heights)
    ]


def files(datasets: Iterable[Dataset]) -> dict[str, bytes]:
    """The datasets as files whose names tell nothing of their order."""
    return {f"{hash((7, i)) % 997:03d}_{i}.dcm": part10(d) for i, d in enumerate(datasets)}


def frames(datasets: list[Dataset], modality: str = "MR") -> Dataset:
    """The same slices as one file of several frames, in the order given."""
    first = datasets[0]
    out = film(np.frombuffer(first.PixelData, np.uint16).reshape(12, 10))
    out.Modality, out.SOPClassUID, out.NumberOfFrames = modality, ENHANCED_MR, len(datasets)
    out.PixelData = b"".join(d.PixelData for d in datasets)
    measures, orientation = Dataset(), Dataset()
    measures.PixelSpacing, orientation.ImageOrientationPatient = first.PixelSpacing, first.ImageOrientationPatient
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    out.SharedFunctionalGroupsSequence = Sequence([shared])
    own = []
    for given in datasets:
        position, frame = Dataset(), Dataset()
        position.ImagePositionPatient = given.ImagePositionPatient
        frame.PlanePositionSequence = Sequence([position])
        own.append(frame)
    out.PerFrameFunctionalGroupsSequence = Sequence(own)
    return out


def nifti(values: np.ndarray, affine: np.ndarray | None = None, kind: type = Nifti1Image, **header: object) -> bytes:
    """A NIfTI file; `header` by nibabel's names."""
    affine = np.diag([2.0, 3.0, 4.0, 1.0]) if affine is None else affine
    content: bytes = kind(values, affine, dtype=values.dtype).to_bytes()
    # Into the bytes: nibabel would make what is written fit the affine.
    size = kind.header_class.sizeof_hdr
    given = kind.header_class(content[:size])
    for name, value in header.items():
        given[name] = value
    return given.binaryblock + content[size:]
