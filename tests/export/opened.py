"""Opens what was exported without the code that made it."""

import io
import re
import zipfile
import zlib

_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.S)


def streams(pdf: bytes) -> list[bytes]:
    """Everything that stands in a PDF, unpacked: content, fonts' tables, object streams."""
    out = [pdf]
    for found in _STREAM.finditer(pdf):
        try:
            out.append(zlib.decompress(found[1]))
        except zlib.error:
            out.append(found[1])
    return out


def pages(pdf: bytes) -> int:
    return sum(len(re.findall(rb"/Type\s*/Page\b", part)) for part in streams(pdf)[1:]) or len(
        re.findall(rb"/Type\s*/Page\b", pdf)
    )


def pdf_text(pdf: bytes) -> str:
    """What is written on the pages, without spaces: each shown string by its font's own table of characters."""
    parts = streams(pdf)
    tables = [_characters(part) for part in parts if b"begincmap" in part]
    out = []
    for part in parts:
        if b" Tf" not in part or b"BT" not in part:
            continue
        for shown in re.findall(rb"\[([^\]]*)\]\s*TJ|<([0-9a-fA-F]+)>\s*Tj", part):
            codes = "".join(h.decode() for h in re.findall(rb"<([0-9a-fA-F]+)>", shown[0] or b"<" + shown[1] + b">"))
            out.append(_likeliest(codes, tables))
    return re.sub(r"\s", "", "".join(out))


def _characters(table: bytes) -> dict[str, str]:
    """Code → text of one ToUnicode table."""
    out = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.S):
        for code, text in re.findall(rb"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>", block):
            out[code.decode().lower()] = bytes.fromhex(text.decode()).decode("utf-16-be")
    return out


def _likeliest(codes: str, tables: list[dict[str, str]]) -> str:
    """By the first table that knows all of the codes."""
    split = [codes[i : i + 4].lower() for i in range(0, len(codes), 4)]
    return next(("".join(t[c] for c in split) for t in tables if all(c in t for c in split)), "")


def everything(name: str, data: bytes) -> list[bytes]:
    """All bytes that an export holds, unpacked as far as it can be."""
    if name.endswith(".pdf"):
        return [*streams(data), pdf_text(data).encode()]
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return [*(n.encode() for n in packed.namelist()), *(packed.read(n) for n in packed.namelist())]
    return [data]
