"""What every reader gives back, the limits that all keep, and the facts that name nobody."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Input
from medcore.readers.sequences import SEQUENCES

MAX_DECODED = 512 * 2**20
"""Bytes that one input may have when decoded; a header that claims more is refused before memory is taken."""


@dataclass(frozen=True)
class Found:
    """One input found in what was uploaded.

    input: what it shows, with facts that name nobody
    files: cleaned files under neutral names, from which `read` gives the same input again
    person: what identifies the patient (PatientID, patient column), for a keyed hash; None where the file names
        nobody. In memory only: never stored, logged or shown.
    remarks: sentences for the reader of the case
    case: label for the command line's JSON, made from the local file's name; never stored
    """

    input: Input
    files: dict[str, bytes] = field(repr=False)
    person: str | None = field(default=None, repr=False)
    remarks: tuple[str, ...] = ()
    case: str = field(default="", repr=False)


@dataclass(frozen=True)
class Refusal:
    """A file that gave nothing.

    name: as uploaded (for an entry of a ZIP with its folder), to show to the one who uploaded it; never stored
    foreign: it is of a kind that no reader takes, rather than damaged
    """

    name: str = field(repr=False)
    error: Refused
    foreign: bool = False
    packed: bool = False


@dataclass(frozen=True)
class Reading:
    """All that was found in an upload, and what was not taken."""

    found: tuple[Found, ...]
    refused: tuple[Refusal, ...]

    def all(self) -> list[Found]:
        """Everything found. Raises the first refusal; only a foreign file beside others in a ZIP is passed over."""
        for refusal in self.refused:
            if not (self.found and refusal.foreign and refusal.packed):
                raise refusal.error
        return list(self.found)


def check_size(decoded: int) -> None:
    """Refuse what would take more than `MAX_DECODED` bytes."""
    if decoded > MAX_DECODED:
        raise Refused(
            _("The header claims {size:,.0f} MB of values; at most {limit:,.0f} MB are read.").format(
                size=decoded / 2**20, limit=MAX_DECODED / 2**20
            ),
            _("Export a smaller picture or a shorter strip; if it should be small, the header is damaged."),
        )


def no_memory() -> Refused:
    return Refused(
        _("Reading the upload needs more memory than is allowed."), _("Upload fewer or smaller files at a time.")
    )


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODALITIES = words(
    "AR AS ASMT AU BDUS BI BMD CD CF CP CR CS CT DD DF DG DM DOC DS DX EC ECG EEG EMG EOG EPS ES FA FID FS GM HC HD IO"
    " IOL IVOCT IVUS KER KO LEN LP LS MA MG MR MS NM OAM OCT OP OPM OPR OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT"
    " PX REG RESP RF RG RTDOSE RTIMAGE RTPLAN RTRECORD RTSTRUCT RWV SC SEG SM SMR SR SRF ST STAIN TG TEXTUREMAP US VA"
    " VF VL XA XC"
)
VIEWS = words("AP PA LL RL LLD RLD LLO RLO LAT LATERAL CC MLO ML LM XCCL XCCM FB SIO LMO ISO")
BODY_PARTS = words(
    "ABDOMEN ABDOMENPELVIS ADRENAL ANKLE AORTA ARM BLADDER BRAIN BREAST BRONCHUS CALF CAROTID CEREBELLUM CHEST"
    " CHESTABDOMEN CHESTABDPELVIS CLAVICLE COCCYX COLON CSPINE ELBOW ESOPHAGUS EXTREMITY EYE FEMUR FINGER FOOT HAND"
    " HEAD HEADNECK HEART HIP HUMERUS ILEUM JAW KIDNEY KNEE LEG LIVER LSPINE LUNG MAXILLA MEDIASTINUM MOUTH NECK NOSE"
    " ORBIT OVARY PANCREAS PATELLA PELVIS PROSTATE RIB SHOULDER SKULL SPINE SPLEEN STERNUM STOMACH SSPINE TESTIS THIGH"
    " THORAX THYROID TIBIA TOE TSPINE UTERUS WHOLEBODY WRIST ZYGOMA"
)
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,17})?(e[-+]?\d{1,3})?")
_SEQUENCE = "(" + "|".join(map(re.escape, SEQUENCES)) + ")"
_FACTS: Mapping[str, frozenset[str] | re.Pattern[str]] = {
    "modality": MODALITIES,
    "view": VIEWS,
    "laterality": words("L R B U"),
    "body_part": BODY_PARTS,
    "age_years": re.compile(r"\d{1,3}(\.\d{1,2})?"),
    "sex": words("F M O"),
    "acquired": re.compile(r"\d{4}-\d\d-\d\d"),
    "simulated": words("yes"),
    "sequence": re.compile(rf"{_SEQUENCE}(, {_SEQUENCE}){{0,7}}"),
    "rescale_slope": _NUMBER,
    "rescale_intercept": _NUMBER,
}


def clean_facts(facts: Mapping[str, str]) -> dict[str, str]:
    """The facts whose key and value are of a known vocabulary; anything else could name somebody and is left out."""
    kept = {}
    for name, allowed in _FACTS.items():
        value = facts.get(name, "")
        if value and (value in allowed if isinstance(allowed, frozenset) else allowed.fullmatch(value)):
            kept[name] = value
    return kept


def age_fact(years: float) -> str:
    """An age as the fact `age_years`; all above 89 are one group, as they would single people out."""
    return "90" if years > 89 else f"{years:.2f}".rstrip("0").rstrip(".")


def sex_fact(text: str) -> str:
    """F, M, O or "" from what tables and headers write."""
    return {"f": "F", "female": "F", "w": "F", "woman": "F", "m": "M", "male": "M", "man": "M", "o": "O"}.get(
        text.strip().lower(), ""
    )


def voltage(unit: str) -> tuple[str, float]:
    """A unit's usual name and the factor to it: µV and nV become mV, other units stay."""
    plain = unit.strip().lower().replace("\u00b5", "u").replace("\u03bc", "u")  # micro sign, Greek mu
    small = {"uv": 1e-3, "nv": 1e-6, "mv": 1.0}.get(plain)
    return ("mV", small) if small else (unit.strip(), 1.0)


def unique(remarks: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(r for r in remarks if r))
