"""etcd: the consensus store that the automation of a database leans on."""
