"""The blocks of the answer rail: your read, the model's answer, what moved it, your decision.

Each takes plain values and draws; those that a person acts in return what the person did.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from app.parts import theme
from app.parts.theme import NBSP, Html, chip, e, number, percent
from medcore.i18n import _, retold
from medcore.outcomes import Label, MultiClass, MultiLabel, Outcome, Regression
from medcore.outcomes.wording import confidences, headline, mask_words, sentence, words_for

if TYPE_CHECKING:
    from medcore.learn.predict import Answer

CANT_TELL = ""
SENTENCE_END = re.compile(r"(?<=\.) |(?<=。)(?=.)")
MOSTLY = 0.5  # from this share outside the lungs on a map is marked
ODD = 0.9
"""Unlike-training score from which it is remarked on."""


@dataclass(frozen=True)
class Given:
    """A first read. choice: a label's name, "" for can't tell; confidence: 1 (a guess) to 4 (certain)."""

    choice: str
    confidence: int | None
    comment: str


@dataclass(frozen=True)
class Decision:
    """A final read. agrees: None for can't tell, and where the answer is withheld; choice: what the person holds to be
    right, "" for can't tell, and with `agrees` for none of several labels."""

    agrees: bool | None
    choice: str
    comment: str


def choose(outcome: Outcome, key: str, label: str, cant_tell: bool = True) -> str | None:
    """Lets a person pick one of the outcome's choices, or several where it has several labels; None while nothing is
    picked. "" is can't tell; without `cant_tell` it is none of several labels. A label picked beside it counts."""
    if isinstance(outcome, Regression):
        value = st.number_input(f"{label}, {outcome.unit}", value=None, key=key)
        return None if value is None else f"{value:g}"
    titles = {c.name: _(c.title) for c in outcome.choices}
    if isinstance(outcome, MultiLabel):
        titles[CANT_TELL] = _("Can’t tell") if cant_tell else _("None of them")
        picked = st.pills(label, list(titles), format_func=titles.__getitem__, selection_mode="multi", key=key)
        return "+".join(n for n in titles if n and n in picked) if picked else None
    if cant_tell:
        titles[CANT_TELL] = _("Can’t tell")
    if max(map(len, titles.values())) <= 15 and len(titles) <= 3:
        return st.segmented_control(
            label, list(titles), format_func=titles.__getitem__, key=key, width="stretch", label_visibility="collapsed"
        )
    return st.radio(
        label, list(titles), index=None, format_func=titles.__getitem__, key=key, label_visibility="collapsed"
    )


def read_form(question: str, outcome: Outcome, *, key: str) -> Given | None:
    """The reader's own read, before anything of the model's is sent. Returns it when it is locked."""
    head = f'<div class="who"><i></i>{e(_("Your read"))}</div>'
    theme.html(f'<div class="say">{head}<div class="ask">{e(_(question))}</div></div>')
    choice = choose(outcome, f"{key}-choice", _("Your read"))
    steps = confidences()
    st.session_state.setdefault(f"{key}-sure", 3)
    confidence = st.select_slider(_("How sure are you?"), list(steps), format_func=steps.__getitem__, key=f"{key}-sure")
    comment = st.text_input(_("Comment"), placeholder=_("Optional"), key=f"{key}-comment")
    locked = st.button(
        _("Lock my read and show the model"),
        type="primary",
        width="stretch",
        disabled=choice is None,
        key=f"{key}-lock",
    )
    hidden()
    if not locked or choice is None:
        return None
    return Given(choice, None if choice == CANT_TELL else confidence, comment.strip())


def hidden() -> None:
    """Says that the model's answer is kept back."""
    theme.hatch(
        _("Model’s answer is hidden"),
        _("It appears when your read is locked. Your read stays on record as you gave it, whatever you decide later."),
    )


def your_read(outcome: Outcome, choice: str, at: str, confidence: int | None, comment: str, *, blind: bool) -> None:
    """The locked read. blind: no answer could be seen before it."""
    sure = _("Confidence: {words}.").format(words=confidences()[confidence].lower()) if confidence else ""
    order = _("Locked before the model was shown.") if blind else _("The model’s answer could be seen before.")
    said = f'<div class="hint">“{e(comment)}”</div>' if comment else ""
    theme.html(
        f'<div class="say"><div class="who"><i></i>{e(_("Your read"))}<em>{e(at)}</em></div>'
        f'<div class="said">{e(words_for(outcome, choice))}</div><div class="hint">{e(sure)} {order}</div>{said}</div>'
    )


