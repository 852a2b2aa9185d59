"""The ways in which WFDB stores samples: bytes in, digital values out.

After the WFDB manual, signal(5): https://physionet.org/physiotools/wag/signal-5.htm
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from medcore.errors import Refused
from medcore.i18n import _
from medcore.readers.base import check_size

Bytes = npt.NDArray[np.uint8]
Digital = npt.NDArray[np.int32] | npt.NDArray[np.int64]


def _signed(value: npt.NDArray[np.int32], bits: int) -> Digital:
    """Two's complement of so many bits as plain numbers."""
    return np.where(value >= 1 << (bits - 1), value - (1 << bits), value)


def _twelve(b: Bytes) -> Digital:
    """212: pairs of 12-bit values in 3 bytes."""
    w = b.reshape(-1, 3).astype(np.int32)
    return _signed(np.stack([w[:, 0] | (w[:, 1] & 0x0F) << 8, w[:, 2] | (w[:, 1] & 0xF0) << 4], 1).ravel(), 12)


def _ten_spread(b: Bytes) -> Digital:
    """310: threes of 10-bit values in two little-endian words; the third lies in the words' top bits."""
    w = b.reshape(-1, 4).copy().view("<u2").astype(np.int32)
    three = [w[:, 0] >> 1 & 0x3FF, w[:, 1] >> 1 & 0x3FF, w[:, 0] >> 11 | w[:, 1] >> 11 << 5]
    return _signed(np.stack(three, 1).ravel(), 10)


def _ten_packed(b: Bytes) -> Digital:
    """311: threes of 10-bit values in the lower 30 bits of a little-endian word."""
    w = b.reshape(-1, 4).copy().view("<u4").astype(np.int64)[:, 0]
    return _signed(np.stack([w & 0x3FF, w >> 10 & 0x3FF, w >> 20 & 0x3FF], 1).ravel().astype(np.int32), 10)


def _three_bytes(b: Bytes) -> Digital:
    """24: little-endian two's complement."""
    w = b.reshape(-1, 3).astype(np.int32)
    return _signed(w[:, 0] | w[:, 1] << 8 | w[:, 2] << 16, 24)


def _plain(dtype: str, offset: int = 0) -> Callable[[Bytes], Digital]:
    def decode(b: Bytes) -> Digital:
        stored = np.frombuffer(b.tobytes(), dtype)
        return stored.astype(np.int64) - offset if stored.itemsize == 4 else stored.astype(np.int32) - offset

    return decode


PACKED: dict[int, tuple[int, int, int | None, Callable[[Bytes], Digital]]] = {
    # format: (samples a block, bytes a block, value that stands for "not recorded", decoder)
    8: (1, 1, None, _plain("<i1")),
    16: (1, 2, -(2**15), _plain("<i2")),
    24: (1, 3, -(2**23), _three_bytes),
    32: (1, 4, -(2**31), _plain("<i4")),
    61: (1, 2, -(2**15), _plain(">i2")),
    80: (1, 1, -(2**7), _plain("<u1", 128)),
    160: (1, 2, -(2**15), _plain("<u2", 32768)),
    212: (2, 3, -(2**11), _twelve),
    310: (3, 4, -(2**9), _ten_spread),
    311: (3, 4, -(2**9), _ten_packed),
}
FLAC = {508: 8, 516: 16, 524: 24}


def invalid(fmt: int) -> int | None:
    """The digital value that stands for "not recorded"."""
    return PACKED[fmt][2] if fmt in PACKED else -(2 ** (FLAC[fmt] - 1))


def frames_in(fmt: int, content: bytes, offset: int, per_frame: int) -> int:
    """How many whole frames of `per_frame` samples a file holds from `offset` on."""
    if fmt in FLAC:
        import soundfile

        with soundfile.SoundFile(io.BytesIO(content)) as sound:
            return int(max(0, sound.frames - offset) * sound.channels // per_frame)
    samples, size, _missing, _decode = PACKED[fmt]
    held = max(0, len(content) - offset)
    # The last block may be cut after the bytes that its first samples need.
    return (held * samples // size) // per_frame


def frames(fmt: int, content: bytes, offset: int, n: int, per_signal: Sequence[int]) -> np.ndarray:
    """Digital values as (n frames, samples a frame), the signals of a frame side by side.

    offset: bytes before the first sample (FLAC: samples). The caller has made sure that `n` frames are there.
    """
    per_frame = sum(per_signal)
    check_size(n * per_frame * 4)
    if fmt in FLAC:
        return _flac(fmt, content, offset, n, per_signal)
    samples, size, _missing, decode = PACKED[fmt]
    blocks = -(-n * per_frame // samples)
    stored = np.frombuffer(content, np.uint8)[offset : offset + blocks * size]
    stored = np.concatenate([stored, np.zeros(blocks * size - len(stored), np.uint8)])
    return decode(stored)[: n * per_frame].reshape(n, per_frame)


def _flac(fmt: int, content: bytes, offset: int, n: int, per_signal: Sequence[int]) -> np.ndarray:
    import soundfile

    with soundfile.SoundFile(io.BytesIO(content)) as sound:
        each = per_signal[0]
        stored = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}.get(sound.subtype, 99)
        if stored > FLAC[fmt] or sound.channels != len(per_signal) or any(p != each for p in per_signal):
            raise Refused(
                _("A FLAC signal file doesn't hold the signals that its header describes."),
                _("Upload the header and the signal file of the same recording."),
            )
        sound.seek(offset)
        values = np.concatenate(
            # libsndfile fails on blocks of more than 2**24 values
            [sound.read(min(2**20, n * each - at), dtype="int32", always_2d=True) for at in range(0, n * each, 2**20)]
            or [np.zeros((0, len(per_signal)), np.int32)]
        )
    values >>= 32 - stored
    return values.reshape(n, each, len(per_signal)).transpose(0, 2, 1).reshape(n, -1)
