"""What must hold of listed backups before a drill disturbs anything."""

from readiness.model.errors import NotRun
from readiness.model.quantities import in_words
from readiness.session.clients import Clients
from readiness.site.subjects import Cluster, lists_of
from readiness.systems.backup_list.reading import LISTING, PLACES, lies_there


def require_listed_backup(clients: Clients, cluster: Cluster) -> None:
    """Where a command lists backups of a database, a whole one that is young enough was seen.

    Raises:
        NotRun: none was.
        ProbeError: nobody could tell.
    """
    for one in lists_of(clients.site, cluster):
        listing = clients.ask(LISTING, one).reading
        places = clients.ask(PLACES, one).reading
        young = [each for each in listing.whole if listing.asked - each.end <= one.backup.age]
        if not any((seen := places.at(each.place)) and lies_there(each, seen) for each in young):
            raise NotRun(
                f"{cluster.id}: nothing was cut off: no whole backup that {one.id} lists of the "
                f"last {in_words(one.backup.age)} was seen"
            )
