"""Programs that are laid on a site's own machines; each stands alone and needs Python 3.9 only."""
