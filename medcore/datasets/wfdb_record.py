"""One WFDB record of a data set."""

from pathlib import Path

from medcore.inputs import Input


def read_record(folder: Path, name: str) -> dict[str, Input]:
    """The record of that name with the signal files that its header points to."""
    from medcore.readers import read

    header = folder / f"{name}.hea"
    files = {header.name: header.read_bytes()}
    for line in header.read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
        first = line.split(maxsplit=1)[:1]
        if first and not line.startswith("#") and (folder / first[0]).is_file():
            files[first[0]] = (folder / first[0]).read_bytes()
    return {"ecg": read(files)[0].input}
