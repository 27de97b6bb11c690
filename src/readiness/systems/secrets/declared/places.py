"""The path of a secret, as somebody writes it."""

from typing import Annotated

from pydantic import AfterValidator

from readiness.site.written import wrong
from readiness.systems.secrets.questions import fits


def _place(path: str) -> str:
    if fits(path) and not path.endswith("/"):
        return path
    raise wrong("the path of a file or a folder such as /etc/portal/db.password", found=path)


Place = Annotated[str, AfterValidator(_place)]
