"""Load, offered by processes of their own: importing their library patches sockets and threads."""
