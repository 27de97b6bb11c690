"""The rehearsal environment: a small real site of systemd machines on one Linux host."""
