"""What must hold before a drill disturbs: where it does not, nothing is touched."""

from readiness.model.errors import NotRun
from readiness.model.quantities import in_words
from readiness.session.clients import Clients
from readiness.site.subjects import Cluster, backups_of
from readiness.systems.pgbackrest.reading import REPOSITORY


def require_fresh_backup(clients: Clients, cluster: Cluster) -> None:
    """Where backups of a database are declared, the newest full one is whole and young enough.

    Raises:
        NotRun: it is not.
        ProbeError: nobody could tell.
    """
    for one in backups_of(clients.site, cluster):
        read = clients.ask(REPOSITORY, one).reading
        newest, limit = read.stanza.newest_full, one.backup.age
        if newest is None or newest.error is not False or read.stanza.status:
            raise NotRun(f"{cluster.id}: nothing was cut off: {one.id} holds no whole full backup")
        age = read.asked - newest.stopped
        if age > limit:
            raise NotRun(
                f"{cluster.id}: nothing was cut off: the newest full backup of {one.id} is "
                f"{in_words(round(age))} old, at most {in_words(limit)} are allowed"
            )
