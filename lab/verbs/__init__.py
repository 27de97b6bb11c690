"""What a fault's row can do to the lab and see of it, by the verbs' names."""

from collections.abc import Mapping
from typing import Final

from lab.verbs import (
    backups,
    balancers,
    caches,
    databases,
    files,
    firewalls,
    pages,
    services,
    shells,
)
from lab.verbs.base import Change, Look

CHANGES: Final[Mapping[str, type[Change]]] = {
    "file.append": files.Appended,
    "file.new": files.Added,
    "file.replace": files.Replaced,
    "file.sub": files.Substituted,
    "keepalived.check": balancers.HealthCheck,
    "listener": services.Listener,
    "nft.flush": firewalls.Flushed,
    "nft.in_front": firewalls.InFront,
    "nft.load": firewalls.Loaded,
    "patroni.dynamic": databases.Dynamic,
    "patroni.tags": databases.Tagged,
    "portal.code": files.Deployed,
    "postgres.set": databases.Altered,
    "redis.say": caches.Told,
    "redis.set": caches.Set,
    "repository": backups.Repository,
    "repository.in_memory": backups.InMemory,
    "sentinel.set": caches.SentinelSet,
    "service.disable": services.Disabled,
    "service.drop_in": services.DroppedIn,
    "service.freeze": services.Frozen,
    "service.stop": services.Stopped,
    "sh": shells.Shell,
    "sql": databases.Statement,
}

LOOKS: Final[Mapping[str, type[Look]]] = {
    "app.page": pages.Page,
    "audit.read": pages.Trail,
    "balancer.says": pages.Servers,
    "edge.chain": pages.Chain,
    "edge.page": pages.Head,
    "file.says": files.Content,
    "patroni.says": databases.Status,
    "patroni.shared": databases.Shared,
    "port.closed": firewalls.Closed,
    "postgres.settings": databases.Settings,
    "redis.answers": caches.Answers,
    "redis.info": caches.Info,
    "redis.lets_in": caches.LetsIn,
    "sentinel.replicas": caches.Replicas,
    "service.shows": services.Shown,
    "sh.says": shells.Prints,
    "sql.refused": databases.Refused,
    "sql.says": databases.Told,
}
