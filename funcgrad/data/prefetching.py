"""An iterator that a thread runs ahead of the loop over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["prefetch"]

_ITEM, _ERROR, _END = range(3)


def prefetch(made: Iterator[Any], ahead: int) -> Iterator[Any]:
    """What ``made`` gives, in its order, with up to ``ahead`` of it made before it is asked for.

    An exception in the thread is raised in the loop, at its place. The thread ends with the
    iterator: when it is exhausted, closed, or nobody holds it any more.
    """
    import queue
    import threading

    ready: queue.Queue[tuple[int, Any]] = queue.Queue()
    room, left = threading.Semaphore(ahead), threading.Event()

    def work() -> None:
        try:
            while True:
                room.acquire()
                if left.is_set():
                    return
                try:
                    item = next(made)
                except StopIteration:
                    ready.put((_END, None))
                    return
                ready.put((_ITEM, item))
        except BaseException as error:
            ready.put((_ERROR, error))

    thread = threading.Thread(target=work, name="funcgrad.data", daemon=True)
    thread.start()
    try:
        while True:
            what, item = ready.get()
            if what == _END:
                return
            if what == _ERROR:
                raise item
            room.release()
            yield item
    finally:
        left.set()
        room.release()
        thread.join()
