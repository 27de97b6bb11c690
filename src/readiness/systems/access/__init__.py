"""Who may see what of an application: its routes, asked as everybody who should be refused."""
