"""How machines are hardened: kernel settings, rights of files, accounts, and what SSH offers."""
