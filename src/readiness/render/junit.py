"""JUnit XML for pipelines: nothing that a GO needs and lacks can look like a skip there.

One suite per area. Failed is a failure; error, inconclusive and a required case that was not run
are errors; only what nobody requires, what was shown elsewhere instead, what the policy excepts, or
what is red and waived, which says so, may be skipped. The suite `verdict` carries the decision, so
that a run without any case is not green either.
"""

import re
from collections import defaultdict
from typing import Final
from xml.etree import ElementTree as ET

from readiness.model.words import Decision, Outcome
from readiness.render import waived
from readiness.render.document import CheckedCase, VerdictDocument
from readiness.render.terminal import exception

# XML 1.0, production 2: other characters can't be written, not even as references.
_FORBIDDEN: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(shown: VerdictDocument) -> str:
    """The verdict as JUnit XML."""
    root = ET.Element("testsuites", name=f"readiness of {shown.environment}")
    excepted = {one.clause for one in shown.exceptions}
    accepted = {key: waived.told(one) for one in shown.waivers for key in one.cases}
    areas: defaultdict[str, list[CheckedCase]] = defaultdict(list)
    for case in shown.cases:
        areas[area(case)].append(case)
    for name, cases in sorted(areas.items()):
        suite = _suite(root, name, shown)
        for case in cases:
            word = "" if case.blocking else accepted.get(case.key, "")
            _case(suite, name, case, excepted=excepted.issuperset(case.clauses), accepted=word)
    _verdict(_suite(root, "verdict", shown), shown)
    for suite in root:
        _total(suite, list(suite.iterfind("testcase")))
    _total(root, list(root.iterfind("testsuite/testcase")))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def area(case: CheckedCase) -> str:
    """The suite folder that the check stands in, or the letters of its id."""
    parts = case.source.partition("::")[0].split("/")
    return parts[-2] if len(parts) > 1 else case.check.partition("-")[0].lower()


def _suite(root: ET.Element, name: str, shown: VerdictDocument) -> ET.Element:
    started = shown.started.isoformat(timespec="seconds")
    return ET.SubElement(root, "testsuite", name=clean(name), timestamp=started)


def _case(
    suite: ET.Element, name: str, case: CheckedCase, *, excepted: bool, accepted: str
) -> None:
    element = ET.SubElement(
        suite,
        "testcase",
        classname=clean(f"{name}.{case.check}"),
        name=clean(f"{case.title} [{case.subject}]"),
        time=f"{case.duration or 0:.3f}",
    )
    properties = {
        "id": case.check,
        "severity": case.severity,
        "clauses": ", ".join(case.clauses),
        "subject": case.subject,
        "outcome": case.outcome,
        "proven_on": case.proven_on,
    }
    listed = ET.SubElement(element, "properties")
    for key, value in properties.items():
        ET.SubElement(listed, "property", name=key, value=clean(value))
    if accepted:
        ET.SubElement(element, "skipped", message=clean(f"{accepted}: {case.reason}"))
    else:
        _ending(element, case, excepted=excepted)


def _ending(element: ET.Element, case: CheckedCase, *, excepted: bool) -> None:
    match case.outcome:
        case Outcome.PASSED:
            return
        case Outcome.FAILED:
            tag = "failure"
        case Outcome.NOT_APPLICABLE:
            tag = "skipped"
        case _ if excepted or (case.outcome is Outcome.NOT_RUN and not case.blocking):
            tag = "skipped"
        case _:
            tag = "error"
    ending = ET.SubElement(element, tag, message=clean(case.reason))
    if tag != "skipped":
        ending.set("type", case.outcome)
        ending.text = clean(f"expected: {case.expected}\nfound: {case.observed}\n{case.source}")


def _verdict(suite: ET.Element, shown: VerdictDocument) -> None:
    """The decision itself, and every cause that no case stands for."""
    element = ET.SubElement(suite, "testcase", classname="verdict", name="the verdict is GO")
    if shown.verdict is not Decision.GO:
        tag = "failure" if shown.verdict is Decision.NO_GO else "error"
        message = f"the verdict is {shown.verdict}"
        ET.SubElement(element, tag, message=message, type=shown.verdict)
    for one in shown.exceptions:
        name = f"{one.clause}, by exception"
        element = ET.SubElement(suite, "testcase", classname="verdict", name=clean(name))
        message = clean(f"not proven: {one.clause}, {exception(one)}")
        ET.SubElement(element, "skipped", message=message)
    if shown.verdict_without_waivers:
        name = "the verdict without waivers"
        element = ET.SubElement(suite, "testcase", classname="verdict", name=name)
        used = [waived.told(one) for one in shown.waivers if one.used]
        message = clean("; ".join((f"it is {shown.verdict_without_waivers}", *used)))
        ET.SubElement(element, "skipped", message=message)
    for use in (one for one in shown.waivers if one.no_effect):
        name = clean(f"waiver {use.file}")
        element = ET.SubElement(suite, "testcase", classname="verdict", name=name)
        ET.SubElement(element, "skipped", message=clean(waived.told(use)))
    for blocker in shown.blockers:
        if blocker.cases:
            continue
        for name in blocker.clauses or ("the run as a whole",):
            element = ET.SubElement(suite, "testcase", classname="verdict", name=clean(name))
            message = clean(f"{blocker.reason}; {blocker.remedy}")
            ET.SubElement(element, "error", message=message, type=blocker.outcome)


def _total(element: ET.Element, cases: list[ET.Element]) -> None:
    element.set("tests", str(len(cases)))
    for tag, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        element.set(plural, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")


def clean(text: str) -> str:
    """Text without the characters that XML can't hold."""
    return _FORBIDDEN.sub("\ufffd", text)
