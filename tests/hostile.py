"""A working folder whose files bear the names of modules: none of them may run unless somebody asks for it."""

from __future__ import annotations

from pathlib import Path

_NAMES = (
    *("queue", "json", "secrets", "socket", "ssl", "random", "logging", "http", "sitecustomize", "usercustomize"),
    *(
        "mlflow",
        "xgboost",
        "numpy",
        "pandas",
        "uvicorn",
        "gunicorn",
        "fastapi",
        "alembic",
        "sqlalchemy",
        "moto",
        "boto3",
    ),
    *("ray", "housing", "script_worker"),
)


class HostileFolder:
    """The folder; a module that runs leaves its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ran = path / "ran.txt"
        for name in _NAMES:
            (path / f"{name}.py").write_text(f"open({str(self._ran)!r}, 'a').write({name!r} + ' ')\n", encoding="utf-8")

    def ran(self) -> list[str]:
        return self._ran.read_text(encoding="utf-8").split() if self._ran.exists() else []
