"""What the faults that only a failover drill shows share."""

THREE, ONE = "      trials: 3\n", "      trials: 1\n"


def one_trial(text: str) -> str:
    """The environment file with one trial of the drill: enough for what always goes wrong."""
    return text.replace(THREE, ONE)
