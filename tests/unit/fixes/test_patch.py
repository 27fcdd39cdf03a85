from __future__ import annotations

from policyd.fixes.patch import patch


def test_a_file_without_a_last_line_end_and_with_other_line_breaks_gives_a_valid_diff() -> None:
    texts = {"./a.yaml": ("x\u2028y\r\nold", "x\u2028y\r\nnew\n")}

    assert patch(texts) == (
        "--- a/a.yaml\n+++ b/a.yaml\n@@ -1,2 +1,2 @@\n x\u2028y\r\n"
        "-old\n\\ No newline at end of file\n+new\n"
    )
