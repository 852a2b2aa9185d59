"""De-identification of DICOM after PS3.15 Annex E, basic application level confidentiality profile.

The table below is stricter than the profile: whatever isn't in it is removed, so private tags, overlays, curves,
comments, descriptions and any tag that a later edition adds go without being named. Options taken of the profile:
clean structured content (a tag of coded words is kept only with a word of its vocabulary), retain longitudinal
temporal information with modified dates, retain patient characteristics (age and sex only).
https://dicom.nema.org/medical/dicom/current/output/chtml/part15/chapter_E.html
"""

import hashlib
import hmac
import math
import re
from collections.abc import Iterable
from datetime import date, timedelta

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, UID_dictionary

from medcore.readers.base import BODY_PARTS, MODALITIES, VIEWS, words
from medcore.readers.sequences import SEQUENCES, sequence

METHOD = "MedCore, after PS3.15 basic profile"
_IMPLEMENTATION = UID("2.25.329800735698586629295641978511506172918")
_SECONDARY_CAPTURE = UID("1.2.840.10008.5.1.4.1.1.7")

BLANK = words(  # Z: the standard wants the tag there; its value goes
    "PatientName PatientID PatientBirthDate AccessionNumber ReferringPhysicianName StudyID StudyTime"
)
REPLACED_UID = words(  # U: replaced by a keyed hash, so that files of one study still belong together
    "SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID"
)
SHIFTED_DATE = words(  # D: moved by the patient's secret offset; times of day go
    "StudyDate SeriesDate AcquisitionDate ContentDate AcquisitionDateTime"
)
NUMBER = words(  # K: numbers that say how to read the picture or the waveform, and where it lies
    "SamplesPerPixel PlanarConfiguration NumberOfFrames Rows Columns BitsAllocated BitsStored HighBit"
    " PixelRepresentation PixelAspectRatio PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing WindowCenter"
    " WindowWidth RescaleIntercept RescaleSlope PixelPaddingValue PixelPaddingRangeLimit SmallestImagePixelValue"
    " LargestImagePixelValue LossyImageCompressionRatio SeriesNumber InstanceNumber AcquisitionNumber"
    " ImagePositionPatient ImageOrientationPatient SliceThickness SpacingBetweenSlices SliceLocation"
    " EstimatedRadiographicMagnificationFactor PixelIntensityRelationshipSign KVP EchoTime RepetitionTime FlipAngle"
    " MagneticFieldStrength GantryDetectorTilt RedPaletteColorLookupTableDescriptor"
    " GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor LUTDescriptor LUTData"
    " NumberOfWaveformChannels NumberOfWaveformSamples SamplingFrequency WaveformBitsAllocated WaveformBitsStored"
    " ChannelSensitivity ChannelSensitivityCorrectionFactor ChannelBaseline ChannelSampleSkew ChannelTimeSkew"
    " FilterLowFrequency FilterHighFrequency NotchFilterFrequency MultiplexGroupTimeOffset InversionTime"
    " TemporalPositionIdentifier TemporalPositionIndex InStackPositionNumber EffectiveEchoTime DiffusionBValue"
)
BYTES = words(  # K: the picture and the waveform themselves
    "PixelData RedPaletteColorLookupTableData"
    " GreenPaletteColorLookupTableData BluePaletteColorLookupTableData WaveformData WaveformPaddingValue"
)
_YES_NO = words("YES NO")
_RELATION = words("LIN LOG DISP")
WORD: dict[str, frozenset[str]] = {  # K, only with words of the vocabulary
    "Modality": MODALITIES,
    "ConversionType": words("DV DI DF WSD SD SI DRW SYN"),
    "PatientSex": words("F M O"),
    "PhotometricInterpretation": frozenset(
        [*words("MONOCHROME1 MONOCHROME2 RGB YBR_FULL YBR_FULL_422 YBR_PARTIAL_420 YBR_ICT YBR_RCT"), "PALETTE COLOR"]
    ),
    "ViewPosition": VIEWS,
    "Laterality": words("L R B U"),
    "ImageLaterality": words("L R B U"),
    "BodyPartExamined": BODY_PARTS,
    "PatientPosition": words("HFP HFS HFDR HFDL FFP FFS FFDR FFDL LFP LFS RFP RFS AFDR AFDL PFDR PFDL"),
    "PatientOrientation": frozenset(f"{a}{b}".strip() for a in "APLRHF" for b in " APLRHF"),
    "ImageType": words(
        "ORIGINAL DERIVED PRIMARY SECONDARY AXIAL LOCALIZER OTHER M FFE MPR PROJECTION_IMAGE SINGLE P R I IP OP W F"
    ),
    "SeriesDescription": frozenset(SEQUENCES),
    "BurnedInAnnotation": _YES_NO,
    "LossyImageCompression": words("00 01"),
    "LossyImageCompressionMethod": words("ISO_10918_1 ISO_14495_1 ISO_15444_1 ISO_15444_15"),
    "PresentationLUTShape": words("IDENTITY INVERSE"),
    "PixelIntensityRelationship": _RELATION,
    "PresentationIntentType": frozenset(["FOR PRESENTATION", "FOR PROCESSING"]),
    "RescaleType": words("HU US OD"),
    "VOILUTFunction": words("LINEAR LINEAR_EXACT SIGMOID"),
    "WaveformOriginality": words("ORIGINAL DERIVED"),
    "WaveformSampleInterpretation": words("SB UB MB AB SS US SL UL"),
    "MultiplexGroupLabel": words("RHYTHM"),
}
NESTED = words(  # S: kept, each item after this same table
    "ModalityLUTSequence VOILUTSequence SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence"
    " PlanePositionSequence PlaneOrientationSequence PixelMeasuresSequence PixelValueTransformationSequence"
    " FrameVOILUTSequence FrameContentSequence MREchoSequence MRDiffusionSequence"
)