# the model's answer


def chip_for(score: float, low: float, high: float, cut: float, finding: bool) -> Html:
    """The chip of a yes-or-no label, by its calibrated score, its range, the cut, and whether it is a finding."""
    if low <= cut <= high:
        return chip(_("Uncertain"), "uncertain")
    if score >= cut:
        words = _("Very likely present") if score >= 0.95 else _("Likely present")
        return chip(words, "finding" if finding else "machine")
    return chip(_("Very likely absent") if score <= 0.05 else _("Likely absent"))


def _chip(answer: "Answer", outcome: Outcome, label: Label) -> Html:
    score = answer.probabilities[label.name]
    low, high = answer.ranges.get(label.name, (score, score))
    if not isinstance(outcome, MultiClass):
        return chip_for(score, low, high, answer.thresholds.get(label.name, 0.5), label.finding)
    if len(answer.set) > 1:
        return chip(_("Uncertain"), "uncertain")
    return chip(_("Very likely") if score >= 0.95 else _("Likely"), "machine")


def scale(score: float, low: float, high: float, cut: float | None) -> Html:
    """0 to 100: band = 95 % range, dot = score, tick = the cut."""
    words = _("Probability {p} percent, range {low} to {high}").format(
        p=round(100 * score), low=round(100 * low), high=round(100 * high)
    )
    tick = at = ""
    if cut is not None:
        words += ", " + _("threshold {cut} percent").format(cut=round(100 * cut))
        tick = f'<i class="cut" style="left:{100 * cut:.1f}%"></i>'
        place = min(76.0, max(24.0, 100 * cut))
        at = f'<span class="at" style="left:{place:.1f}%">{e(_("positive from {cut}").format(cut=percent(cut)))}</span>'
    return Html(
        f'<div class="scale" role="img" aria-label="{e(words)}">'
        f'<i class="band" style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></i>'
        f'<i class="dot" style="left:{min(98.8, max(1.2, 100 * score)):.1f}%"></i>{tick}</div>'
        f'<div class="ends" aria-hidden="true"><span>0</span>{at}<span>100{NBSP}%</span></div>'
    )


def _block(answer: "Answer", body: str, at: str) -> None:
    by = ", ".join(part for part in (answer.package, at) if part)
    who = f'<div class="who"><i></i>{e(_("Model’s answer"))}<em>{e(by)}</em></div>'
    theme.html(f'<div class="say m">{who}{body}</div>')


def model_answer(answer: "Answer", outcome: Outcome, unit_noun: str, *, at: str = "") -> None:
    """Headline, chip, score, scale and the sentence; no number where the case is not like the training data. at: when
    it was given."""
    if answer.withheld:
        reason = (
            f"<b>{e(_('Not like the training data.'))}</b> "
            f"{e(_('No number is shown: it would rest on nothing. Check the input; read it without the model.'))}"
        )
        strip = f'<div class="strip warning">{theme.icon("warning")}<span>{reason}</span></div>'
        _block(answer, f'<div class="head2"><span class="said">{e(_("No answer"))}</span></div>{strip}', at)
        return
    label = headline(outcome, answer.probabilities, answer.choice)
    score = answer.probabilities[label.name]
    low, high = answer.ranges.get(label.name, (score, score))
    if isinstance(outcome, Regression):
        shown = f"{number(score, 1)} {outcome.unit}"
        words = _("95 % range {range} {unit}.").format(range=theme.span(low, high, 1), unit=outcome.unit)
        _block(
            answer,
            f'<div class="head2"><span class="said">{e(_(label.title))}</span>'
            f'<span class="score">{e(shown)}</span></div>'
            f'<p class="hint">{e(words)}</p>',
            at,
        )
        return
    cut = None if isinstance(outcome, MultiClass) else answer.thresholds.get(label.name)
    said = sentence(unit_noun, label.phrase, score, low, high)
    if label.name in answer.measures:
        said = mask_words(label, answer.measures[label.name], low, high)
    _block(
        answer,
        f'<div class="head2"><div><div class="said">{e(_(label.title))}</div>{_chip(answer, outcome, label)}</div>'
        f'<span class="score">{e(percent(score))}</span></div>{scale(score, low, high, cut)}'
        f'<p class="hint">{e(said)}</p>',
        at,
    )


