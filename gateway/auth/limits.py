"""A brake on guessing: so many attempts per window, by whatever names the guesser."""

from collections import OrderedDict, deque


class AttemptLimit:
    """Counts attempts per name in a sliding window, in this process only.

    Holds at most `names` names; the least recently seen is forgotten first, so that memory stays bounded under attack.
    """

    def __init__(self, *, attempts: int, window_s: float, names: int = 10_000) -> None:
        self._attempts = attempts
        self._window_s = window_s
        self._names = names
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def allows(self, name: str, *, at: float) -> bool:
        """Count an attempt at monotonic second `at`; False once the window is full. A refused attempt does not count."""
        times = self._seen.setdefault(name, deque())
        self._seen.move_to_end(name)
        while times and times[0] <= at - self._window_s:
            times.popleft()
        if len(self._seen) > self._names:
            self._seen.popitem(last=False)
        if len(times) >= self._attempts:
            return False
        times.append(at)
        return True

    def wait_s(self, name: str, *, at: float) -> int:
        """Whole seconds until the next attempt is allowed, at least 1."""
        times = self._seen.get(name)
        return max(1, round(times[0] + self._window_s - at)) if times else 1
