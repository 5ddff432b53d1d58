"""The frameworks' images, which run scripts, by region."""

from __future__ import annotations

from housing.errors import ConfigError

FRAMEWORK = ("sklearn", "1.9-0", "py3")
"""Framework, its version and Python's: the image for everything without its own."""

_FRAMEWORK_PACKAGES = {"scikit-learn": "sklearn"}


def framework_image(
    framework: str, version: str, py_version: str, region: str, *, instance_type: str, scope: str
) -> str:
    """The address of a framework's image; `scope` is `training` or `inference`. Raises ConfigError."""
    from sagemaker.core import image_uris

    try:
        return str(
            image_uris.retrieve(
                _FRAMEWORK_PACKAGES.get(framework, framework),
                region=region,
                version=version,
                py_version=py_version,
                instance_type=instance_type,
                image_scope=scope,
            )
        )
    except (ValueError, KeyError) as error:
        raise ConfigError(f"algorithm.script.framework_version: {' '.join(str(error).split())}") from error