def _bars(rows: Sequence[tuple[str, float, float | None, str]], look: str = "", limit: float = 1.0) -> Html:
    """Rows of label, bar, number. Each row: text, share, cut or None, number as text.

    look: "tall", and "up" where a negative share lowers and a positive one raises.
    """
    body = ""
    for text, share, cut, shown in rows:
        tick = f'<i class="cut" style="left:{100 * cut:.1f}%"></i>' if cut is not None else ""
        raises = " up" if "up" in look and share > 0 else ""
        body += (
            f'<tr><td>{e(text)}</td><td class="g"><span class="bar {look}" aria-hidden="true">'
            f'<i class="fill{raises}" style="width:{100 * min(1.0, abs(share) / limit):.1f}%"></i>{tick}</span></td>'
            f'<td class="r">{e(shown)}</td></tr>'
        )
    return Html(body)


def other_findings(answer: "Answer", outcome: Outcome) -> None:
    """The labels besides the headline, most probable first. Nothing where there is only one."""
    chosen = headline(outcome, answer.probabilities, answer.choice)
    others = [label for label in outcome.labels if label.name != chosen.name]
    if not others or isinstance(outcome, Regression):
        return
    others.sort(key=lambda label: -answer.probabilities[label.name])
    theme.section(_("Other findings"))
    rows = []
    for label in others:
        p = answer.probabilities[label.name]
        cut = None if isinstance(outcome, MultiClass) else answer.thresholds.get(label.name)
        rows.append((_(label.title), p, cut, percent(p)))
    theme.html(f'<table aria-label="{e(_("Other findings"))}"><tbody>{_bars(rows)}</tbody></table>')


def moved(words: Sequence[tuple[str, float]], kind: str = "image", *, numbered: bool = False) -> None:
    """What moved the score, in words with shares, so that it stands without the picture.

    kind: of the input ("image", "volume", "signal", "record"); numbered: the film shows the same numbers in rings,
    from a tenth of the attention.
    """
    if not words:
        return
    theme.section(_("Where the model looked") if kind == "image" else _("What moved the answer"))
    table = {"image": _regions, "volume": _regions, "signal": _parts, "record": _signed}[kind]
    head, body = table(words[:7], numbered and kind == "image")
    theme.html(f'<table aria-label="{e(_("What moved the score"))}"><thead>{head}</thead><tbody>{body}</tbody></table>')
    if kind != "record":
        theme.hint(_("Attention shows what moved the score. It is not an outline of disease."))


def outside(share: float | None) -> None:
    """How much of a film's map lies outside the lungs."""
    if share is not None:
        text = _("{share} of it lies outside the lungs, as a net outlines them.").format(share=percent(share))
        theme.ticks([(None if share < MOSTLY else False, text, "")])


def regions(words: Sequence[tuple[str, float]]) -> list[str]:
    """What the numbered regions of a film are called, for its viewer."""
    return [f"{retold(text)}, {percent(share)}" for text, share in words]


def _regions(words: Sequence[tuple[str, float]], numbered: bool) -> tuple[str, str]:
    head = f'<tr><th class="i"></th><th>{e(_("Region"))}</th><th class="r">{e(_("Share"))}</th></tr>'
    body = ""
    for n, (text, share) in enumerate(words, 1):
        ring = f'<span class="ring">{n}</span>' if numbered and share >= 0.1 else ""
        body += f'<tr><td class="i">{ring}</td><td>{e(retold(text))}</td><td class="r">{e(percent(share))}</td></tr>'
    return head, body


def _parts(words: Sequence[tuple[str, float]], _numbered: bool) -> tuple[str, str]:
    head = f"<tr><th>{e(_('Where'))}</th><th>{e(_('Share of attention'))}</th><th></th></tr>"
    top = max(share for _text, share in words)
    rows = [(retold(text), share, None, percent(share)) for text, share in words]
    return head, _bars(rows, "tall", max(top * 1.6, 0.2))


def _signed(words: Sequence[tuple[str, float]], _numbered: bool) -> tuple[str, str]:
    head = f"<tr><th>{e(_('Value'))}</th><th>{e(_('Lowers or raises'))}</th><th></th></tr>"
    top = max(abs(share) for _text, share in words)
    rows = [(retold(text), share, None, number(100 * share, 0, signed=True) + f"{NBSP}%") for text, share in words]
    return head, _bars(rows, "tall up", max(top * 1.6, 0.2))


