"""Reading: what turns the bytes of one document into facts. The only public Python API of Lastcall.

``monitor.reading.source`` declares an adapter and ``monitor.reading.page`` has the names that read
a document. Pure code: it has no clock, network, environment, database or log."""

#: Rises when an adapter written for an earlier one may no longer work (docs/adapters.md).
API = 1
