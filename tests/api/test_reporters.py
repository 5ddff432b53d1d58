"""What a notebook shows while a command runs: one line, however much happens."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from housing.api.reporters import NotebookReporter, in_notebook
from housing.secrets import remember_override
from housing.workflow.outcome import OutputTable, StudyProgress


def test_a_notebook_has_one_line_that_is_written_anew() -> None:
    InteractiveShell.instance()
    remember_override("tracking.password=hidden-word-1")
    reporter = NotebookReporter()
    with capture_output() as shown:
        reporter.step("data", "housing: 1,168 train <b>")
        for done in range(200):
            reporter.study_progress(progress(done))
        reporter.study_progress(progress(200))
        with reporter.working("registering the model"):
            pass
        reporter.log("[17] train-mae:3")
        reporter.step("register", "hidden-word-1 is @champion\nand more")
    lines = [each._repr_html_() for each in shown.outputs]
    assert lines[0] == "<code>data: housing: 1,168 train &lt;b&gt;</code>"
    assert len(lines) < 10
    assert "trials: 200 of 200 done, 0 running, best t3" in lines[-3]
    assert "hidden-word-1" not in lines[-1] and "more" not in lines[-1]
    assert (shown.stdout, shown.stderr) == ("", "")
    assert not in_notebook()
    InteractiveShell.clear_instance()


def progress(done: int) -> StudyProgress:
    running = min(1, 200 - done)
    return StudyProgress(OutputTable("", (), ()), done, 200, running, {}, 1.0, None, "t3" if done else None, False)
