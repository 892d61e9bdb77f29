"""Read the next case while the current one is computed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar

from kdnet.foreign import surviving

Item = TypeVar("Item")
Content = TypeVar("Content")


def read_ahead(
    items: Sequence[Item], wanted: Callable[[Item], bool], read: Callable[[Item], Content]
) -> Iterator[tuple[Item, Future[Content] | None]]:
    """Yield each item with its content to come, in order; while one is in use, the next wanted one is read.

    Args:
        items: what to iterate over.
        wanted: whether an item has to be read; asked once for each, in order.
        read: reads an item in another thread. Its exception is raised by ``result`` of the future.

    Yields:
        The item, and the future of its content, None if it is not wanted.
    """
    following: list[Future[Content] | None] = []
    for position, item in enumerate(items):
        if not following:
            following.append(_started(read, item) if wanted(item) else None)
        current = following.pop(0)
        if current is not None:
            current.exception()  # waits: one case is read at a time
        # up to the next one that is wanted, so that finished cases between two do not keep it waiting
        for later in items[position + 1 + len(following) :]:
            if any(future is not None for future in following):
                break
            following.append(_started(read, later) if wanted(later) else None)
        yield item, current


def _started(read: Callable[[Item], Content], item: Item) -> Future[Content]:
    future: Future[Content] = Future()

    def work() -> None:
        with surviving(future.set_exception):
            future.set_result(read(item))

    # a daemon, so that a cancelled command does not wait for a file
    threading.Thread(target=work, name="read ahead", daemon=True).start()
    return future
