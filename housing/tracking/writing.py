"""Opens a record for writing, and creates it if there is none."""

from __future__ import annotations

from housing.tracking.client_reader import ClientReader
from housing.tracking.client_writer import ClientWriter
from housing.tracking.local_reader import KNOWN_REVISIONS, LocalReader
from housing.tracking.local_writer import LocalWriter
from housing.tracking.places import database_path
from housing.tracking.reader import Reader
from housing.tracking.reading import is_plain_file
from housing.tracking.servers import check_address
from housing.tracking.sqlite_file import newest_revision, prepare
from housing.tracking.store import open_client
from housing.tracking.writer import Writer


def open_writer(uri: str) -> tuple[Reader, Writer]:
    """A reader and a writer of a record. Raises TrackingError and ConfigError as `open_client`.

    A local record is created and written without MLflow if its schema revision is known; any other through MLflow.
    """
    check_address(uri)
    if is_plain_file(uri) and newest_revision() in KNOWN_REVISIONS:
        path = database_path(uri)
        prepare(path)
        if LocalReader.can_read(path):
            return LocalReader(path), LocalWriter(path)
    client = open_client(uri)
    return ClientReader(client), ClientWriter(client)
