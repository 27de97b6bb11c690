"""Names of fields whose values are secret or personal, as they are written in code and in forms."""

import re
from enum import Enum, auto
from functools import lru_cache


class Kind(Enum):
    """What stands behind a field's name, and so what its value looks like."""

    SECRET = auto()
    HEADER = auto()
    """A header: its value is the rest of the line."""
    PERSONAL = auto()
    NUMBER = auto()
    """Digits with the separators that people put between them."""
    DATE = auto()
    GRADE = auto()
    NAME = auto()
    LOOSE = auto()
    """`name`, `address`: personal only when the value looks like a person's."""


# Endings of a field's name, words joined by one underscore. A leading `_` asks for a word's start.
_ENDINGS: dict[Kind, str] = {
    Kind.SECRET: (
        "password passwd passphrase passcode secret token credential credentials requirepass"
        " masterauth api_?key access_?key private_?key signing_?key encryption_?key shared_?key"
        " account_?key master_?key session_?key secret_?key session_?id sessid [a-z0-9]_session"
        " _pwd _pass _psk _otp _cvv _pin _jwt _bearer"
    ),
    Kind.HEADER: "authorization _cookie _cookies",
    Kind.NUMBER: (
        "_ssn _itin social_?security social_?security_(?:number|num|no) emplid"
        " _(?:student|campus|university|banner|net|sis|person|employee)_?(?:id|number|num|no|nr)"
        " _matriculation _phone telephone _tel _fax _mobile"
        " _(?:phone|mobile|cell)_?(?:phone_?)?(?:number|num|no) _(?:cell|home|work|mobile)_?phone"
    ),
    Kind.DATE: "date_?of_?birth birth_?da(?:te|y) date_?birth birth_?year birth_?month _dob _born",
    Kind.GRADE: "_gpa grade_?point grade_?point_?average _(?:final|letter|course|midterm)_?grade",
    Kind.NAME: (
        "_(?:first|last|middle|full|given|family|preferred|legal|maiden|display|nick)_?name"
        " _(?:student|parent|guardian|mother|father|advisor|instructor|contact|applicant)s?_?name"
        " surname forename _student emergency_?contact emergency_?contact_?name"
    ),
    Kind.PERSONAL: (
        "_e_?mail _e_?mail_?addr _e_?mail_?address _mail_?address ethnicity _gender"
        " (?:home|street|mailing|permanent|local|postal)_?address _address_?(?:line_?)?[12]"
        " citizenship nationality marital_?status academic_?standing visa_?status religion"
    ),
    Kind.LOOSE: "_name _address",
}

# How values are stored or counted doesn't make them less secret.
_SUFFIX = (
    r"(?:_(?:hash|hashed|value|plain|text|b64|base64|enc|encoded|encrypted))?(?:_?[0-9]{1,2})?"
)


def _pattern(endings: str) -> re.Pattern[str]:
    bounded = "|".join(ending[1:] for ending in endings.split() if ending[0] == "_")
    free = "|".join(ending for ending in endings.split() if ending[0] != "_")
    either = "|".join(part for part in (f"(?:^|_)(?:{bounded})" if bounded else "", free) if part)
    return re.compile(f"(?:{either}){_SUFFIX}$")


_PATTERNS = {kind: _pattern(endings) for kind, endings in _ENDINGS.items()}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+")
_LONGEST = 100

# Names that end like a secret's but aren't one.
_HARMLESS = {
    "secret_name",
    "accesskey",
    "nopasswd",
    "load_credential",
    "import_credential",
}
_SHELL = {"PWD", "OLDPWD"}

NAMING = (
    "name", "key", "field", "header", "column", "parameter", "option", "variable", "setting",
)  # fmt: skip
NAMED = ("value", "values", "content", "data", "text", "current")
"""Keys of objects that hold a field's name under one and its value under another."""


@lru_cache(maxsize=8192)
def classify(key: str) -> Kind | None:
    """What a field of this name holds; `None` for nothing worth hiding.

    Reads `studentId`, `STUDENT_ID`, `Student ID` and `app.student-id` alike.
    """
    words = _SEPARATORS.sub("_", _HUMP.sub("_", key[-_LONGEST:])).strip("_").lower()
    if words in _HARMLESS or key in _SHELL:
        return None
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.search(words)), None)


def sensitive(name: str) -> bool:
    """Whether the name alone says that any value behind it is to be hidden."""
    return classify(name) not in {None, Kind.LOOSE}
