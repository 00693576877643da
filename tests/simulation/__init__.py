"""
Deterministic simulation of everything that costs money: one seed makes one run.

The real client, poller, batch and stores run in one process, over a simulated network, a model of the API and virtual
time. After each run the invariants are checked; a seed that fails prints the command that replays it.
"""
