"""Writers of ECG formats after their published layouts, for tests: a Signal in, a file out."""

import base64
from collections.abc import Sequence

import numpy as np

from medcore.inputs import Signal

LOW, HIGH = -32767, 32767


def edf(
    signals: Sequence[Signal],
    seconds: float = 1.0,
    onsets: Sequence[float] | None = None,
    note: str = "",
    patient: str = "4711 F 29-FEB-1960 Muster_Erika",
    plus: str = "EDF+C",
) -> bytes:
    """EDF+, or plain EDF with plus="". Signals of one length in s; each lead is scaled by its own largest value.

    onsets: when each record begins, for EDF+D; note: text of an annotation in the first record
    """
    rows = [(s, i) for s in signals for i in range(len(s.leads))]
    records = int(signals[0].seconds / seconds)
    onsets = onsets or [seconds * i for i in range(records)]
    peaks = [f"{1 + np.ceil(1000 * np.nanmax(np.abs(s.samples[i]))):.0f}" for s, i in rows]
    n, extra = len(rows), 1 if plus else 0
    columns = (  # width, values of the leads, value of the annotations
        (16, [f"ECG {s.leads[i]}" for s, i in rows], "EDF Annotations"),
        (80, ["AgCl electrode"] * n, ""),
        (8, ["uV"] * n, ""),
        (8, [f"-{p}" for p in peaks], "-1"),
        (8, peaks, "1"),
        (8, [str(LOW)] * n, "-32768"),
        (8, [str(HIGH)] * n, "32767"),
        (80, ["HP:0.05Hz LP:150Hz"] * n, ""),
        (8, [str(round(s.rate_hz * seconds)) for s, _i in rows], "30"),
        (32, [""] * n, ""),
    )
    head = f"{'0':8}{patient:80}{'Startdate 17-AUG-2025 X Tech_Example ELI250':80}17.08.2509.15.11"
    head += f"{256 * (n + extra + 1):<8}{plus:44}{records:<8}{seconds:<8g}{n + extra:<4}"
    head += "".join(f"{v:<{width}}" for width, values, own in columns for v in values + [own] * extra)
    body = []
    for r in range(records):
        for (s, i), peak in zip(rows, peaks, strict=True):
            each = round(s.rate_hz * seconds)
            scaled = 1000 * s.samples[i, r * each : (r + 1) * each] / float(peak) * HIGH
            body.append(np.rint(scaled).astype("<i2").tobytes())
        if plus:
            text = f"+{onsets[r]:.12g}\x14\x14\0" + (f"+0\x14{note}\x14\0" if note and r == 0 else "")
            body.append(text.encode().ljust(60, b"\0"))
    return head.encode("latin-1") + b"".join(body)


def aecg(given: Signal, step_uv: float = 2.5, origin_uv: float = 0, averaged: bool = False, before: str = "") -> bytes:
    """An HL7 aECG with one rhythm series, and one averaged beat if asked."""

    def sequences(samples: np.ndarray) -> str:
        out = (
            '<component><sequence><code code="TIME_ABSOLUTE" codeSystem="2.16.840.1.113883.5.4"/>'
            '<value xsi:type="GLIST_TS"><head value="20250817091511.000"/>'
            f'<increment value="{1 / given.rate_hz:.9g}" unit="s"/></value></sequence></component>'
        )
        for lead, y in zip(given.leads, samples, strict=True):
            digits = " ".join(map(str, np.rint((1000 * y - origin_uv) / step_uv).astype(int)))
            out += (
                f'<component><sequence><code code="MDC_ECG_LEAD_{lead.upper()}" codeSystem="2.16.840.1.113883.6.24"/>'
                f'<value xsi:type="SLIST_PQ"><origin value="{origin_uv}" unit="uV"/>'
                f'<scale value="{step_uv}" unit="uV"/><digits>{digits}</digits></value></sequence></component>'
            )
        return f"<component><sequenceSet>{out}</sequenceSet></component>"

    beat = (
        '<derivation><derivedSeries><code code="REPRESENTATIVE_BEAT"/>'
        f"{sequences(given.samples[:, :300])}</derivedSeries></derivation>"
    )
    text = (
        f'<?xml version="1.0" encoding="utf-8"?>{before}'
        '<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" type="Observation">'
        '<id root="61d1a24f-b47e-41aa-ae95-f8ac302f4eeb"/><effectiveTime><center value="20250817091511"/>'
        "</effectiveTime><componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>"
        '<id root="2.16.840.1.113883.3.400" extension="SBJ-123"/><subjectDemographicPerson><name>Erika Muster</name>'
        '<administrativeGenderCode code="F"/><birthTime value="19600229"/></subjectDemographicPerson>'
        "</trialSubject></subject></subjectAssignment></componentOf></timepointEvent></componentOf>"
        f'<component><series><code code="RHYTHM"/>{sequences(given.samples)}{beat if averaged else ""}</series>'
        "</component></AnnotatedECG>"
    )
    return text.encode()


def muse(given: Signal, step_uv: float = 4.88, before: str = '<!DOCTYPE RestingECG SYSTEM "restecg.dtd">') -> bytes:
    """A MUSE file with a rhythm strip of the leads given and an averaged beat before it."""

    def waveform(kind: str, samples: np.ndarray) -> str:
        leads = ""
        for lead, y in zip(given.leads, samples, strict=True):
            raw = np.rint(1000 * y / step_uv).astype("<i2").tobytes()
            leads += (
                f"<LeadData><LeadByteCountTotal>{len(raw)}</LeadByteCountTotal><LeadTimeOffset>0</LeadTimeOffset>"
                f"<LeadSampleCountTotal>{len(raw) // 2}</LeadSampleCountTotal>"
                f"<LeadAmplitudeUnitsPerBit>{step_uv}</LeadAmplitudeUnitsPerBit>"
                f"<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadID>{lead}</LeadID>"
                "<LeadSampleSize>2</LeadSampleSize><LeadOff>FALSE</LeadOff>"
                f"<WaveFormData>{base64.encodebytes(raw).decode()}</WaveFormData></LeadData>"
            )
        return (
            f"<Waveform><WaveformType>{kind}</WaveformType><NumberofLeads>{len(given.leads)}</NumberofLeads>"
            f"<SampleType>CONTINUOUS_SAMPLES</SampleType><SampleBase>{given.rate_hz:g}</SampleBase>"
            f"<SampleExponent>0</SampleExponent>{leads}</Waveform>"
        )

    text = (
        f'<?xml version="1.0" encoding="ISO-8859-1"?>\n{before}\n<RestingECG><PatientDemographics>'
        "<PatientID>4711</PatientID><PatientAge>65</PatientAge><AgeUnits>YEARS</AgeUnits>"
        "<DateofBirth>02-29-1960</DateofBirth><Gender>FEMALE</Gender><PatientLastName>Muster</PatientLastName>"
        "<PatientFirstName>Erika</PatientFirstName></PatientDemographics><TestDemographics>"
        "<SiteName>River Hospital</SiteName><AcquisitionDate>08-17-2025</AcquisitionDate></TestDemographics>"
        "<Diagnosis><DiagnosisStatement><StmtText>Seen by Dr Example</StmtText></DiagnosisStatement></Diagnosis>"
        f"{waveform('Median', given.samples[:, :300])}{waveform('Rhythm', given.samples)}</RestingECG>"
    )
    return text.encode("latin-1")
