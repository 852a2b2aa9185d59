"""The cases that the nets see alike to one, as a table."""

from app.parts import theme, words
from app.parts.answer import words_for
from app.parts.theme import Html, chip, e
from medcore.clinic import Neighbour, Neighbourhood
from medcore.i18n import _
from medcore.tasks import Task


def show(found: Neighbourhood, task: Task) -> None:
    """Reviewed cases, which can be opened, and training cases, of which no picture is kept; whether all are far."""
    theme.section(_("Similar cases"))
    if found.far:
        theme.warning(_("Nothing that it learnt from is like this case."), _("Give the answer less weight."))
    elif found.itself:
        theme.warning(_("It learnt from this very case."), _("Its answer says little about how it does on new ones."))
    if found.rows:
        heads = ["", _("Case"), _("Label"), _("Outcome"), _("Distance")]
        lines = [_line(i, row, task) for i, row in enumerate(found.rows, 1)]
        theme.table(heads, lines, align="rlllr", label=_("Similar cases"), wide=True)
    else:
        theme.hint(_("None yet: cases appear here when they have been reviewed."))
    if not found.learnt:
        theme.hint(_("The cases that this version learnt from are not kept with it."))
    elif found.rows:
        theme.hint(_("Alike by what the network sees. Two training cases at random lie about 1.4 apart."))
        theme.hint(_("Of training cases only label and source are kept, no picture and no values."))


def _line(rank: int, row: Neighbour, task: Task) -> tuple[object, ...]:
    if row.case_id is None:
        what: Html | str = _("Training case of {source}").format(source=row.source)
    else:
        what = words.case_link(row.case_id, row.number, task.name)
    if row.same_patient:
        what = Html(f"{e(what)} {chip(_('Same patient'), 'uncertain')}")
    said = [words_for(task.outcome, choice, settled=True) for choice in row.choices]
    ends = {"agreed": _("Agreed"), "corrected": _("Corrected"), "": "–"}
    return rank, what, " / ".join(said) or _("Can’t tell"), ends[row.outcome], _distance(row)


def _distance(row: Neighbour) -> str:
    """The number, with a word that holds it against how far training cases lie from their own nearest."""
    number = theme.number(row.distance, 2)
    if row.nearer is None:
        return number
    word = _("very near") if row.nearer <= 0.5 else _("near") if row.nearer <= 0.95 else _("further off")
    return f"{word}, {number}"
