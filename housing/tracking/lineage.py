"""Traces an endpoint back to data and code; each link is compared with what was recorded when it was made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from housing.deployment.spec import Deployment
from housing.errors import RegistryError, TrackingError
from housing.tracking import schema
from housing.tracking.provenance import has_commit
from housing.tracking.reader import CONFIG_FILE

if TYPE_CHECKING:
    from housing.tracking.reader import Run, Version
    from housing.tracking.versions import Versions

State = Literal["whole", "altered", "broken", "unknown"]
"""As recorded; changed since; missing; nothing recorded to compare with."""


@dataclass(frozen=True)
class Link:
    """One step back: `what` it leads to, its `value`, and the reason if it is not whole."""

    what: str
    value: str
    state: State = "whole"
    why: str = ""


@dataclass(frozen=True)
class VariantLineage:
    """Links in order, from the model to the code; they end at a broken one beyond which nothing can be found."""

    variant: str
    share: float
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Lineage:
    """The origin of all of an endpoint's answers."""

    endpoint: str
    variants: tuple[VariantLineage, ...]

    @property
    def faults(self) -> list[str]:
        """Every broken or altered link, one line each; empty for a whole lineage."""
        return [
            f"{variant.variant}: {link.what} {link.value} is {link.state}: {link.why}"
            for variant in self.variants
            for link in variant.links
            if link.state in ("altered", "broken")
        ]


def trace(
    endpoint: str, deployment: Deployment, served: Mapping[str, Mapping[str, str]], versions: Versions
) -> Lineage:
    """The lineage of every variant. `served` has, by variant, the `digest` of the files that the host serves."""
    shares = deployment.shares()
    return Lineage(
        endpoint,
        tuple(
            VariantLineage(
                name, shares.get(name, 0.0), tuple(_links(variant.model, served.get(name, {}).get("digest"), versions))
            )
            for name, variant in deployment.variants.items()
        ),
    )


def _links(model: str, served_digest: str | None, versions: Versions) -> Iterator[Link]:
    try:
        version = versions.resolve(model)
    except RegistryError as e:
        yield Link("model version", model, "broken", str(e))
        return
    yield Link("model version", version.uri)
    yield _served(version, served_digest)
    yield _stored(version, versions)
    try:
        run = versions.reader.run(version.run_id)
    except TrackingError as e:
        yield Link("run", version.run_id, "broken", str(e))
        return
    if run.is_deleted:
        yield Link("run", _named(run), "broken", "it was deleted; `mlflow runs restore` brings it back")
    else:
        yield Link("run", _named(run))
    tags = run.tags
    if schema.MEMBERS in tags:
        yield Link("members", members_text(tags[schema.MEMBERS]))
    yield _configuration(version, run, versions)
    yield _agreed("data", schema.DATA_DIGEST, version, tags)
    yield _commit(version, tags)


def members_text(document: str) -> str:
    """The members of an ensemble as text: each weight and name."""
    return "; ".join(f"{line['weight']:.2f} {line['name']}" for line in json.loads(document))


def _served(version: Version, served: str | None) -> Link:
    if served is None or version.digest is None:
        return Link("served files", served or "", "unknown", "the host or the registry keeps no digest of them")
    if served != version.digest:
        return Link("served files", served, "altered", f"registered were {version.digest[:12]}")
    return Link("served files", served)


def _stored(version: Version, versions: Versions) -> Link:
    try:
        versions.download(version)
    except RegistryError as e:
        return Link("registered files", version.digest or version.source, "broken", str(e))
    return Link("registered files", version.digest or version.source)


def _configuration(version: Version, run: Run, versions: Versions) -> Link:
    link = _agreed("configuration", schema.CONFIG_HASH, version, run.tags)
    recorded = run.tags.get(schema.CONFIG_SHA256)
    if link.state != "whole" or recorded is None:
        return link
    try:
        content = versions.reader.file(run.id, CONFIG_FILE)
    except TrackingError as e:
        return Link(link.what, link.value, "broken", str(e))
    if hashlib.sha256(content).hexdigest() != recorded:
        return Link(link.what, link.value, "altered", f"{CONFIG_FILE} of the run was changed after it was recorded")
    return link


def _agreed(what: str, tag: str, version: Version, run_tags: Mapping[str, str]) -> Link:
    """A link by a tag that run and version were both given; if they differ, one was changed afterwards."""
    value = run_tags.get(tag)
    if value is None:
        return Link(what, "", "unknown", f"the run has no tag {tag}")
    if version.tags.get(tag, value) != value:
        return Link(what, value, "altered", f"the version says {version.tags[tag][:12]}, the run {value[:12]}")
    return Link(what, value)


def _commit(version: Version, run_tags: Mapping[str, str]) -> Link:
    link = _agreed("git commit", schema.GIT_COMMIT, version, run_tags)
    if link.state != "whole":
        return link
    if has_commit(link.value) is False:
        return Link(link.what, link.value, "broken", "the repository here has no such commit")
    if run_tags.get(schema.GIT_DIRTY) != "false":
        return Link(link.what, link.value, "unknown", "files had changes that were not committed")
    return link


def _named(run: Run) -> str:
    return f"{run.name} ({run.id[:12]})"
