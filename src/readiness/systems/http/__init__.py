"""HTTP: what users and certificate authorities get from listeners and balancers."""
