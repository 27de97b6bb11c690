"""What the parts of a report have in common: frozen, and every text in them fit for people."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema, model_validator

from readiness.evidence.record import stamp
from readiness.model.printable import each_printable

Moment = Annotated[
    datetime,
    PlainSerializer(stamp, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Part(BaseModel):
    """A part of a report; later releases may add fields to it.

    A record may come from anybody, so each text is made printable here, for all reports.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)
    longest: ClassVar[int] = 2_000
    """How many characters of a text people are shown."""

    @model_validator(mode="before")
    @classmethod
    def _printable(cls, value: Any) -> Any:
        return each_printable(value, cls.longest)