_NOBODY = frozenset(
    ["", "unknown", "anonymous", "anonymized", "anonymised", "none", "null", "n/a", "na", "nan", "?", "-", "."]
)
_NUMERIC = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_AGE = re.compile(r"(\d{3})([DWMY])")


def days(key: bytes, person: str) -> int:
    """By how many days this patient's dates move: -365 to 365, never 0; the same in every upload."""
    digest = hmac.new(key, f"days:{person}".encode(), hashlib.sha256).digest()
    shift = int.from_bytes(digest[:8], "big") % 730 - 365
    return shift if shift < 0 else shift + 1


def shifted(when: date | None, key: bytes, who: str | None) -> dict[str, str]:
    """The fact `acquired`: the date moved by this patient's offset. Nothing where there is none to move it by."""
    if when is None or not key or not who:
        return {}
    try:
        return {"acquired": (when + timedelta(days=days(key, who))).isoformat()}
    except OverflowError:
        return {}


def cleaned_before(dataset: Dataset) -> bool:
    """This is one of our own cleaned files: its dates have moved already."""
    return str(dataset.get("DeidentificationMethod", "")) == METHOD


def somebody(text: str) -> str | None:
    """What a file says of who the patient is; None where it is only what stands for nobody, as anonymisers write it:
    of two files that say "ANONYMOUS" nothing tells that they are one patient's."""
    text = text.strip()
    return None if all(w.strip("0").lower() in _NOBODY for w in re.split(r"[\s^]+", text)) else text


def person(dataset: Dataset) -> str | None:
    """PatientID with its issuer, else name and birth date; None where the file names nobody."""
    given = {
        k: str(dataset.get(k) or "").strip()
        for k in ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
    }
    if somebody(given["PatientID"]):
        return "|".join(filter(None, [given["PatientID"], given["IssuerOfPatientID"]]))
    if somebody(given["PatientName"]) and given["PatientBirthDate"]:
        return f"{given['PatientName']}|{given['PatientBirthDate']}"
    return None


def clean(dataset: Dataset, key: bytes, who: str | None) -> Dataset:
    """A new dataset that holds what the table keeps, with file meta information of our own.

    Dates go where nobody is named or there is no key: there is no offset to move them by.
    """
    shift = 0 if cleaned_before(dataset) else days(key, who) if key and who else None
    out = keep(dataset, key, shift)
    out.PatientAge = age(dataset)
    shows = sequence_of(dataset)
    if shows:
        out.SeriesDescription = shows
    for keyword in BLANK:
        setattr(out, keyword, "")
    known = UID(str(dataset.get("SOPClassUID") or ""))
    out.SOPClassUID = known if UID_dictionary.get(known, ("", ""))[1] == "SOP Class" else _SECONDARY_CAPTURE
    out.PatientIdentityRemoved = "YES"
    out.DeidentificationMethod = METHOD
    out.LongitudinalTemporalInformationModified = "REMOVED" if shift is None else "MODIFIED"
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        if keyword not in out:
            setattr(out, keyword, _uid(b"", keyword))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = out.SOPClassUID
    meta.MediaStorageSOPInstanceUID = out.SOPInstanceUID
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    meta.ImplementationClassUID = _IMPLEMENTATION
    out.file_meta = meta
    return out


