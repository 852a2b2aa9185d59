"""DICOM files by what they form together, and what that is: volumes, pictures, recordings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydicom.dataset import Dataset

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Input
from medcore.readers import deidentify, segmentation
from medcore.readers.base import Found, clean_facts, unique
from medcore.readers.dicom import facts_of, read_dataset, refuse_other_objects, remarks_of
from medcore.readers.dicom_file import number, parse, write
from medcore.readers.geometry import Slice
from medcore.readers.pixels import check, picture_only
from medcore.readers.series import Built, alike, is_slice, is_stack, slices_of, volumes


@dataclass
class Group:
    """Files that are read together, or one by itself.

    names: of all files; datasets: one of each picture, as their SOPInstanceUIDs (`uids`) tell them apart
    slices: one a data set where they may form a stack, their pictures checked; none for a file by itself
    mixed: the series has pictures that are not among them
    """

    names: list[str] = field(default_factory=list)
    datasets: list[Dataset] = field(default_factory=list, repr=False)
    slices: list[Slice] = field(default_factory=list, repr=False)
    uids: set[str] = field(default_factory=set, repr=False)
    mixed: bool = False


def groups(files: Mapping[str, bytes]) -> list[Group]:
    """DICOM files by what they form: slices of one person and series, alike in size, coding of values, direction and
    spacing, belong together; all else stands alone. Files that can't be parsed are left out."""
    stacks: list[tuple[tuple[object, ...], Group]] = []
    alone: list[Group] = []
    for name, content in files.items():
        try:
            dataset = parse(content)
        except Refused:
            continue
        try:
            joined = _join(name, dataset, stacks)
        except Exception:  # what is wrong with it is said when it is read alone
            joined = False
        if not joined:
            alone.append(Group([name], [dataset]))
    kinds = Counter(key[:2] for key, _group in stacks)
    for key, group in stacks:
        group.mixed = kinds[key[:2]] > 1
    return [group for _key, group in stacks] + alone


def _join(name: str, dataset: Dataset, stacks: list[tuple[tuple[object, ...], Group]]) -> bool:
    """Puts a slice into the stack that it belongs to, or begins one. Raises Refused for a damaged one."""
    refuse_other_objects(dataset)
    if not is_slice(dataset):
        return False
    check(dataset)
    key, (s,) = _key(dataset), slices_of(dataset, 0)
    group = next((g for other, g in stacks if key == other and alike(s, g.slices[0])), None)
    if group is None:
        group = Group()
        stacks.append((key, group))
    group.names.append(name)
    uid = str(dataset.get("SOPInstanceUID") or len(group.names))
    if uid in group.uids:
        return True
    group.uids.add(uid)
    group.slices.append(replace(s, source=len(group.datasets)))
    group.datasets.append(dataset)
    return True


def _key(dataset: Dataset) -> tuple[object, ...]:
    tags = ("SeriesInstanceUID", "Modality", "FrameOfReferenceUID", "Rows", "Columns", "BitsAllocated")
    return (deidentify.person(dataset), *(str(dataset.get(tag, "")) for tag in (*tags, "PixelRepresentation")))


def read(group: Group, key: bytes = b"", case: str = "") -> list[Found]:
    """What a group holds, one Found a volume, picture or recording: several volumes where several pictures lie at each
    place, and pictures where slices have no neighbours. Raises Refused for what can't be drawn right."""
    if segmentation.is_one(group.datasets[0]):
        return [segmentation.read(group.datasets[0], key, case)]
    copies = len(group.names) - len(group.datasets)
    said = [_("Left out as copies of other pictures in the series: {n}.").format(n=copies)] if copies else []
    if not _may_be_volume(group):
        found = read_dataset(group.datasets[0], key, case)
        return [replace(found, remarks=unique([*found.remarks, *said]))]
    built, alone = volumes(group.datasets, group.slices)
    if group.mixed:
        said.append(_("The series holds pictures of several sizes or directions: each kind is shown by itself."))
    return [
        *_cleaned(group.datasets, built, [*said, *remarks_of(group.datasets[0])], key, case),
        *(read_dataset(group.datasets[i], key, case) for i in alone),
    ]


def again(files: Mapping[str, bytes]) -> list[Input]:
    """What the cleaned files of one input hold, by the shorter way: they are known to belong together and to be whole,
    and are not cleaned anew. Volumes come without their facts."""
    datasets = [parse(content) for content in files.values()]
    if not _may_be_volume(Group(datasets=datasets)):
        return [read_dataset(datasets[0]).input]
    slices = [replace(slices_of(d, 0)[0], source=i) for i, d in enumerate(datasets)] if len(datasets) > 1 else []
    return [b.volume for b in volumes(datasets, slices)[0]]


def _may_be_volume(group: Group) -> bool:
    return len(group.datasets) > 1 or is_stack(group.datasets[0])


def _cleaned(
    datasets: Sequence[Dataset], built: Sequence[Built], said: Sequence[str], key: bytes, case: str
) -> list[Found]:
    """The volumes with their facts and cleaned files."""
    first, known = datasets[0], deidentify.cleaned_before(datasets[0])
    who = None if known else deidentify.person(first)
    # The series of a study that names nobody belong together all the same.
    patient = who or (None if known else f"study {first.get('StudyInstanceUID')}")
    found = []
    for b in built:
        files: dict[str, bytes] = {}
        facts: dict[str, str] = {}
        for i, source in enumerate(b.sources):
            dataset = datasets[source]
            clean = deidentify.clean(dataset, key, who)
            clean["PixelData"].value = picture_only(dataset, int(number(dataset, "NumberOfFrames", 1) or 1))
            facts = facts or facts_of(clean)
            files[f"slice_{i + 1:04d}.dcm" if len(datasets) > 1 else "volume.dcm"] = write(clean)
        facts["sequence"] = b.volume.channels[0]
        volume = replace(b.volume, facts=clean_facts(facts))
        found.append(Found(volume, files, patient, unique([*b.remarks, *said]), case))
    return found
