"""One page of A4: the picture with its map, the answer and how sure it is, the reads, versions and hashes."""

import base64
import ctypes
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from html import escape
from typing import TYPE_CHECKING

from medcore.errors import Refused
from medcore.explain import METHODS
from medcore.export.picture import PAPER, draw, encoded
from medcore.export.report import MAKER, RESEARCH, Report, Said, score_words
from medcore.i18n import _, language, retold
from medcore.numbers import NBSP, number, percent, span
from medcore.outcomes import MultiClass, Outcome, Regression
from medcore.outcomes.wording import confidences, headline, mask_words, sentence, words_for
from medcore.settings import REPO

if TYPE_CHECKING:
    from weasyprint import Document

PICTURE_MM = (132, 112, 92, 72, 52)  # heights that are tried until everything stands on one page
MOST = 7  # rows of a table
PANGO = ("libpango-1.0.so.0", "libpango-1.0.dylib", "libpango-1.0-0.dll", "libpango-1.0-0")


@cache
def missing() -> Refused | None:
    """Why no PDF can be made here, or None."""
    for name in PANGO:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return None
    return Refused(
        _("A PDF needs the library Pango, which isn't installed here."),
        _("Install it (Debian: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0)."),
    )


def pdf(report: Report) -> bytes:
    """The page, tagged for screen readers (PDF/UA-1). Refused where Pango is missing."""
    refusal = missing()
    if refusal:
        raise refusal
    picture = base64.b64encode(encoded(draw(report, PAPER))).decode()
    for height in PICTURE_MM:
        document = _rendered(report, picture, height)
        if len(document.pages) == 1:
            break
    out: bytes = document.write_pdf(pdf_variant="pdf/ua-1")
    return out


def _rendered(report: Report, picture: str, height: int) -> "Document":
    from weasyprint import HTML, URLFetcher

    # Nothing is ever fetched: font and picture stand in the page itself.
    fetcher = URLFetcher(allowed_protocols=["data"], fail_on_errors=True)
    return HTML(string=_page(report, picture, height), url_fetcher=fetcher).render()


@cache
def _style() -> str:
    """The style sheet, our font in it."""
    font = base64.b64encode((REPO / "app" / "static" / "plex-sans.woff2").read_bytes()).decode()
    css = (REPO / "medcore" / "export" / "pdf.css").read_text()
    return css.replace("url(plex-sans.woff2)", f"url(data:font/woff2;base64,{font})")


def _page(report: Report, picture: str, height: int) -> str:
    question, made = _(report.task.question), report.made.isoformat(timespec="seconds")
    chips = [_("Simulated")] if report.simulated else []
    chips.append(_(RESEARCH))
    return (
        f'<!doctype html><html lang="{language.get()}"><head><meta charset="utf-8">'
        f"<title>{escape(f'{report.number}: {question}')}</title>"
        f'<meta name="author" content="{MAKER}"><meta name="description" content="{escape(_(RESEARCH))}">'
        f'<meta name="dcterms.created" content="{made}"><style>{_style()}</style></head><body>'
        f"<header><h1>{escape(question)}</h1><p>{''.join(f'<b>{escape(c)}</b>' for c in chips)}</p></header>"
        f"{_facts(_who(report))}"
        f'<figure><img style="max-height:{height}mm" alt="{escape(_picture_words(report))}" '
        f'src="data:image/png;base64,{picture}"><figcaption>{escape(_picture_words(report))}</figcaption></figure>'
        f'<div class="two"><section class="machine">{_answer(report)}</section>'
        f'<section><div class="human">{_reads(report.task.outcome, report.reads)}</div>{_moved(report)}</section></div>'
        f"<footer>{_facts(_provenance(report))}<p>{escape(_limits(report))}</p></footer></body></html>"
    )


