"""The events as OpenAPI 3.1 tells them: a webhook for each type, with the schema of its payload."""

from typing import Any

import msgspec

from central.events.kinds import KINDS, Kind

_TEMPLATE = "#/components/schemas/Event{name}"
_HEADERS = {
    "webhook-id": "the same at every try and every replay",
    "webhook-timestamp": "when this try was made, UTC epoch seconds",
    "webhook-signature": "v1,BASE64 for each secret that holds, with spaces between them",
}


def described() -> tuple[dict[str, Any], dict[str, Any]]:
    """The ``webhooks`` of a description, and the schemas they refer to."""
    payloads = [kind.payload for kind in KINDS.values()]
    found, components = msgspec.json.schema_components(payloads, ref_template=_TEMPLATE)
    told = {kind.name: _told(kind, schema) for kind, schema in zip(KINDS.values(), found, strict=True)}
    return told, {f"Event{name}": schema for name, schema in components.items()}


def _told(kind: Kind, data: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "type": {"const": kind.name},
        "version": {"const": kind.version},
        "timestamp": {"type": "string", "format": "date-time"},
        "utility": {"type": "string", "description": "the code of the service"},
        "data": data,
    }
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    headers = [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in _HEADERS.items()
    ]
    post = {
        "summary": (kind.payload.__doc__ or kind.name).strip().splitlines()[0],
        "parameters": headers,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"2XX": {"description": "Taken. Anything else is tried again."}},
    }
    return {"post": post}


def table() -> str:
    """The types of event as a table in Markdown: what each says, and the fields of its payload."""
    rows = ["| type | when | `data` |", "|---|---|---|"]
    for kind in KINDS.values():
        meaning = " ".join((kind.payload.__doc__ or "").split("\n\n")[0].split())
        fields = ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(kind.payload))
        rows.append(f"| `{kind.name}` | {kind.spanish} / {meaning} | {fields} |")
    return "\n".join(rows)