def notes(remarks: Sequence[str], unlike: float, absent: Sequence[str] = (), wished: Sequence[str] = ()) -> None:
    """What to check in the input, each with what to do: remarks, how unlike the training cases it is, what was not
    measured."""
    rows: list[tuple[bool | None, str, str]] = []
    for remark in remarks:
        cause, *rest = SENTENCE_END.split(retold(remark), maxsplit=1)
        rows.append((False, cause, (rest and rest[0]) or _("Look at the input itself before relying on the answer.")))
    if absent and wished:
        text = _("The answer would gain most from: {names}.").format(names=", ".join(wished[:4]))
        rows.append((False, _("Not everything was measured."), text))
    share = theme.percent(unlike)
    if unlike >= ODD:
        cause = _("Further from the training cases than {share} of them.").format(share=share)
        rows.append((False, cause, _("Give the answer less weight than your own read.")))
    else:
        rows.append((True, _("Like the training cases: {share} of them lie nearer.").format(share=share), ""))
    theme.section(_("Input"))
    theme.ticks(rows)


def agreement(answer: "Answer", outcome: Outcome, choice: str | None) -> str:
    """The sentence over the decision. choice: the first read, None where none was given."""
    if choice is None:
        return _("You saw the model’s answer before a read of your own.")
    if choice == CANT_TELL:
        return _("You could not tell.")
    if choice == answer.choice:
        return _("You and the model agree.")
    if choice in answer.set:
        return _("You and the model differ. The range includes both answers.")
    return _("You and the model differ.")


def decision(outcome: Outcome, answer: "Answer", choice: str | None, *, key: str) -> Decision | None:
    """Confirm, correct or can't tell, then "Save and next". choice: the person's first read, if any."""
    theme.section(_("Your decision"), agreement(answer, outcome, choice))
    titles = {"confirm": _("Confirm"), "correct": _("Correct"), "cant_tell": _("Can’t tell")}
    picked = st.segmented_control(
        _("Your decision"),
        list(titles),
        format_func=titles.__getitem__,
        key=f"{key}-decision",
        width="stretch",
        label_visibility="collapsed",
    )
    right: str | None = answer.choice
    if picked == "correct":
        right = choose(outcome, f"{key}-right", _("What is right?"), cant_tell=False)
    row = st.container(horizontal=True, gap="small")
    comment = row.text_input(
        _("Comment"), placeholder=_("Comment (optional)"), key=f"{key}-final-comment", label_visibility="collapsed"
    )
    ready = picked is not None and right is not None
    if not row.button(_("Save and next"), disabled=not ready, type="primary", key=f"{key}-save"):
        return None
    if picked == "cant_tell":
        return Decision(None, CANT_TELL, comment.strip())
    return Decision(picked == "confirm" or right == answer.choice, right or "", comment.strip())


def own_decision(outcome: Outcome, *, key: str) -> Decision | None:
    """The final read where the model's answer is withheld: nothing to confirm."""
    theme.section(_("Your decision"))
    right = choose(outcome, f"{key}-own", _("Your decision"))
    row = st.container(horizontal=True, gap="small")
    comment = row.text_input(
        _("Comment"), placeholder=_("Comment (optional)"), key=f"{key}-final-comment", label_visibility="collapsed"
    )
    saved = row.button(_("Save and next"), disabled=right is None, type="primary", key=f"{key}-save")
    return Decision(None, right or "", comment.strip()) if saved else None


def reviewed(outcome: Outcome, agrees: bool | None, choice: str, at: str, comment: str = "") -> None:
    """The final read, once it is saved."""
    theme.section(_("Your decision"))
    if agrees is None:
        said = _("Read without the model") if choice else _("Can’t tell")
    else:
        said = _("Confirmed") if agrees else _("Corrected")
    settled = agrees is not None
    what = _("{said}: {what}.") if choice or settled else _("{said}.")
    what = what.format(said=said, what=words_for(outcome, choice, settled))
    theme.saved(f"{at}  {what} {comment}".rstrip(" "))


def footer(answer: "Answer") -> None:
    """Which package answered, on what, in how long."""
    theme.hint(
        _("{package}, {hash}. On {device} in {seconds} s.").format(
            package=answer.package,
            hash=answer.package_hash[:8],
            device=answer.device.upper(),
            seconds=number(answer.seconds, 2),
        )
    )
