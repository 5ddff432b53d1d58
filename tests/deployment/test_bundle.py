from __future__ import annotations

from pathlib import Path

from housing.deployment.bundle import digest


def bundle(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_the_same_files_have_the_same_digest_wherever_they_lie(tmp_path: Path) -> None:
    one = bundle(tmp_path / "one", {"model.ubj": "m", "part/encoder.json": "e"})
    two = bundle(tmp_path / "two", {"part/encoder.json": "e", "model.ubj": "m"})
    assert digest(one) == digest(two)


def test_another_name_or_content_is_another_digest(tmp_path: Path) -> None:
    files = [{"a": "1", "b": "2"}, {"a": "2", "b": "1"}, {"a": "1", "c": "2"}, {"a": "1"}, {"part/a": "1", "b": "2"}]
    assert len({digest(bundle(tmp_path / str(i), f)) for i, f in enumerate(files)}) == len(files)
