"""One file per receiver: a pure incremental framer and the port it hangs on."""
