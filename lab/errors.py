"""What can go wrong in the lab, said in one line a tired engineer understands."""


class LabError(Exception):
    """The lab could not do what was asked; the message says what was expected and found."""


class Unhealthy(LabError):
    """A machine did not become healthy before its deadline."""


class WrongRole(LabError):
    """What a person wrote of a role is wrong; says file, key, what was expected and found."""
