"""Columns and texts that look like a person's name, number, address or date."""

import re
from itertools import pairwise

from medcore.readers.base import words

PATIENT = re.compile(
    r"(patient|subject|person|pat|pt)?(id|ids|nbr|number|no|num|key|code)|patient|subject|person|mrn|pid"
    r"|(medicalrecord|hospital|nhs|unit|chart)(number|no|nbr|id)"
)
_BARE = words("id ids nbr number no num key code")
_NAMING = words(
    "name names firstname lastname surname forename givenname familyname fullname middlename initials dob birth"
    " birthdate birthday born address street city town zip zipcode postcode postal county phone telephone tel mobile"
    " fax email mail ssn insurance passport licence license plate mrn nhs account contact relative kin spouse mother"
    " father physician doctor clinician nurse provider accession date datetime timestamp url ip username login"
    " fingerprint photo patientname dateofbirth"
)
_NUMBERED = words(
    "patient subject person encounter visit case hospital admission hadm stay study record sample specimen order social"
    " security medical chart claim member beneficiary device serial pat pt row"
)
_CONTENT = re.compile(
    r"[\w.+-]+@[\w-]+\.\w"  # e-mail
    r"|https?://|www\."
    r"|(?<!\d)(19|20)\d\d[-/.](0?[1-9]|1[0-2])[-/.](0?[1-9]|[12]\d|3[01])(?!\d)"  # 2020-01-31
    r"|(?<!\d)(0?[1-9]|[12]\d|3[01])[-/.](0?[1-9]|[12]\d|3[01])[-/.](19|20)?\d\d(?![\d.])"  # 31/12/2020, 12/31/20
    r"|(?<!\d)\d{1,2}[- ](jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[- ,]+\d{2,4}"
    r"|(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)"  # social security number
    r"|\+\d[\d ()-]{6,}|\(\d{3,5}\) ?\d{3}|(?<![\d.])\d{3}[- ]\d{3}[- ]\d{4}(?!\d)",  # telephone
    re.IGNORECASE,
)


def _tokens(header: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return [t for t in re.split(r"[^a-z0-9]+", spaced.lower()) if t]


def is_patient_column(header: str) -> bool:
    """The column says whose row it is: patient, patient_id, PatientID, mrn, patient_nbr, subject_id …"""
    joined = "".join(_tokens(header))
    return joined not in _BARE and PATIENT.fullmatch(joined) is not None


def names_somebody(header: str) -> bool:
    """The column's name says that it holds a name, a number of a person or stay, an address or a date."""
    tokens = _tokens(header)
    if not tokens or holds_identity(header) or "".join(tokens) in _NAMING | _BARE:
        return True
    if set(tokens) & _NAMING:
        return True
    return any(a in _NUMBERED and b in _BARE for a, b in pairwise(tokens))


def holds_identity(text: str) -> bool:
    """The text holds an e-mail or web address, a date, a telephone or social security number."""
    return len(text) > 5 and _CONTENT.search(text) is not None
