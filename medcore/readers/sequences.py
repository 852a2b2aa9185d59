"""What an MR sequence shows, in words of a short list: of a description or a file name nothing else is kept."""

import re

from medcore.i18n import N_

SEQUENCES = ("T1", N_("T1 post-contrast"), "T2", "T2*", "FLAIR", "PD", "DWI", "ADC", "SWI")
_BEGIN = r"(?<![a-z0-9])"
_KNOWN = (  # the first that fits
    ("ADC", rf"{_BEGIN}(e?adc(?![a-z])|apparent)"),
    ("DWI", rf"{_BEGIN}(dwi|dti|trace|resolve|diff)"),
    ("SWI", rf"{_BEGIN}(swi|swan|suscept)"),
    ("T1", rf"{_BEGIN}(t1(?!\d)|mp2?rage|f?spgr|bravo|gd|gad)"),
    ("FLAIR", rf"flair|fluid.?atten|dark.?fluid|{_BEGIN}tirm"),
    ("T2*", rf"{_BEGIN}(t2(\*|_?star)|hemo|gre(?![a-z]))"),
    ("T2", rf"{_BEGIN}t2(?!\d)"),
    ("PD", rf"{_BEGIN}(pd(w|fs)?(?![a-z])|proton)"),
)
_AFTER_CONTRAST = re.compile(
    rf"{_BEGIN}(t1(w|_|-)?(ce|gd|c|post|km)(?![a-z])|post|gd|gad\w*|ce|km|contrast|enhanced)(?![a-z])|\+ ?(c|gd|km)\b"
)
_NO_CONTRAST = re.compile(rf"{_BEGIN}(pre|non|no|without|w/?o)(?![a-z])")


def sequence(text: str, contrast: bool = False) -> str:
    """The word of SEQUENCES that fits a description best, "" where none does.

    contrast: a contrast agent was given, whatever the text says
    """
    plain = text.lower()
    name = next((name for name, pattern in _KNOWN if re.search(pattern, plain)), "")
    if name == "T1" and (contrast or (_AFTER_CONTRAST.search(plain) and not _NO_CONTRAST.search(plain))):
        return "T1 post-contrast"
    return name


def apart_from_sequence(text: str) -> str:
    """The text without the words that `sequence` goes by: equal for "a_t1.nii", "a_t1ce.nii" and "a_FLAIR.nii"."""
    plain = text.lower()
    for pattern in (*(p for _name, p in _KNOWN), _AFTER_CONTRAST.pattern, _NO_CONTRAST.pattern, rf"{_BEGIN}w(?![a-z])"):
        plain = re.sub(pattern, "", plain)
    return re.sub(r"[^a-z0-9]+", " ", plain).strip()
