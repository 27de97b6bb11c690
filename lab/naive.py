"""The probes of somebody in a hurry that faults have in common, by name."""

from collections.abc import Callable, Mapping
from typing import Final

from lab.faults._audit import is_recorded, removal_is_refused
from lab.faults._backup import archiver_is_content, recent_backup
from lab.faults._cache import answers, quorum, strangers_are_refused
from lab.faults._database import (
    all_stream,
    one_is_synchronous,
    patroni_lists_all,
    writable_through_the_pooler,
)
from lab.faults._edge import portal_answers
from lab.faults._keepalived import address_is_held
from lab.faults._migrations import chain_is_whole
from lab.scene import Scene

PROBES: Final[Mapping[str, Callable[[Scene], str]]] = {
    one.__name__: one
    for one in (
        address_is_held,
        all_stream,
        answers,
        archiver_is_content,
        chain_is_whole,
        is_recorded,
        one_is_synchronous,
        patroni_lists_all,
        portal_answers,
        quorum,
        recent_backup,
        removal_is_refused,
        strangers_are_refused,
        writable_through_the_pooler,
    )
}
