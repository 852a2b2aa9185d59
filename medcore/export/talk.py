"""All maps of an answer in one file: a page that opens offline, for a talk, or their values."""

import base64
import io
import json
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from medcore.explain import METHODS
from medcore.explain.health import MEASURES, Evidence, measure_title
from medcore.export.picture import SCREEN, draw, encoded
from medcore.export.report import RESEARCH, Report, caption
from medcore.i18n import _, language
from medcore.numbers import number

STYLE = """body{margin:2rem;background:#0e1215;color:#d9dfe3;font:16px/1.45 system-ui,sans-serif}
h1{font-size:1.4rem}main{display:grid;grid-template-columns:repeat(auto-fit,minmax(30rem,1fr));gap:1.5rem}
figure{margin:0;background:#171d21;padding:1rem;border-radius:6px}img{width:100%;height:auto}
td,th{padding:.1rem .8rem .1rem 0;text-align:left;font-weight:400}td+td{text-align:right}.doubt{color:#e8cb6a}
@media (max-width:640px){body{margin:1rem}main{grid-template-columns:1fr}}"""
Weighed = tuple[Report, Evidence | None]


def html(maps: Sequence[Weighed]) -> bytes:
    """One page with a figure a map, pictures within it; it fetches nothing. maps: one at least."""
    first = maps[0][0]
    title = f"{first.number}: {_(first.task.question)}"
    figures = "".join(_figure(report, evidence) for report, evidence in maps)
    page = (
        f'<!doctype html><html lang="{language.get()}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1><p>{escape(_(RESEARCH))}</p><main>{figures}</main></body></html>"
    )
    return page.encode()


def _figure(report: Report, evidence: Evidence | None) -> str:
    picture = base64.b64encode(encoded(draw(report, SCREEN))).decode()
    lines = caption(report)
    said = "".join(
        f"<p{' class=doubt' if report.doubt and report.doubt in line else ''}>{escape(line)}</p>" for line in lines
    )
    return (
        f'<figure><img alt="{escape(" ".join(lines))}" src="data:image/png;base64,{picture}">'
        f"<figcaption>{said}{_table(evidence)}</figcaption></figure>"
    )


def _table(evidence: Evidence | None) -> str:
    if evidence is None:
        return f"<p>{escape(_('Whether to believe this map was not measured.'))}</p>"
    values = [(measure_title(name), getattr(evidence, name)) for name in MEASURES]
    rows = "".join(f"<tr><td>{escape(t)}</td><td>{'–' if v is None else number(v, 2)}</td></tr>" for t, v in values)
    return f"<table>{rows}</table>"


def npz(maps: Sequence[Weighed]) -> bytes:
    """Each map on its input's own grid as `map_<n>_<field>`, and `about`: JSON with what each is and its evidence."""
    arrays: dict[str, Any] = {}
    about = []
    for n, (report, evidence) in enumerate(maps):
        why = report.why
        assert why is not None
        arrays |= {f"map_{n}_{field}": values for field, values in why.values.items()}
        about.append(
            {
                "use": RESEARCH,
                "case": report.number,
                "package": report.answer.package,
                "package_hash": report.answer.package_hash,
                "label": why.label,
                "method": why.method,
                "title": METHODS[why.method].title,
                "baseline": why.baseline,
                "gap": why.gap,
                "outside": why.outside,
                "doubt": report.doubt,
                "evidence": evidence and evidence.to_json(),
            }
        )
    out = io.BytesIO()
    np.savez_compressed(out, about=np.array(json.dumps(about)), **arrays)
    return out.getvalue()
