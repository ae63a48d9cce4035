"""What travels between an edge agent and the centre: typed, versioned, compact messages.

An agent seals what it recorded into *batches*. A batch is identified by (device, boot, number): ``boot`` is a
UUID made at each start of the agent, numbers start at 1 within a boot, and neither the number nor the bytes of a
sealed batch ever change. The centre applies a batch once, however often it arrives, and answers with an
acknowledgement that names the highest number up to which everything is committed; only then may the agent prune.

    up    sgc/v1/<device>/up/batch     envelope bytes of one batch          (seal, read_envelope, open_batch)
    down  sgc/v1/<device>/down/ack     what is committed, what was refused  (encode_message, decode_ack)
    down  sgc/v1/<device>/down/route   the reader's route, retained         (encode_message, decode_route)
    down  sgc/v1/<device>/down/orders  the device's work orders, retained   (encode_message, decode_orders)

The same envelope works as a file. Evolution: array-like structs accept missing trailing fields (defaults) and
ignore unknown trailing ones, so either side may be one version ahead; a change that breaks this raises
:data:`SCHEMA`, and a receiver that does not know a schema refuses the batch by name. A new kind of item does not: an
:class:`OrderReport` answers a work order, so only a device whose centre sends orders ever sends one.
"""

from protocols.sync.envelope import (
    MAX_BODY_BYTES,
    Envelope,
    Header,
    SyncError,
    open_batch,
    open_head,
    read_envelope,
    seal,
)
from protocols.sync.messages import (
    SCHEMA,
    Ack,
    Batch,
    BatchHead,
    ClockStamp,
    Event,
    HourSeries,
    Item,
    OrderReport,
    Refusal,
    Route,
    RouteStop,
    TelegramItem,
    TypedReading,
    WorkOrder,
    WorkOrders,
    decode_ack,
    decode_item,
    decode_orders,
    decode_route,
    encode_message,
)
from protocols.sync.topics import (
    ack_topic,
    all_batches,
    batch_topic,
    device_of,
    orders_topic,
    route_topic,
    valid_device,
)

__all__ = [
    "MAX_BODY_BYTES",
    "SCHEMA",
    "Ack",
    "Batch",
    "BatchHead",
    "ClockStamp",
    "Envelope",
    "Event",
    "Header",
    "HourSeries",
    "Item",
    "OrderReport",
    "Refusal",
    "Route",
    "RouteStop",
    "SyncError",
    "TelegramItem",
    "TypedReading",
    "WorkOrder",
    "WorkOrders",
    "ack_topic",
    "all_batches",
    "batch_topic",
    "decode_ack",
    "decode_item",
    "decode_orders",
    "decode_route",
    "device_of",
    "encode_message",
    "open_batch",
    "open_head",
    "orders_topic",
    "read_envelope",
    "route_topic",
    "seal",
    "valid_device",
]