def _facts(pairs: Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in pairs if v) + "</dl>"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _who(report: Report) -> list[tuple[str, str]]:
    sex = {"F": _("female"), "M": _("male"), "O": _("other")}.get(report.sex, "")
    age = "" if report.age_years is None else _("{n} y").format(n=number(report.age_years, 0))
    return [
        (_("Case"), report.number),
        (_("Patient (pseudonym)"), report.patient),
        (_("Age, sex"), ", ".join(v for v in (age, sex) if v)),
        (_("Received, UTC"), _time(report.received)),
        (_("Answered, UTC"), _time(report.answered)),
    ]


def _picture_words(report: Report) -> str:
    """What is seen, and how far to trust the map."""
    kind = next(iter(report.inputs.values())).kind
    what = {"image": _("The film."), "record": _("The record."), "volume": _("The slice that shows most of it.")}
    if kind == "signal":
        what["signal"] = _("The recording. Large squares: 0.2 s and 0.5 mV.")
    if kind == "image" and report.mask is not None:
        what["image"] = _("The film with what the model outlined.")
    why, said = report.why, [what.get(kind, "")]
    if why is None:
        return " ".join([*said, _("Without a map.")]).strip()
    title = words_for(report.task.outcome, why.label)
    said.append(_("What moved “{label}”, by {method}.").format(label=title, method=_(METHODS[why.method].title)))
    said.append(retold(why.baseline))
    if report.doubt:
        said.append(f"{_('Don’t rely on this map.')} {report.doubt}")
    elif why.gap is not None:
        said.append(_("The parts add up within {n} points of 100.").format(n=number(100 * why.gap, 1)))
    return " ".join(said).strip()


# the answer


def _answer(report: Report) -> str:
    answer, outcome = report.answer, report.task.outcome
    label = headline(outcome, answer.probabilities, answer.choice)
    score = answer.probabilities[label.name]
    low, high = answer.ranges.get(label.name, (score, score))
    head = f"<h2>{escape(_('Model’s answer'))}</h2>"
    head += f'<p class="said">{escape(_(label.title))}<span>{escape(score_words(report, label.name))}</span></p>'
    if isinstance(outcome, Regression):
        words = _("95 % range {range} {unit}.").format(range=span(low, high, 1), unit=outcome.unit)
        return f"{head}<p>{escape(words)}</p>{_remarks(report)}"
    cut = None if isinstance(outcome, MultiClass) else answer.thresholds.get(label.name)
    words = sentence(report.task.unit_noun, label.phrase, score, low, high)
    if label.name in answer.measures:
        words = mask_words(label, answer.measures[label.name], low, high)
    body = f"<p>{escape(words)}</p>"
    return f"{head}{_scale(score, low, high, cut)}{body}{_labels(report)}{_remarks(report)}"


def _scale(score: float, low: float, high: float, cut: float | None) -> str:
    """0 to 100: band = 95 % range, dot = score, tick = threshold."""
    tick = "" if cut is None else f'<i class="cut" style="left:{100 * cut:.1f}%"></i>'
    at = "" if cut is None else _("positive from {cut}").format(cut=percent(cut))
    return (
        f'<div class="scale"><i class="band" style="left:{100 * low:.1f}%;width:{100 * (high - low) + 0.4:.1f}%"></i>'
        f'<i class="dot" style="left:{100 * score:.1f}%"></i>{tick}</div>'
        f'<div class="ends"><span>0</span><span>{escape(at)}</span><span>100{NBSP}%</span></div>'
    )


def _labels(report: Report) -> str:
    """Each label with its range and threshold, the most probable first; and which can't be excluded."""
    answer, outcome = report.answer, report.task.outcome
    order = sorted(outcome.labels, key=lambda label: -answer.probabilities[label.name])
    rows, one_of_several = [], isinstance(outcome, MultiClass)  # the most probable of which is said, without thresholds
    for label in order[:MOST]:
        low, high = answer.ranges.get(label.name, (None, None))
        row = [_(label.title), percent(answer.probabilities[label.name]), f"{percent(low)} – {percent(high)}"]
        rows.append(row if one_of_several else [*row, percent(answer.thresholds.get(label.name))])
    heads = [_("Label"), _("Probability"), _("95 % range"), *([] if one_of_several else [_("Threshold")])]
    more = _("{n} more labels are less probable.").format(n=len(order) - MOST) if len(order) > MOST else ""
    names = ", ".join(_(label.title) for label in outcome.choices if label.name in answer.set)
    kept = _("Can’t be excluded at 5 %: {names}.").format(names=names) if names else ""
    return _table(heads, rows, "lrrr"[: len(heads)]) + "".join(
        f"<p>{escape(text)}</p>" for text in (more, kept) if text
    )


