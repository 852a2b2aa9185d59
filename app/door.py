"""The door: one plain page where a person says who they are. No script, no Streamlit."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from medcore.i18n import LANGUAGES, _, language

if TYPE_CHECKING:
    from medcore.clinic import User

STYLE = """
@font-face{font-family:Plex;src:url(/app/static/plex-sans.woff2) format("woff2");font-weight:100 700}
:root{color-scheme:light dark;--page:light-dark(#F4F6F7,#0E1215);--panel:light-dark(#FFF,#161B1F);
--line:light-dark(#D3DADE,#2E373D);--control:light-dark(#7C8A93,#66757F);--text:light-dark(#182026,#D9DFE3);
--soft:light-dark(#4A5862,#A3AEB6);--human:light-dark(#00696B,#4FC1B4);--human-bg:light-dark(#E0F1F0,#16292A);
--ink:light-dark(#FFF,#06201E);--field:light-dark(#F1F4F5,#1E252A);
--finding:light-dark(#A93D0B,#F08A52);--finding-bg:light-dark(#FBEDE5,#2E211A)}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:20px;background:var(--page);color:var(--text);
font:14px/1.43 Plex,'IBM Plex Sans','Noto Sans','Noto Sans SC','Noto Sans CJK SC','PingFang SC',
'Microsoft YaHei',sans-serif}
main{width:100%;max-width:380px;background:var(--panel);border:1px solid var(--line);border-radius:4px;padding:20px}
header{display:flex;gap:10px;align-items:center;margin-bottom:14px}
h1{font-size:18px;font-weight:600;margin:0 auto 0 0}
p{margin:0 0 12px}.soft{color:var(--soft);font-size:12px}
fieldset{border:0;padding:0;margin:0 0 12px}legend{padding:0;margin-bottom:6px}
.who{display:flex;align-items:center;gap:10px;min-height:40px;padding:6px 12px;border:1px solid var(--control);
margin-top:-1px;cursor:pointer}
.who:first-of-type{border-radius:4px 4px 0 0}.who:last-of-type{border-radius:0 0 4px 4px}
.who:has(:checked){background:var(--human-bg);border-color:var(--human);position:relative}
.who input{accent-color:var(--human);margin:0}.who span{margin-left:auto}
label.field{display:block;margin-bottom:12px}
input[type=password]{display:block;width:100%;height:36px;margin-top:4px;padding:0 10px;font:inherit;color:var(--text);
background:var(--field);border:1px solid var(--control);border-radius:4px}
button{width:100%;height:36px;border:0;border-radius:4px;font:inherit;background:var(--human);color:var(--ink);cursor:pointer}
button.plain{background:none;color:var(--text);border:1px solid var(--control);margin-top:8px}
.refused{background:var(--finding-bg);padding:8px 12px;border-radius:4px;font-size:13px}.refused b{color:var(--finding)}
:focus-visible{outline:2px solid var(--human);outline-offset:2px}
.note{margin:14px 0 0;padding-top:12px;border-top:1px solid var(--line)}
"""


def _choice(user: "User", checked: bool) -> str:
    roles = {"reader": _("Reader"), "trainer": _("Trainer"), "admin": _("Administrator")}
    return (
        f'<label class="who"><input type="radio" name="name" value="{escape(user.name)}"{" checked" if checked else ""}'
        f' required>{escape(user.name)}<span class="soft">{escape(roles.get(user.role, user.role))}</span></label>'
    )


def other_languages() -> str:
    """A link to each language but the one that is spoken, by its own name."""
    return "".join(
        f'<a class="soft" href="/language/{code}" target="_self" lang="{code}">{escape(name)}</a>'
        for code, name in LANGUAGES.items()
        if code != language.get()
    )


def door(users: Sequence["User"], then: str, *, chosen: str, password: bool, refused: str, signed_in: bool) -> str:
    """The page as HTML. then: where to go afterwards; chosen: the name that is ticked; refused: what was wrong."""
    chosen = chosen or (users[0].name if users else "")
    people = "".join(_choice(u, u.name == chosen) for u in users)
    wrong = f'<p class="refused" role="alert"><b>{escape(refused)}</b></p>' if refused else ""
    secret = (
        f'<label class="field">{escape(_("Password"))}'
        '<input type="password" name="password" autocomplete="current-password"></label>'
        if password
        else ""
    )
    out = (
        f'<form method="post" action="/logout"><button class="plain">{escape(_("Sign out"))}</button></form>'
        if signed_in
        else ""
    )
    return f"""<!doctype html><html lang="{language.get()}"><head><meta charset="utf-8">
<title>{escape(_("Sign in"))}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body><main>
<header><svg viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="#1F9E93" stroke-width="1.6"
 aria-hidden="true" stroke-linejoin="round" stroke-linecap="round"><rect x="2" y="2" width="20" height="20" rx="4"/>
<path d="M5.5 12.5h3l1.8-5 3 9.5 2-4.5h3.2"/></svg><h1>{escape(_("Review desk"))}</h1>{other_languages()}</header>
{wrong}
<form method="post" action="/login"><input type="hidden" name="next" value="{escape(then)}">
<fieldset><legend>{escape(_("Who is reading?"))}</legend>{people}</fieldset>{secret}
<button>{escape(_("Sign in"))}</button></form>{out}
<p class="soft note">{escape(_("Research use only. Not a diagnosis. What you open and decide is recorded."))}</p>
</main></body></html>"""
