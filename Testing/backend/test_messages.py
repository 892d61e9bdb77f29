"""One line says why a command failed, and one function finds it."""

from __future__ import annotations

from kdnet.messages import last_message, message_line


def test_the_last_sentence_is_found_among_other_output() -> None:
    lines = ["Traceback", message_line("the first."), "  50%|#####", f"  {message_line('the last: do this.')}  ", "bye"]
    assert last_message(lines) == "the last: do this."
    assert last_message(["kdnet", "kdnet:without a space", ""]) is None


def test_a_sentence_is_one_printable_line() -> None:
    assert "\n" not in message_line("a\nb\x1b[31m")
