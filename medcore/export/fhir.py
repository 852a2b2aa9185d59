"""FHIR R4B: a bundle of a DiagnosticReport, its Observations, the patient's pseudonym and the package as a device.

fhir.resources checks the shape of each resource but takes any code and any reference, so `check` looks at those.
https://hl7.org/fhir/R4B/diagnosticreport.html, observation.html, device.html
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from medcore.export.report import MAKER, RESEARCH, SIMULATED, Report, Said
from medcore.i18n import _, retold
from medcore.outcomes import Label, Regression
from medcore.outcomes.wording import confidences, words_for

SYSTEM = "urn:oid:2.25.329800735698586629295641978511506172918"  # our own root: labels, pseudonyms, hashes
UCUM = "http://unitsofmeasure.org"
TERMS = "http://terminology.hl7.org/CodeSystem"
SECTIONS = {"image": ("RAD", "Radiology"), "signal": ("EC", "Electrocardiac"), "volume": ("RAD", "Radiology")}
# https://hl7.org/fhir/R4B/valueset-diagnostic-report-status.html and its neighbours
CODES: Mapping[tuple[str, str], frozenset[str]] = {
    key: frozenset(codes.split())
    for key, codes in {
        ("Bundle", "type"): "document message transaction transaction-response batch batch-response history searchset"
        " collection",
        ("DiagnosticReport", "status"): "registered partial preliminary final amended corrected appended cancelled"
        " entered-in-error unknown",
        ("Observation", "status"): "registered preliminary final amended corrected cancelled entered-in-error unknown",
        ("Patient", "gender"): "male female other unknown",
        ("Device", "status"): "active inactive entered-in-error unknown",
    }.items()
}
CODED: Mapping[str, frozenset[str]] = {
    f"{TERMS}/v2-0074": frozenset(["RAD", "EC", "OTH"]),
    f"{TERMS}/v3-ObservationInterpretation": frozenset(["POS", "NEG"]),
    f"{TERMS}/v3-ActReason": frozenset(["HRESCH", "HTEST"]),
    UCUM: frozenset(["%", "mL", "mm"]),
}


def fhir(report: Report) -> bytes:
    """The bundle as JSON, checked."""
    made = bundle(report)
    check(made)
    return json.dumps(made, ensure_ascii=False, indent=1).encode()


def bundle(report: Report) -> dict[str, Any]:
    """Type collection; references are the entries' own urn:uuid."""
    patient, device = _patient(report), _device(report)
    answered = [_label(report, label, patient, device) for label in report.task.outcome.labels]
    read = [_read(report, said, patient) for said in report.reads]
    every = [_diagnostic(report, patient, device, [*answered, *read]), patient, device, *answered, *read]
    return {
        "resourceType": "Bundle",
        "meta": _meta(report),
        "type": "collection",
        "timestamp": _instant(report.made),
        "entry": [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in every],
    }