def _remarks(report: Report) -> str:
    """What to check, and what was not there."""
    answer = report.answer
    said = [retold(r) for r in report.remarks]
    if answer.unlike:
        said.append(
            _("{share} of the training patients were less unlike the others than this one.").format(
                share=percent(answer.unlike)
            )
        )
    if answer.wished:
        said.append(
            _("Not measured, and the answer would gain most from it: {names}.").format(names=", ".join(answer.wished))
        )
    return "".join(f'<p class="soft">{escape(text)}</p>' for text in said)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    def line(tag: str, row: Sequence[str]) -> str:
        return "".join(f'<{tag} class="{a}">{escape(v)}</{tag}>' for a, v in zip(align, row, strict=True))

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{line('th', heads)}</tr></thead><tbody>{body}</tbody></table>"


# the people


def _reads(outcome: Outcome, reads: Sequence[Said]) -> str:
    """First and final reads, the newest ones where there are many."""
    if not reads:
        return f"<h2>{escape(_('Reads'))}</h2><p>{escape(_('Nobody has read this case yet.'))}</p>"
    stages = {"first": _("First"), "final": _("Final")}
    rows = [(r.user, stages[r.stage], _said(outcome, r), _time(r.at)) for r in reads[-MOST:]]
    heads = (_("Reader"), _("Which read"), _("Said"), _("When, UTC"))
    return f"<h2>{escape(_('Reads'))}</h2>{_table(heads, rows, 'llll')}"


def _said(outcome: Outcome, read: Said) -> str:
    """The choice, how sure or whether it agrees, and with which version."""
    words = [words_for(outcome, read.choice, read.settled)]
    if read.confidence:
        words.append(confidences()[read.confidence].lower())
    if read.shown:
        words.append(_("an answer could be seen before"))
    if read.stage == "final":
        words.append({True: _("agrees"), False: _("differs"), None: ""}[read.agrees])
        words.append(read.package)
    return "; ".join(dict.fromkeys(w for w in words if w))


def _moved(report: Report) -> str:
    """What counted most, in words with shares."""
    why = report.why
    if why is None or not why.words or report.doubt:
        return ""
    kind = next(iter(report.inputs.values())).kind
    signed = kind == "record"
    rows = [
        (retold(what), number(100 * share, 0, signed=True) + f"{NBSP}%" if signed else percent(share))
        for what, share in why.words[:MOST]
    ]
    head = _("What moved the answer") if kind != "image" else _("Where the model looked")
    note = _("Attention shows what moved the score. It is not an outline of disease.")
    return f"<h2>{escape(head)}</h2>{_table((_('What'), _('Share')), rows, 'lr')}" + (
        "" if signed else f'<p class="soft">{escape(note)}</p>'
    )


def _provenance(report: Report) -> list[tuple[str, str]]:
    answer = report.answer
    versions = ", ".join(f"{name} {v}" for name, v in answer.versions.items())
    return [
        (_("Package"), answer.package),
        (_("SHA-256 of the package"), answer.package_hash),
        *((_("SHA-256 of the input “{name}”").format(name=name), sha) for name, sha in answer.inputs.items()),
        (_("Computed by"), f"{answer.device.upper()}, {versions}"),
        (_("Made, UTC"), _time(report.made)),
    ]


def _limits(report: Report) -> str:
    return f"{_(RESEARCH)} {_('Not for: {words}').format(words=_(report.task.not_for))}"
