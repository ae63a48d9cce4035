"""One file per receiver: a pure incremental framer and the port it hangs on.

To add a receiver, write one file here that ends in ``register(Driver(...))``: its kind, its line speed, its framer
and the exchange that sets it up. Opening, reconnecting, flow control and the activity watchdog are shared
(:mod:`edge.receivers.serial_receiver`).
"""