def _new(kind: str, **content: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": str(uuid.uuid4()), **content}


def _to(resource: Mapping[str, Any]) -> dict[str, str]:
    return {"reference": f"urn:uuid:{resource['id']}"}


def _meta(report: Report) -> dict[str, Any]:
    """Marked as research in each place where a system looks for it, and a simulated case as test data too."""
    security = [{"system": f"{TERMS}/v3-ActReason", "code": "HRESCH", "display": "healthcare research"}]
    tag = [{"system": SYSTEM, "code": "research-only", "display": _(RESEARCH)}]
    if report.simulated:
        security.append({"system": f"{TERMS}/v3-ActReason", "code": "HTEST", "display": "test health data"})
        tag.append({"system": SYSTEM, "code": "simulated", "display": _(SIMULATED)})
    return {"security": security, "tag": tag}


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _own(code: str, text: str) -> dict[str, Any]:
    """A concept of ours. No code of LOINC or SNOMED stands for what a net of ours says."""
    return {"coding": [{"system": SYSTEM, "code": code, "display": text}], "text": text}


def _identifier(what: str, value: str) -> dict[str, Any]:
    return {"type": {"text": what}, "system": SYSTEM, "value": value}


def _patient(report: Report) -> dict[str, Any]:
    gender = {"F": "female", "M": "male", "O": "other"}.get(report.sex, "unknown")
    return _new("Patient", identifier=[_identifier("pseudonym", report.patient)], gender=gender)


def _device(report: Report) -> dict[str, Any]:
    answer = report.answer
    return _new(
        "Device",
        identifier=[_identifier("SHA-256 of the package", answer.package_hash)],
        status="active",
        manufacturer=MAKER,
        deviceName=[{"name": answer.package, "type": "model-name"}],
        version=[
            {"type": {"text": "package"}, "value": answer.package.removeprefix(f"{answer.task} ")},
            *({"type": {"text": name}, "value": v} for name, v in answer.versions.items()),
        ],
        note=[{"text": _(report.task.intended_use)}, {"text": _(report.task.not_for)}, {"text": _(RESEARCH)}],
    )


def _diagnostic(
    report: Report, patient: Mapping[str, Any], device: Mapping[str, Any], results: list[dict[str, Any]]
) -> dict[str, Any]:
    """Final once a person has reviewed it; before that preliminary."""
    outcome, final = report.task.outcome, report.final
    code, section = SECTIONS.get(next(iter(report.inputs.values())).kind, ("OTH", "Other"))
    said = [_("Model: {words}.").format(words=words_for(outcome, report.answer.choice, settled=True))]
    if final:
        said.append(_("Reader: {words}.").format(words=words_for(outcome, final.choice, final.settled)))
    if report.simulated:
        said.append(_(SIMULATED))
    content: dict[str, Any] = {
        "meta": _meta(report),
        "identifier": [_identifier("case", report.number)],
        "status": "final" if final else "preliminary",
        "category": [{"coding": [{"system": f"{TERMS}/v2-0074", "code": code, "display": section}]}],
        "code": _own(report.task.name, _(report.task.question)),
        "subject": _to(patient),
        "effectiveDateTime": _instant(report.received),
        "issued": _instant(final.at if final else report.answered),
        "performer": [{"display": MAKER}],
        "result": [_to(r) for r in results],
        "conclusion": " ".join([*said, _(RESEARCH)]),
    }
    if final:
        content["resultsInterpreter"] = [{"display": final.user}]
    return _new("DiagnosticReport", **content)


def _quantity(report: Report, value: float) -> dict[str, Any]:
    """A probability in percent, a regression's value in its unit."""
    outcome = report.task.outcome
    if isinstance(outcome, Regression):
        return {"value": round(value, 6), "unit": outcome.unit}
    return {"value": round(100 * value, 6), "unit": "%", "system": UCUM, "code": "%"}


def _label(report: Report, label: Label, patient: Mapping[str, Any], device: Mapping[str, Any]) -> dict[str, Any]:
    """One label's calibrated probability, with its 95 % range and threshold as components, and of an outline its volume
    and largest diameter where they could be measured."""
    answer = report.answer
    parts = []
    if label.name in answer.ranges:
        low, high = (_quantity(report, v) for v in answer.ranges[label.name])
        words = _own("range-95", _("95 % range over nets and calibration"))
        parts.append({"code": words, "valueRange": {"low": low, "high": high}})
    cut = answer.thresholds.get(label.name)
    if cut is not None:
        parts.append({"code": _own("threshold", _("Positive from")), "valueQuantity": _quantity(report, cut)})
    sizes = {"volume_ml": ("volume", _("Volume"), "mL"), "diameter_mm": ("diameter", _("Largest diameter"), "mm")}
    for name, (code, title, unit) in sizes.items():
        value = answer.measures.get(label.name, {}).get(name)
        if value is not None:
            quantity = {"value": round(value, 3), "unit": unit, "system": UCUM, "code": unit}
            parts.append({"code": _own(code, title), "valueQuantity": quantity})
    excluded = _("can’t be excluded at 5 %") if label.name in answer.set else ""
    hashes = " ".join(f"SHA-256 of input {name}: {sha}." for name, sha in answer.inputs.items())
    content: dict[str, Any] = {
        "meta": _meta(report),
        "status": "final" if report.final else "preliminary",
        "code": _own(f"{report.task.name}.{label.name}", _(label.title)),
        "subject": _to(patient),
        "device": _to(device),
        "effectiveDateTime": _instant(report.received),
        "issued": _instant(report.answered),
        "valueQuantity": _quantity(report, answer.probabilities[label.name]),
        "note": [{"text": text} for text in (excluded, hashes, *map(retold, report.remarks)) if text],
    }
    if parts:
        content["component"] = parts
    if not isinstance(report.task.outcome, Regression):
        code, text = ("POS", "Positive") if label.name in answer.choice.split("+") else ("NEG", "Negative")
        system = f"{TERMS}/v3-ObservationInterpretation"
        content["interpretation"] = [{"coding": [{"system": system, "code": code, "display": text}]}]
    return _new("Observation", **content)


def _read(report: Report, said: Said, patient: Mapping[str, Any]) -> dict[str, Any]:
    """What a person said."""
    if said.stage == "final":
        title = _("Final read")
    elif said.shown:
        title = _("First read; an answer could be seen before it")
    else:
        title = _("First read, before the model’s answer")
    code = said.choice or ("none" if said.settled else "cant-tell")
    content: dict[str, Any] = {
        "meta": _meta(report),
        "status": "final",
        "code": _own(f"read-{said.stage}", title),
        "subject": _to(patient),
        "performer": [{"display": said.user}],
        "effectiveDateTime": _instant(said.at),
        "valueCodeableConcept": _own(code, words_for(report.task.outcome, said.choice, said.settled)),
    }
    if said.confidence:
        words = _own("confidence", _("How sure, 1 to 4"))
        content["component"] = [
            {"code": words, "valueInteger": said.confidence},
            {"code": _own("confidence-words", _("In words")), "valueString": confidences()[said.confidence]},
        ]
    return _new("Observation", **content)


def check(made: Mapping[str, Any]) -> None:
    """Raises ValueError, naming each fault: what R4B's definitions refuse, a status or code outside its value set,
    a quantity without a unit, a reference that leads nowhere."""
    from fhir.resources.R4B.bundle import Bundle

    Bundle.model_validate(made)
    resources = [entry["resource"] for entry in made["entry"]]
    known = {entry["fullUrl"] for entry in made["entry"]}
    faults = []
    for resource in [made, *resources]:
        kind = resource["resourceType"]
        for (of, name), codes in CODES.items():
            if of == kind and name in resource and resource[name] not in codes:
                faults.append(f"{kind}.{name}: {resource[name]}")
    for part in _parts(made):
        allowed = CODED.get(str(part.get("system")))
        if allowed is not None and part.get("code") not in allowed:
            faults.append(f"{part['system']}: {part.get('code')}")
        if "reference" in part and part["reference"] not in known:
            faults.append(f"no entry for {part['reference']}")
        if "value" in part and isinstance(part["value"], int | float) and not part.get("unit"):
            faults.append("a quantity without a unit")
    if faults:
        raise ValueError("; ".join(faults))


def _parts(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in it."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)
