"""How a run goes: the gate and its pytest process, its end, recovery and progress."""
