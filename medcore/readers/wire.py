"""How the decoder and its parent talk: a JSON header and raw bytes. No pickle, so a broken child can't run anything."""

import json
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from medcore.errors import Refused
from medcore.readers import own
from medcore.readers.base import MAX_DECODED, Found, Reading, Refusal
from medcore.readers.table import Table

_LENGTHS = struct.Struct("<IQ")
MAX_MESSAGE = 4 * MAX_DECODED


class Broken(Exception):
    """The other side is gone, or talks nonsense."""


def send(pipe: BinaryIO, header: dict[str, Any], blobs: list[bytes | memoryview]) -> None:
    """One message: lengths of header and blobs, header, blobs."""
    text = json.dumps({**header, "blobs": [len(b) for b in blobs]}, ensure_ascii=False).encode()
    pipe.write(_LENGTHS.pack(len(text), sum(len(b) for b in blobs)))
    pipe.write(text)
    for blob in blobs:
        pipe.write(blob)
    pipe.flush()


def receive(pipe: BinaryIO) -> tuple[dict[str, Any], list[memoryview]]:
    """The next message. Raises Broken when there is none, or half of one."""
    start = pipe.read(_LENGTHS.size)
    if len(start) < _LENGTHS.size:
        raise Broken
    length, total = _LENGTHS.unpack(start)
    if total > MAX_MESSAGE:
        raise Broken
    try:
        header = json.loads(_exactly(pipe, length))
    except ValueError:
        raise Broken from None
    body, blobs, at = memoryview(_exactly(pipe, total)), [], 0
    for size in header["blobs"]:
        blobs.append(body[at : at + size])
        at += size
    return header, blobs


def _exactly(pipe: BinaryIO, length: int) -> bytearray:
    data = bytearray(length)
    view, at = memoryview(data), 0
    while at < length:
        got = pipe.readinto(view[at:])  # type: ignore[attr-defined]
        if not got:
            raise Broken
        at += got
    return data


def pack_reading(reading: Reading) -> tuple[dict[str, Any], list[bytes | memoryview]]:
    blobs: list[bytes | memoryview] = []

    def put(blob: bytes | memoryview) -> int:
        blobs.append(blob)
        return len(blobs) - 1

    header = {
        "found": [_pack_found(f, put) for f in reading.found],
        "refused": [
            {
                "name": r.name,
                "sentence": r.error.sentence,
                "remedy": r.error.remedy,
                "foreign": r.foreign,
                "packed": r.packed,
            }
            for r in reading.refused
        ],
    }
    return header, blobs


def _pack_found(found: Found, put: Callable[[bytes | memoryview], int]) -> dict[str, Any]:
    array, described = own.describe(found.input)
    packed: dict[str, Any] = {
        "kind": found.input.kind,
        "input": described,
        "files": {name: put(content) for name, content in found.files.items()},
        "person": found.person,
        "remarks": found.remarks,
        "case": found.case,
    }
    if array is not None:
        flat = np.ascontiguousarray(array)
        packed["array"] = [flat.dtype.str, flat.shape, put(flat.reshape(-1).view(np.uint8).data)]
    return packed


def unpack_reading(header: dict[str, Any], blobs: list[memoryview]) -> Reading:
    found = []
    for f in header["found"]:
        array = None
        if "array" in f:
            dtype, shape, at = f["array"]
            array = np.frombuffer(blobs[at], dtype).reshape(shape)
        found.append(
            Found(
                input=own.rebuild(f["kind"], array, f["input"]),
                files={name: bytes(blobs[at]) for name, at in f["files"].items()},
                person=f["person"],
                remarks=tuple(f["remarks"]),
                case=f["case"],
            )
        )
    refused = [
        Refusal(r["name"], Refused(r["sentence"], r["remedy"]), r["foreign"], r["packed"]) for r in header["refused"]
    ]
    return Reading(tuple(found), tuple(refused))


def pack_table(table: Table) -> dict[str, Any]:
    return {"columns": table.columns, "rows": [list(row.values()) for row in table.rows]}


def unpack_table(header: dict[str, Any]) -> Table:
    columns = tuple(header["columns"])
    return Table(columns, [dict(zip(columns, row, strict=True)) for row in header["rows"]])
