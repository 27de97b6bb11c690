"""Makes the portal's people and courses from a seed: synthetic, never derived from anyone.

The same seed always gives the same rows. E-mail addresses end in ``example.test``, telephone
numbers come from the range kept for fiction, and social security numbers start with 9, which is
never issued.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

SEED = 360
STUDENTS = 2400
ACTIVATED_STUDENTS = 200

FIRST_NAME_WORDS = (
    "Ada Amir Bela Bruno Chen Clara Dara Diego Elin Emeka Farah Felix Grace Hana Hugo Ines Ivan"
    " Jana Jorge Kaito Kemi Lena Luca Maya Milo Nadia Noor Olga Omar Petra Quinn Rosa Samir Sofia"
    " Tariq Tess Uma Viktor Wren Yara Yusuf Zoe"
)
LAST_NAME_WORDS = (
    "Abara Arnold Baker Bauer Castillo Cho Dubois Egede Fischer Garza Haddad Hansen Ito Jansen"
    " Kaplan Keller Lindgren Lopez Marsh Mbeki Moreau Nakamura Novak Okafor Olsen Park Petrov"
    " Quist Ramos Rossi Sato Silva Tanaka Torres Ueda Vargas Weber Wolf Yilmaz Zeman"
)
FIRST_NAMES = FIRST_NAME_WORDS.split()
LAST_NAMES = LAST_NAME_WORDS.split()
ETHNICITIES = ("Asian", "Black", "Hispanic", "Native American", "Pacific Islander", "White")
CANARY_WORDS = ("Student", "Classmate")
PRIVACY_LEVELS = ("PUBLIC", "DIRECTORY", "RESTRICTED", "CONFIDENTIAL")
PRIVACY_WEIGHTS = (20, 60, 15, 5)
STAFF_ROLES = (
    "PROFESSOR",
    "TA",
    "INSTRUCTOR",
    "COUNSELOR",
    "MENTOR",
    "ADVISOR",
    "FACULTY",
    "STAFF",
    "Administrator",
    "Super_Administrator",
)
SUBJECTS = {
    "BIO": "Biology",
    "CHM": "Chemistry",
    "CSC": "Computer Science",
    "ECO": "Economics",
    "ENG": "English",
    "HIS": "History",
    "MTH": "Mathematics",
    "PHY": "Physics",
}
TERMS = ("2025-FALL", "2026-SPRING", "2026-FALL")
COURSES_A_TERM = 4
LEVELS = {
    101: "Introduction to {}",
    201: "Methods of {}",
    301: "Topics in {}",
    401: "Seminar in {}",
}


@dataclass(frozen=True)
class Person:
    """One row of ``users``; `activated` people get a password when the data is loaded."""

    email: str
    role: str
    first_name: str
    last_name: str
    phone: str
    birth_date: date
    ssn: str
    ethnicity: str
    privacy_level: str
    activated: bool


@dataclass(frozen=True)
class Student:
    """A person with the education record that ``student`` keeps."""

    person: Person
    campus_id: str
    gpa: str
    standing: str


@dataclass(frozen=True)
class Course:
    """One row of ``courses``."""

    code: str
    title: str
    credits: int


@dataclass(frozen=True)
class Enrollment:
    """One row of ``course_enrollments``; no grade means that the term is not over."""

    campus_id: str
    course: str
    term: str
    grade: str | None


@dataclass(frozen=True)
class Transaction:
    """One row of ``account_transactions``."""

    campus_id: str
    term: str
    kind: str
    amount: str


def students(count: int = STUDENTS, *, seed: int = SEED) -> Iterator[Student]:
    """Yield `count` students; the first of them are activated (can log in)."""
    dice = random.Random(f"students {seed}")  # noqa: S311 - must repeat, guards nothing
    for number in range(1, count + 1):
        person = _person(
            dice,
            email=f"student{number:05}@example.test",
            role="STUDENT",
            born_from=date(1998, 1, 1),
            activated=number <= ACTIVATED_STUDENTS,
        )
        points = min(max(dice.gauss(3.0, 0.6), 0.0), 4.0)
        yield Student(person, f"P{100000 + number}", f"{points:.2f}", _standing(points))


def staff(*, seed: int = SEED) -> Iterator[Person]:
    """Yield one activated member of staff for each role other than STUDENT."""
    dice = random.Random(f"staff {seed}")  # noqa: S311 - must repeat, guards nothing
    for role in STAFF_ROLES:
        yield _person(
            dice,
            email=f"{role.lower().replace('_', '-')}@example.test",
            role=role,
            born_from=date(1960, 1, 1),
            activated=True,
        )


def canary_students() -> Iterator[Student]:
    """Yield the students that belong to nobody at all: checks read them and no one else."""
    for number, word in enumerate(CANARY_WORDS, start=1):
        person = Person(
            email=f"canary-{word.lower()}@example.test",
            role="STUDENT",
            first_name=f"Canary{word}First",
            last_name=f"Canary{word}Last",
            phone=f"+1-414-555-019{number}",
            birth_date=date(2001, 1, number),
            ssn=f"900-69-000{number}",
            ethnicity=ETHNICITIES[0],
            privacy_level="CONFIDENTIAL",
            activated=True,
        )
        yield Student(person, f"P90000{number}", "3.21", "GOOD")


def canary_advisor() -> Person:
    """The member of staff as whom checks read the canary students."""
    return Person(
        email="canary-advisor@example.test",
        role="ADVISOR",
        first_name="CanaryAdvisorFirst",
        last_name="CanaryAdvisorLast",
        phone="+1-414-555-0199",
        birth_date=date(1970, 1, 1),
        ssn="900-69-0099",
        ethnicity=ETHNICITIES[0],
        privacy_level="CONFIDENTIAL",
        activated=True,
    )


def courses() -> Iterator[Course]:
    """Yield the course catalogue."""
    for subject, name in SUBJECTS.items():
        for level, title in LEVELS.items():
            yield Course(f"{subject}-{level}", title.format(name), 4 if level < 300 else 3)  # noqa: PLR2004


def enrollments(people: Iterable[Student], *, seed: int = SEED) -> Iterator[Enrollment]:
    """Yield the courses of each student in each term; the last term is not graded yet."""
    dice = random.Random(f"enrollments {seed}")  # noqa: S311 - must repeat, guards nothing
    codes = [course.code for course in courses()]
    for student in people:
        chosen = dice.sample(codes, len(TERMS) * COURSES_A_TERM)
        for number, code in enumerate(chosen):
            term = TERMS[number // COURSES_A_TERM]
            grade = None if term == TERMS[-1] else dice.choices("ABCDF", (30, 40, 20, 7, 3))[0]
            yield Enrollment(student.campus_id, code, term, grade)


def transactions(people: Iterable[Student], *, seed: int = SEED) -> Iterator[Transaction]:
    """Yield what each student was charged and has paid in each term."""
    dice = random.Random(f"transactions {seed}")  # noqa: S311 - must repeat, guards nothing
    for student in people:
        for term in TERMS:
            tuition = dice.randrange(4000, 9000, 50)
            yield Transaction(student.campus_id, term, "TUITION", f"{tuition}.00")
            yield Transaction(student.campus_id, term, "FEE", "125.50")
            if term != TERMS[-1] or dice.random() < 0.5:  # noqa: PLR2004 - half have paid
                yield Transaction(student.campus_id, term, "PAYMENT", f"-{tuition}.00")


def _person(
    dice: random.Random, *, email: str, role: str, born_from: date, activated: bool
) -> Person:
    return Person(
        email=email,
        role=role,
        first_name=dice.choice(FIRST_NAMES),
        last_name=dice.choice(LAST_NAMES),
        phone=f"+1-414-555-01{dice.randrange(100):02}",
        birth_date=born_from + timedelta(days=dice.randrange(3650)),
        ssn=f"9{dice.randrange(10**2):02}-{dice.randrange(1, 70):02}-{dice.randrange(10**4):04}",
        ethnicity=dice.choice(ETHNICITIES),
        privacy_level=dice.choices(PRIVACY_LEVELS, PRIVACY_WEIGHTS)[0],
        activated=activated,
    )


def _standing(points: float) -> str:
    """Academic standing by grade points: below 2.0 probation, below 1.0 suspended."""
    if points < 1.0:
        return "SUSPENDED"
    return "GOOD" if points >= 2.0 else "PROBATION"  # noqa: PLR2004
