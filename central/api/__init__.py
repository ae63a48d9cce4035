"""The programs' interface, ``/api/v1``: JSON over the same services and the same policy as the pages.

* Bearer tokens of users (:mod:`central.access.tokens`); each route declares the permission it needs.
* Money is decimal text, volumes are whole litres, ``*_ms`` are UTC epoch milliseconds, other instants RFC 3339.
* Lists are pages: ``after`` takes the ``next`` of the page before, which says nothing to its bearer.
* Every POST carries an ``Idempotency-Key``: the same request again gets the same answer and changes nothing.
* Every error is a problem (RFC 9457) that names field, value and rule.
"""

from central.api.app import create_api, serve

__all__ = ["create_api", "serve"]
