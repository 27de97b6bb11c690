"""What the environment file alone lets an observing session run on a machine."""

import re
from collections.abc import Iterator

from readiness.probes.commands import as_user, bounded, looks_below, word_for_word
from readiness.site.environment import Environment
from readiness.site.subjects import backup_lists


def permitted(environment: Environment, machine: str) -> tuple[re.Pattern[str], ...]:
    """The commands that are declared for that machine: what lists backups, and looks at them."""
    return tuple(_permitted(environment, machine))


def _permitted(environment: Environment, machine: str) -> Iterator[re.Pattern[str]]:
    for one in backup_lists(environment):
        if one.machine.name == machine:
            yield word_for_word(bounded(as_user(one.backup.user, one.backup.lists)))
        for home in one.homes:
            if home.machine.name == machine:
                yield from looks_below(home.user, home.folder)
