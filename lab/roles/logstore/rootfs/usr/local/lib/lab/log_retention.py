"""Deletes the indices of the declared pattern whose day is longer ago than declared."""

import configparser
import datetime as dt

from log_store import ask, indices  # type: ignore[import-not-found]


def main() -> None:
    """Look at each index by its name."""
    read = configparser.ConfigParser()
    read.read("/etc/log-retention.conf")
    said = read["retention"]
    today = dt.datetime.now(dt.UTC).date()
    first = today - dt.timedelta(days=int(said["days"]))
    for name in indices(said["indices"]):
        day = dt.date.fromisoformat(name[-10:].replace(".", "-"))
        if day < first:
            ask(f"/{name}", method="DELETE")
            print(f"deleted {name}")


if __name__ == "__main__":
    main()