def sequence_of(dataset: Dataset) -> str:
    """What an MR series shows, as one word of SEQUENCES; "" where that can't be told, and for what is no MR."""
    if str(dataset.get("Modality", "")) != "MR":
        return ""
    contrast = bool(str(dataset.get("ContrastBolusAgent") or "").strip())
    kind = dataset.get("ImageType") or ""
    said = [dataset.get("SeriesDescription"), dataset.get("AcquisitionContrast")]
    for group in dataset.get("SharedFunctionalGroupsSequence") or []:
        said += [item.get("AcquisitionContrast") for item in group.get("MRImageFrameTypeSequence") or []]
    said.append(kind if isinstance(kind, str) else " ".join(map(str, kind)))
    return next(filter(None, (sequence(str(text or ""), contrast) for text in said)), "")


def keep(dataset: Dataset, key: bytes = b"", shift: int | None = None) -> Dataset:
    """What the table keeps of one dataset or sequence item. A value that can't be read, or isn't of its kind, goes."""
    out = Dataset()
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset converts each element
        keyword = keyword_for_tag(tag)
        try:
            if keyword in BYTES or (keyword in NUMBER and _is_number(dataset[tag].value)):
                out[tag] = dataset[tag]
            elif keyword in WORD and (kept := _vocabulary(dataset[tag].value, WORD[keyword])):
                setattr(out, keyword, kept)
            elif keyword in REPLACED_UID and dataset[tag].value:
                setattr(out, keyword, dataset[tag].value if shift == 0 else _uid(key, str(dataset[tag].value)))
            elif keyword in SHIFTED_DATE and shift is not None and (moved := _date(dataset[tag].value, shift)):
                setattr(out, keyword, moved)
            elif keyword in NESTED:
                setattr(out, keyword, Sequence([keep(item, key, shift) for item in dataset[tag].value]))
        except Exception:  # whatever pydicom can't convert is not worth keeping
            continue
    return out


def _is_number(value: object) -> bool:
    """A number or a list of numbers; decimal strings count only when they are nothing but a number."""
    if isinstance(value, bytes):
        return True
    many = [value] if isinstance(value, str) or not isinstance(value, Iterable) else value
    found = [v for v in many if v is not None and v != ""]
    return bool(found) and all(_NUMERIC.fullmatch(str(v)) and math.isfinite(float(str(v))) for v in found)


def _vocabulary(value: object, allowed: frozenset[str]) -> list[str] | str | None:
    """The words that are known; None where there are none."""
    if isinstance(value, str):
        return value if value in allowed else None
    if isinstance(value, Iterable):
        return [w for w in map(str, value) if w in allowed] or None
    return None


def _uid(key: bytes, uid: str) -> str:
    """2.25 and 128 bits of a keyed hash."""
    return f"2.25.{int.from_bytes(hmac.new(key, f'uid:{uid}'.encode(), hashlib.sha256).digest()[:16], 'big')}"


def _date(value: object, shift: int) -> str | None:
    match = re.match(r"(\d{4})(\d\d)(\d\d)", str(value or ""))
    if match is None:
        return None
    return f"{date(int(match[1]), int(match[2]), int(match[3])) + timedelta(days=shift):%Y%m%d}"


def age(dataset: Dataset) -> str:
    """The patient's age as DICOM writes it, from the dates where no age is stated; above 89 years 090Y; "" unknown."""
    stated = _AGE.fullmatch(str(dataset.get("PatientAge") or "").strip())
    if stated and stated[0] != "000Y":  # what anonymisers write; a newborn's age is in days
        return "090Y" if stated[2] == "Y" and int(stated[1]) > 89 else stated[0]
    born, seen = (
        re.match(r"(\d{4})(\d\d)(\d\d)", str(dataset.get(k) or "")) for k in ("PatientBirthDate", "StudyDate")
    )
    if not born or not seen:
        return ""
    b, s = (tuple(map(int, m.groups())) for m in (born, seen))
    years = s[0] - b[0] - (s[1:] < b[1:])
    return f"{min(years, 90):03d}Y" if 0 <= years < 150 else ""
