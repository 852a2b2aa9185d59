"""Quality of an input, told before anybody reads it: each remark is one sentence that says what to do."""

from medcore.i18n import _
from medcore.inputs import Image, Input, Signal
from medcore.measure import film
from medcore.measure.leads import Trace, einthoven_mv, look, millivolt_rows, swapped

MIN_RATE_HZ = 50
EINTHOVEN_MV = 0.1


def remarks(given: Input) -> tuple[str, ...]:
    """What is to be checked of an input; () where nothing was found, or where it is of a kind that isn't looked at."""
    if isinstance(given, Signal):
        return tuple(of_ecg(given))
    if isinstance(given, Image):
        return tuple(of_film(given))
    return ()


def of_ecg(given: Signal) -> list[str]:
    """Flat leads, electrodes off, noise, cables swapped, leads that contradict each other."""
    rows = millivolt_rows(given)
    if not rows or given.rate_hz < MIN_RATE_HZ or given.seconds < 2:
        return []
    looks = {name: look(given.samples[row], given.rate_hz) for name, row in rows.items()}
    out = [*_flat(looks), *_off(looks, given.seconds)]
    noisy = [n for n, trace in looks.items() if trace.noisy and not trace.flat]
    if noisy:
        out.append(
            _("Noise or movement hides part of {leads}: record it again if the question hangs on it.").format(
                leads=_names(noisy, len(rows))
            )
        )
    return [*out, *_limbs(given)]


def _names(leads: list[str], of: int) -> str:
    if len(leads) == of > 1:
        return _("all leads")
    return (_("lead {name}") if len(leads) == 1 else _("leads {name}")).format(name=", ".join(leads))


def _flat(looks: dict[str, Trace]) -> list[str]:
    flat = [n for n, trace in looks.items() if trace.flat]
    if not flat:
        return []
    return [
        _("Nothing moves in {leads}: check the electrode, and don't read anything from it.").format(
            leads=_names(flat, len(looks))
        )
    ]


def _off(looks: dict[str, Trace], seconds: float) -> list[str]:
    off = [n for n, t in looks.items() if not t.flat and (t.off_seconds >= 1 or (1 - t.recorded) * seconds >= 1)]
    if not off:
        return []
    return [
        _("For a second or more nothing was recorded in {leads}: check the electrode, and read the rest only.").format(
            leads=_names(off, len(looks))
        )
    ]


def _limbs(given: Signal) -> list[str]:
    swap = swapped(given)
    if swap == "arms":
        return [
            _(
                "Lead I is upside down against V6: the arm cables may be swapped (or the heart lies on the right);"
                " check them and record again."
            )
        ]
    if swap:
        lead = "II" if swap == "right arm and leg" else "III"
        return [
            _("Lead {lead} is nearly flat: an arm cable may be swapped with the right leg's; check them.").format(
                lead=lead
            )
        ]
    rest = einthoven_mv(given)
    if rest is not None and rest > EINTHOVEN_MV:
        return [
            _("Leads I, II and III contradict each other by {mv:.2f} mV: check their names and source.").format(mv=rest)
        ]
    return []


def of_film(given: Image) -> list[str]:
    """A film turned, inverted, cut, photographed from a screen, or taken from the side without saying so."""
    seen = film.look(given)
    if seen is None:
        return []
    out = []
    if seen.turned:
        out.append(_("The film looks turned by {angle}°: check it, and upload it upright.").format(angle=seen.turned))
    if seen.inverted:
        out.append(_("The film looks inverted, with dark bones: check its export, as it is read as it is stored."))
    if seen.cut:
        out.append(_("Part of the chest seems to be cut off: upload the whole film if there is one."))
    if seen.photographed:
        out.append(_("This looks like a photograph of a screen or a print: upload the file itself."))
    if seen.lateral:
        out.append(
            _(
                "The film names no view and doesn't look like a frontal chest film: check whether it was taken from the"
                " side."
            )
        )
    return out
